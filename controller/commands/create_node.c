/* node.create: the owner's roster claims the node, then its first record follows. A crash in between
 * leaves a claim that whoever retries, or the controller's own timer, goes on with. */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_create_node(inputs, (const Roost__CreateNodeRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__CreateNodeResponse *response;
	arena_message(request->arena, response, roost__create_node_response__init);
	response->node = answer->node;
	return &response->base;
}

const struct command command_create_node = {.decide = decide, .respond = respond};
