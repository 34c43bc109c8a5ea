/* node.stop: everything that runs on it ends, files stay (S0-22). Without a confirmation it is refused
 * with a list of what would end. */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_stop_node(inputs, (const Roost__StopNodeRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__StopNodeResponse *response;
	arena_message(request->arena, response, roost__stop_node_response__init);
	response->has_status = true;
	response->status = answer->node->status;
	return &response->base;
}

const struct command command_stop_node = {.decide = decide, .respond = respond, .goal = &goal_node_stopped};
