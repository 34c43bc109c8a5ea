/* session.list: the sessions of a workspace, or all of the owner's, newest first; ended ones stay
 * listed (S0-14, S0-16, D15). */
#include "controller/commands/commands_state.h"
#include "controller/domain/validate.h"

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__ListSessionsRequest *input = (const Roost__ListSessionsRequest *)request->input;
	struct projection *projection = request->commands->settings.projection;
	struct arena *arena = request->arena;
	struct session_page page;
	uint32_t limit;
	if (!validate_list_limit(input->has_limit, input->limit, &limit, error))
		return NULL;
	if (input->workspace_id != NULL &&
	    (!validate_id("workspaceId", input->workspace_id, error) ||
	     projection_workspace(projection, request->owner, input->workspace_id, arena, error) == NULL))
		return NULL;
	if (!projection_list_sessions(projection, request->owner, input->workspace_id, limit, input->cursor, arena,
				      &page, error))
		return NULL;
	Roost__ListSessionsResponse *response;
	arena_message(arena, response, roost__list_sessions_response__init);
	response->sessions = arena_array_of(arena, Roost__AgentSession *, page.count);
	response->n_sessions = page.count;
	for (size_t i = 0; i < page.count; i++)
		response->sessions[i] = page.items[i]->resource;
	response->next_cursor = page.next_cursor;
	return &response->base;
}

const struct command command_list_sessions = {.query = query};
