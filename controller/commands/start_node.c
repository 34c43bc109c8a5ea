/* node.start: the node may run again; its workspaces stay stopped until somebody restarts them (S0-13). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_start_node(inputs, (const Roost__StartNodeRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__StartNodeResponse *response;
	arena_message(request->arena, response, roost__start_node_response__init);
	response->has_status = true;
	response->status = answer->node->status;
	return &response->base;
}

const struct command command_start_node = {.decide = decide, .respond = respond};
