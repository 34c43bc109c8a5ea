/* node.delete: with all its workspaces, after a confirmation that lists them (D10); done when the node says
 * that nothing is left, or at once when it is abandoned (D17). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_delete_node(inputs, (const Roost__DeleteNodeRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__DeleteNodeResponse *response;
	arena_message(request->arena, response, roost__delete_node_response__init);
	response->has_success = true;
	response->success = true;
	response->has_status = true;
	response->status = answer->node->status;
	return &response->base;
}

const struct command command_delete_node = {.decide = decide, .respond = respond, .goal = &goal_node_deleted};
