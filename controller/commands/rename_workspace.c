/* workspace.rename: keeps id, owner and address; a name that is taken gets a suffix (S0-08, S0-09). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_rename_workspace(inputs, (const Roost__RenameWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__RenameWorkspaceResponse *response;
	arena_message(request->arena, response, roost__rename_workspace_response__init);
	response->workspace = answer->workspace;
	return &response->base;
}

const struct command command_rename_workspace = {.decide = decide, .respond = respond};
