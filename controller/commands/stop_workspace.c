/* workspace.stop: files stay, everything that runs in it ends (S0-11). Answers "stopping"; a workspace
 * that is stopped already says so and nothing is recorded. */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_stop_workspace(inputs, (const Roost__StopWorkspaceRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__StopWorkspaceResponse *response;
	arena_message(request->arena, response, roost__stop_workspace_response__init);
	response->has_status = true;
	response->status = answer->workspace->status;
	return &response->base;
}

const struct command command_stop_workspace = {.decide = decide, .respond = respond, .goal = &goal_workspace_stopped};
