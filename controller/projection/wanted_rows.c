/* Pages of wanted state, in the order of versions, so that an agent that holds a version has all rows
 * up to it. */
#include "controller/projection/database.h"

#include "controller/domain/wanted.h"
#include <stdio.h>
#include <string.h>

enum { ROWS_PER_PAGE_MAX = 4096, FRAMING_BYTES = 8 };

struct collecting {
	struct projection *projection;
	struct arena *arena;
	struct wanted_page *page;
	size_t bytes, bytes_max;
};

/* Adds the row that the statement is at; false when the page is full or the row does not decode. */
static bool add_row(struct collecting *collecting, sqlite3_stmt *stmt, bool is_session)
{
	struct wanted_page *page = collecting->page;
	struct arena *arena = collecting->arena;
	Roost__WantedWorkspace *workspace = NULL;
	Roost__WantedSession *session = NULL;
	const ProtobufCMessageDescriptor *descriptor =
	    is_session ? &roost__session_state__descriptor : &roost__workspace_state__descriptor;
	void *state = column_message(collecting->projection, stmt, 2, descriptor, arena);
	if (state == NULL)
		return false;
	if (is_session)
		session = wanted_session(state, arena);
	else
		workspace = wanted_workspace(state, arena);
	size_t rows = page->workspace_count + page->session_count;
	size_t size = FRAMING_BYTES + (is_session ? protobuf_c_message_get_packed_size(&session->base)
						  : protobuf_c_message_get_packed_size(&workspace->base));
	if (rows == ROWS_PER_PAGE_MAX || (rows > 0 && collecting->bytes + size > collecting->bytes_max))
		return false;
	collecting->bytes += size;
	if (is_session) {
		page->sessions = array_for_one_more(arena, page->sessions, page->session_count);
		page->sessions[page->session_count++] = session;
	} else {
		page->workspaces = array_for_one_more(arena, page->workspaces, page->workspace_count);
		page->workspaces[page->workspace_count++] = workspace;
	}
	return true;
}

bool projection_wanted(struct projection *projection, const char *node_id, const struct wanted_cursor *cursor,
		       size_t bytes_max, struct arena *arena, struct wanted_page *page, struct error *error)
{
	*page = (struct wanted_page){.to_version = cursor->held_version, .next = *cursor};
	const Roost__NodeState *node = projection->entities.node(projection, node_id, arena);
	if (node == NULL)
		return projection_sound(projection, error);
	page->to_version = node->version;
	page->log_epoch = node->log_epoch;
	/* On every page: it may have become wanted since the first one was made. */
	if (node->wanted_version > cursor->held_version)
		page->node = wanted_node(node, arena);
	if (node->resource->status == ROOST__NODE__STATUS__DELETED)
		return projection_sound(projection, error);
	int64_t number = entities_number(projection, CACHE_NODE, node_id);
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_WANTED);
	if (stmt == NULL)
		return projection_sound(projection, error);
	struct collecting collecting = {.projection = projection, .arena = arena, .page = page, .bytes_max = bytes_max};
	sqlite3_bind_int64(stmt, 1, number);
	sqlite3_bind_int64(stmt, 2, (int64_t)cursor->version);
	/* Rows begin with 0 or 1: at first, those of the held version itself are left out. */
	bind_text(stmt, 3, cursor->row[0] == '\0' ? "~" : cursor->row);
	sqlite3_bind_int64(stmt, 4, (int64_t)cursor->held_version);
	while (statement_row(projection, stmt)) {
		uint64_t version = (uint64_t)sqlite3_column_int64(stmt, 0);
		const char *row = (const char *)sqlite3_column_text(stmt, 1);
		if (!add_row(&collecting, stmt, row[0] == '1')) {
			page->more = true;
			page->to_version = version - 1;
			break;
		}
		page->next.version = version;
		snprintf(page->next.row, sizeof(page->next.row), "%s", row);
	}
	sqlite3_reset(stmt);
	return projection_sound(projection, error);
}
