/* workspace.update: how it is shown, its name and whether its children are shown too (S2-01). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_update_workspace(inputs, (const Roost__UpdateWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__UpdateWorkspaceResponse *response;
	arena_message(request->arena, response, roost__update_workspace_response__init);
	response->workspace = answer->workspace;
	return &response->base;
}

const struct command command_update_workspace = {.decide = decide, .respond = respond};
