/* workspace.reap: removes what is on a node and in no log, on its owner's word. */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_reap_workspace(inputs, (const Roost__ReapWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__ReapWorkspaceResponse *response;
	arena_message(request->arena, response, roost__reap_workspace_response__init);
	response->has_status = true;
	response->status = answer->workspace->status;
	return &response->base;
}

const struct command command_reap_workspace = {.decide = decide, .respond = respond};
