/* node.list: the owner's nodes, newest first (S0-02). */
#include "controller/commands/commands_state.h"
#include "controller/commands/present.h"
#include "controller/domain/validate.h"

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__ListNodesRequest *input = (const Roost__ListNodesRequest *)request->input;
	struct arena *arena = request->arena;
	struct node_page page;
	uint32_t limit;
	if (!validate_list_limit(input->has_limit, input->limit, &limit, error) ||
	    !projection_list_nodes(request->commands->settings.projection, request->owner, limit, input->cursor, arena,
				   &page, error))
		return NULL;
	Roost__ListNodesResponse *response;
	arena_message(arena, response, roost__list_nodes_response__init);
	response->nodes = arena_array_of(arena, Roost__Node *, page.count);
	response->n_nodes = page.count;
	for (size_t i = 0; i < page.count; i++) {
		response->nodes[i] = page.items[i]->resource;
		present_node(request->commands, response->nodes[i], request->arena);
	}
	response->next_cursor = page.next_cursor;
	return &response->base;
}

const struct command command_list_nodes = {.query = query};
