/* roost node create */
#include "command.pb-c.h"
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = invocation->arguments[0];
	request.provider = invocation_value(invocation, "provider");
	struct api_call call = {.command = API_create_node, .request = &request.base};
	struct error error;
	const ProtobufCMessage *answer = call_with_key(invocation, &call, &error);
	if (answer == NULL)
		return verb_failed(&error);
	const Roost__Node *node = ((const Roost__CreateNodeResponse *)answer)->node;
	if (invocation_has(invocation, "wait"))
		return show_outcome(invocation, &goal_node_running, node->id, 0, call.seq);
	if (invocation->json)
		return show_json(invocation, API_create_node, answer);
	show_status(KIND_NODE, &node->base, invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"provider", "name", "Who runs the machine; local by default."},
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_node_create = {
    .noun = "node",
    .name = "create",
    .arguments = "<name>",
    .sentence = "Make a node; it runs as soon as its node agent is there.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
