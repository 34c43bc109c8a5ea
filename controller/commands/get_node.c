/* node.get: one node of the owner's; somebody else's does not exist (D14). */
#include "controller/commands/commands_state.h"
#include "controller/commands/present.h"
#include "controller/domain/validate.h"

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__GetNodeRequest *input = (const Roost__GetNodeRequest *)request->input;
	struct projection *projection = request->commands->settings.projection;
	if (!validate_id("id", input->id, error))
		return NULL;
	Roost__NodeState *state = projection_node(projection, request->owner, input->id, request->arena, error);
	if (state == NULL)
		return NULL;
	Roost__GetNodeResponse *response;
	arena_message(request->arena, response, roost__get_node_response__init);
	response->node = state->resource;
	present_node(request->commands, response->node, request->arena);
	return &response->base;
}

const struct command command_get_node = {.query = query};
