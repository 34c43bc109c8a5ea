/* workspace.create: on the named node, or on the one that the owner's roster places it on; the roster's
 * choice is a record of its own, so that a retry goes on with the same node and id (S0-03, S0-08). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_create_workspace(inputs, (const Roost__CreateWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__CreateWorkspaceResponse *response;
	arena_message(request->arena, response, roost__create_workspace_response__init);
	response->workspace = answer->workspace;
	return &response->base;
}

const struct command command_create_workspace = {.decide = decide, .respond = respond};
