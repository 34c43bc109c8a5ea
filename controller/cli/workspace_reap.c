/* roost workspace reap: what is in no log has no name, and only its node knows it. */
#include "command.pb-c.h"
#include "controller/cli/show.h"

#include <stdio.h>

static int run(struct invocation *invocation)
{
	Roost__ReapWorkspaceRequest request = ROOST__REAP_WORKSPACE_REQUEST__INIT;
	struct api_call call = {.command = API_reap_workspace, .request = &request.base};
	struct error error;
	request.id = invocation->arguments[0];
	if (!invocation_has(invocation, "node"))
		return verb_misused(invocation->verb, "--node is missing: it is in no list");
	if (!option_id(invocation, "node", KIND_NODE, &request.node_id, &call.min_seq, &error))
		return verb_failed(&error);
	const ProtobufCMessage *answer = call_with_key(invocation, &call, &error);
	if (answer == NULL)
		return verb_refused(&error, call.details, call.detail_count, invocation->arena);
	if (invocation->json)
		return show_json(invocation, API_reap_workspace, answer);
	printf("workspace %s is %s\n", request.id, status_word(answer, invocation->arena));
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"node", "node", "The node that it is on."},
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_reap = {
    .noun = "workspace",
    .name = "reap",
    .arguments = "<id>",
    .sentence = "Remove a workspace that is on a node and that nobody knows; events name its id.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
