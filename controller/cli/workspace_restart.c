/* roost workspace restart */
#include "command.pb-c.h"
#include "controller/cli/show.h"

#include <stdio.h>

static int run(struct invocation *invocation)
{
	Roost__RestartWorkspaceRequest request = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	struct api_call call = {.command = API_restart_workspace, .request = &request.base};
	request.id = argument_id(invocation, 0, KIND_WORKSPACE, &call.min_seq);
	if (request.id == NULL)
		return EXIT_FAILED;
	struct error error;
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation_has(invocation, "wait"))
		return show_outcome(invocation, &goal_workspace_running, request.id, call.min_seq, call.seq);
	if (invocation->json)
		return show_json(invocation, API_restart_workspace, answer);
	printf("workspace %s is %s\n", request.id, status_word(answer, invocation->arena));
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_END,
};

const struct verb verb_workspace_restart = {
    .noun = "workspace",
    .name = "restart",
    .arguments = "<workspace>",
    .sentence = "Start a workspace anew with the same files; its earlier sessions stay ended.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
