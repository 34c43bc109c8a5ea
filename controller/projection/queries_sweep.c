/* What the sweeper asks, over all owners, in pages by id. */
#include "controller/projection/database.h"

/* A page of any kind; node_page, workspace_page and session_page have this shape. */
struct page {
	ProtobufCMessage **items;
	size_t count;
	const char *next_cursor;
};

/* Runs a statement: ?1 is the id to go on after, ?2 the limit; it gives id and state. */
static bool page_of(struct projection *projection, enum statement which, const char *after_id, uint32_t limit,
		    const ProtobufCMessageDescriptor *descriptor, struct arena *arena, struct page *page,
		    struct error *error)
{
	*page = (struct page){0};
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL)
		return projection_sound(projection, error);
	bind_text(stmt, 1, after_id);
	sqlite3_bind_int64(stmt, 2, limit);
	while (statement_row(projection, stmt)) {
		ProtobufCMessage *state = column_message(projection, stmt, 1, descriptor, arena);
		if (state == NULL)
			break;
		page->items = array_for_one_more(arena, page->items, page->count);
		page->items[page->count++] = state;
		if (page->count == limit)
			page->next_cursor = column_text(stmt, 0, arena);
	}
	sqlite3_reset(stmt);
	return projection_sound(projection, error);
}

bool projection_all_nodes(struct projection *projection, const char *after_id, uint32_t limit, struct arena *arena,
			  struct node_page *page, struct error *error)
{
	struct page found;
	bool read =
	    page_of(projection, STATEMENT_NODES, after_id, limit, &roost__node_state__descriptor, arena, &found, error);
	*page = (struct node_page){(Roost__NodeState **)found.items, found.count, found.next_cursor};
	return read;
}

bool projection_moving_workspaces(struct projection *projection, const char *after_id, uint32_t limit,
				  struct arena *arena, struct workspace_page *page, struct error *error)
{
	struct page found;
	bool read = page_of(projection, STATEMENT_MOVING_WORKSPACES, after_id, limit,
			    &roost__workspace_state__descriptor, arena, &found, error);
	*page = (struct workspace_page){(Roost__WorkspaceState **)found.items, found.count, found.next_cursor};
	return read;
}

bool projection_moving_sessions(struct projection *projection, const char *after_id, uint32_t limit,
				struct arena *arena, struct session_page *page, struct error *error)
{
	struct page found;
	bool read = page_of(projection, STATEMENT_MOVING_SESSIONS, after_id, limit, &roost__session_state__descriptor,
			    arena, &found, error);
	*page = (struct session_page){(Roost__SessionState **)found.items, found.count, found.next_cursor};
	return read;
}

bool projection_wanted_version(struct projection *projection, const char *node_id, struct arena *arena,
			       uint64_t *version, struct error *error)
{
	const Roost__NodeState *node = projection->entities.node(projection, node_id, arena);
	int64_t number = entities_number(projection, CACHE_NODE, node_id);
	*version = node == NULL ? 0 : node->wanted_version;
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_WANTED_VERSION);
	if (stmt != NULL)
		sqlite3_bind_int64(stmt, 1, number);
	if (stmt != NULL && statement_row(projection, stmt)) {
		uint64_t of_things = (uint64_t)sqlite3_column_int64(stmt, 0);
		if (of_things > *version)
			*version = of_things;
		sqlite3_reset(stmt);
	}
	return projection_sound(projection, error);
}
