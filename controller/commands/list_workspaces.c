/* workspace.list: the owner's workspaces, newest first, of one node or in one state where asked for
 * (S0-03). A node that is not the owner's is an error, never a list without its filter (S4-11). */
#include "controller/commands/commands_state.h"
#include "controller/commands/present.h"
#include "controller/domain/validate.h"

static bool read_filter(struct request *request, struct workspace_filter *filter, struct error *error)
{
	const Roost__ListWorkspacesRequest *input = (const Roost__ListWorkspacesRequest *)request->input;
	*filter = (struct workspace_filter){.node_id = input->node_id};
	if (input->has_status)
		filter->status = input->status;
	if (input->node_id == NULL)
		return true;
	return validate_id("nodeId", input->node_id, error) &&
	       projection_node(request->commands->settings.projection, request->owner, input->node_id, request->arena,
			       error) != NULL;
}

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__ListWorkspacesRequest *input = (const Roost__ListWorkspacesRequest *)request->input;
	struct arena *arena = request->arena;
	struct workspace_filter filter;
	struct workspace_page page;
	uint32_t limit;
	if (!validate_list_limit(input->has_limit, input->limit, &limit, error) ||
	    !read_filter(request, &filter, error) ||
	    !projection_list_workspaces(request->commands->settings.projection, request->owner, &filter, limit,
					input->cursor, arena, &page, error))
		return NULL;
	Roost__ListWorkspacesResponse *response;
	arena_message(arena, response, roost__list_workspaces_response__init);
	response->workspaces = arena_array_of(arena, Roost__Workspace *, page.count);
	response->n_workspaces = page.count;
	for (size_t i = 0; i < page.count; i++) {
		response->workspaces[i] = page.items[i]->resource;
		present_workspace(request->commands, response->workspaces[i], arena);
	}
	response->next_cursor = page.next_cursor;
	return &response->base;
}

const struct command command_list_workspaces = {.query = query};
