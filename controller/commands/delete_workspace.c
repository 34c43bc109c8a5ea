/* workspace.delete: "deleting" is recorded first; the node then stops it and removes what is left (D12). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_delete_workspace(inputs, (const Roost__DeleteWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__DeleteWorkspaceResponse *response;
	arena_message(request->arena, response, roost__delete_workspace_response__init);
	response->has_success = true;
	response->success = true;
	response->has_cascade_deleted = true;
	response->cascade_deleted = request->cascaded;
	response->has_status = true;
	response->status = answer->workspace->status;
	return &response->base;
}

const struct command command_delete_workspace = {.decide = decide, .respond = respond, .goal = &goal_workspace_deleted};
