/* event.list: what happened, newest first, or oldest first for following (S0-30). */
#include "controller/commands/commands_state.h"
#include "controller/domain/validate.h"

static bool optional_id(const char *field, const char *id, struct error *error)
{
	return id == NULL || validate_id(field, id, error);
}

/* Whether the owner has what the filter names. */
static bool is_there(struct request *request, const struct event_filter *filter, struct error *error)
{
	struct projection *projection = request->commands->settings.projection;
	if (filter->session_id != NULL)
		return projection_session(projection, request->owner, filter->session_id, request->arena, error) !=
		       NULL;
	if (filter->workspace_id != NULL)
		return projection_workspace(projection, request->owner, filter->workspace_id, request->arena, error) !=
		       NULL;
	return filter->node_id == NULL ||
	       projection_node(projection, request->owner, filter->node_id, request->arena, error) != NULL;
}

/* What is deleted still tells how that came about, as long as its events are kept (D15). */
static bool has_left_events(struct request *request, const struct event_filter *filter)
{
	struct event_page page;
	struct error unused;
	return projection_list_events(request->commands->settings.projection, request->owner, filter, 1, NULL,
				      request->arena, &page, &unused) &&
	       page.count > 0;
}

/* Events of what is not the owner's, or does not exist, are refused like the thing itself. */
static bool read_filter(struct request *request, struct event_filter *filter, struct error *error)
{
	const Roost__ListEventsRequest *input = (const Roost__ListEventsRequest *)request->input;
	*filter = (struct event_filter){
	    .node_id = input->node_id,
	    .workspace_id = input->workspace_id,
	    .session_id = input->session_id,
	    .ascending = input->has_ascending && input->ascending,
	};
	return optional_id("nodeId", input->node_id, error) && optional_id("workspaceId", input->workspace_id, error) &&
	       optional_id("sessionId", input->session_id, error) &&
	       (is_there(request, filter, error) || has_left_events(request, filter));
}

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__ListEventsRequest *input = (const Roost__ListEventsRequest *)request->input;
	struct event_filter filter;
	struct event_page page;
	uint32_t limit;
	if (!validate_list_limit(input->has_limit, input->limit, &limit, error) ||
	    !read_filter(request, &filter, error) ||
	    !projection_list_events(request->commands->settings.projection, request->owner, &filter, limit,
				    input->cursor, request->arena, &page, error))
		return NULL;
	Roost__ListEventsResponse *response;
	arena_message(request->arena, response, roost__list_events_response__init);
	response->events = page.items;
	response->n_events = page.count;
	response->next_cursor = page.next_cursor;
	return &response->base;
}

const struct command command_list_events = {.query = query};
