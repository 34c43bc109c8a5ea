/* Single things and lists of an owner. Lists go by id, newest first, since ids sort by time. */
#include "controller/projection/database.h"

#include "bus/foundation/ulid.h"
#include "controller/domain/states.h"
#include <string.h>

static void *not_found(const struct projection *projection, enum error_code code, const char *what, const char *id,
		       struct error *error)
{
	if (projection_sound(projection, error))
		error_set(error, code, "There is no %s %s. See: roost %s list", what, id == NULL ? "" : id, what);
	return NULL;
}

Roost__NodeState *projection_any_node(struct projection *projection, const char *id, struct arena *arena,
				      struct error *error)
{
	Roost__NodeState *node = id == NULL ? NULL : projection->entities.node(projection, id, arena);
	return projection_sound(projection, error) ? node : NULL;
}

Roost__NodeState *projection_node(struct projection *projection, const char *owner, const char *id, struct arena *arena,
				  struct error *error)
{
	Roost__NodeState *node = id == NULL ? NULL : projection->entities.node(projection, id, arena);
	if (node == NULL || strcmp(node->owner, owner) != 0 || node->resource->status == ROOST__NODE__STATUS__DELETED)
		return not_found(projection, ERROR_NODE_NOT_FOUND, "node", id, error);
	return node;
}

static Roost__WorkspaceState *find_workspace(struct projection *projection, const char *owner, const char *id,
					     struct arena *arena)
{
	Roost__WorkspaceState *workspace = id == NULL ? NULL : projection->entities.workspace(projection, id, arena);
	if (workspace == NULL || strcmp(workspace->owner, owner) != 0 ||
	    workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED)
		return NULL;
	return workspace;
}

Roost__WorkspaceState *projection_workspace(struct projection *projection, const char *owner, const char *id,
					    struct arena *arena, struct error *error)
{
	Roost__WorkspaceState *workspace = find_workspace(projection, owner, id, arena);
	return workspace != NULL ? workspace : not_found(projection, ERROR_WORKSPACE_NOT_FOUND, "workspace", id, error);
}

Roost__SessionState *projection_session(struct projection *projection, const char *owner, const char *id,
					struct arena *arena, struct error *error)
{
	Roost__SessionState *session = id == NULL ? NULL : projection->entities.session(projection, id, arena);
	if (session == NULL || strcmp(session->owner, owner) != 0 ||
	    find_workspace(projection, owner, session->resource->workspace_id, arena) == NULL)
		return not_found(projection, ERROR_SESSION_NOT_FOUND, "session", id, error);
	return session;
}

/* A page of any kind; node_page, workspace_page and session_page have this shape. */
struct page {
	ProtobufCMessage **items;
	size_t count;
	const char *next_cursor;
};

/* Runs a list statement: ?1 is whose, ?2 the id to go on before, ?3 the limit, ?4 a status word. */
static bool list(struct projection *projection, enum statement which, int64_t whose, const char *status, uint32_t limit,
		 const char *cursor, const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
		 struct page *page, struct error *error)
{
	*page = (struct page){0};
	if (cursor != NULL && cursor[0] != '\0' && !ulid_valid(cursor))
		return error_set(error, ERROR_INVALID_ARGUMENT, "cursor: is not one of an earlier answer");
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, which);
	if (whose == 0 || stmt == NULL)
		return projection_sound(projection, error);
	sqlite3_bind_int64(stmt, 1, whose);
	bind_text(stmt, 2, cursor == NULL || cursor[0] == '\0' ? "~" : cursor);
	sqlite3_bind_int64(stmt, 3, (int64_t)limit + 1);
	if (status != NULL)
		bind_text(stmt, 4, status);
	const char *last = NULL;
	while (statement_row(projection, stmt)) {
		if (page->count == limit) {
			page->next_cursor = last;
			break;
		}
		page->items = array_for_one_more(arena, page->items, page->count);
		page->items[page->count] = column_message(projection, stmt, 1, descriptor, arena);
		last = column_text(stmt, 0, arena);
		if (page->items[page->count++] == NULL)
			break;
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return projection_sound(projection, error);
}

bool projection_list_nodes(struct projection *projection, const char *owner, uint32_t limit, const char *cursor,
			   struct arena *arena, struct node_page *page, struct error *error)
{
	struct page found;
	bool listed = list(projection, STATEMENT_LIST_NODES, entities_find_owner(projection, owner), NULL, limit,
			   cursor, &roost__node_state__descriptor, arena, &found, error);
	*page = (struct node_page){(Roost__NodeState **)found.items, found.count, found.next_cursor};
	return listed;
}

bool projection_list_workspaces(struct projection *projection, const char *owner, const struct workspace_filter *filter,
				uint32_t limit, const char *cursor, struct arena *arena, struct workspace_page *page,
				struct error *error)
{
	struct page found;
	enum statement which = STATEMENT_LIST_WORKSPACES;
	int64_t whose = entities_find_owner(projection, owner);
	if (filter->node_id != NULL) {
		bool own = whose != 0 && entities_owner_of(projection, CACHE_NODE, filter->node_id) == whose;
		whose = own ? entities_number(projection, CACHE_NODE, filter->node_id) : 0;
		which = STATEMENT_LIST_WORKSPACES_OF_NODE;
	}
	const char *status = filter->status == 0 ? NULL : workspace_status_word(filter->status);
	bool listed = list(projection, which, whose, status, limit, cursor, &roost__workspace_state__descriptor, arena,
			   &found, error);
	*page = (struct workspace_page){(Roost__WorkspaceState **)found.items, found.count, found.next_cursor};
	return listed;
}

bool projection_list_sessions(struct projection *projection, const char *owner, const char *workspace_id,
			      uint32_t limit, const char *cursor, struct arena *arena, struct session_page *page,
			      struct error *error)
{
	struct page found;
	enum statement which = STATEMENT_LIST_SESSIONS;
	int64_t whose = entities_find_owner(projection, owner);
	if (workspace_id != NULL) {
		bool own = find_workspace(projection, owner, workspace_id, arena) != NULL;
		whose = own ? entities_number(projection, CACHE_WORKSPACE, workspace_id) : 0;
		which = STATEMENT_LIST_SESSIONS_OF_WORKSPACE;
	}
	bool listed = list(projection, which, whose, NULL, limit, cursor, &roost__session_state__descriptor, arena,
			   &found, error);
	*page = (struct session_page){(Roost__SessionState **)found.items, found.count, found.next_cursor};
	return listed;
}

static uint64_t count(struct projection *projection, enum statement which)
{
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL || !statement_row(projection, stmt))
		return 0;
	uint64_t value = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return value;
}

bool projection_counts(struct projection *projection, struct projection_counts *out, struct error *error)
{
	entities_flush(projection);
	*out = (struct projection_counts){
	    .records = projection->records,
	    .undecodable = projection->undecodable,
	    .skipped = projection->skipped,
	    .nodes = count(projection, STATEMENT_COUNT_NODES),
	    .workspaces = count(projection, STATEMENT_COUNT_WORKSPACES),
	    .sessions = count(projection, STATEMENT_COUNT_SESSIONS),
	};
	return projection_sound(projection, error);
}
