/* roost node get */
#include "command.pb-c.h"
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	struct api_call call = {.command = API_get_node, .request = &request.base};
	request.id = argument_id(invocation, 0, KIND_NODE, &call.min_seq);
	if (request.id == NULL)
		return EXIT_FAILED;
	struct error error;
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_get_node, answer);
	show_fields(&((const Roost__GetNodeResponse *)answer)->node->base, invocation->arena);
	return EXIT_DONE;
}

const struct verb verb_node_get = {
    .noun = "node",
    .name = "get",
    .arguments = "<node>",
    .sentence = "Show everything about one node.",
    .least = 1,
    .most = 1,
    .run = run,
};
