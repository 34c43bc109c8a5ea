/* workspace.rebuild: a new generation with an environment made anew from the image; /workspace is kept (D6). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_rebuild_workspace(inputs, (const Roost__RebuildWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__RebuildWorkspaceResponse *response;
	arena_message(request->arena, response, roost__rebuild_workspace_response__init);
	response->has_status = true;
	response->status = answer->workspace->status;
	return &response->base;
}

const struct command command_rebuild_workspace = {.decide = decide, .respond = respond};
