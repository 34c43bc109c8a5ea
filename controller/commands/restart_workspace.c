/* workspace.restart: the same files under a new generation; earlier sessions have ended (S0-12). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_restart_workspace(inputs, (const Roost__RestartWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__RestartWorkspaceResponse *response;
	arena_message(request->arena, response, roost__restart_workspace_response__init);
	response->has_status = true;
	response->status = answer->workspace->status;
	return &response->base;
}

const struct command command_restart_workspace = {.decide = decide, .respond = respond};
