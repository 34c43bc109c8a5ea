/* Events by owner, node, workspace or session, in both directions. A cursor is <sequence>-<index>. */
#include "controller/projection/database.h"

#include "bus/wire/message.h"
#include <inttypes.h>
#include <string.h>

/* Digits only, at most `limit`; *end is behind them. */
static bool read_number(const char *text, uint64_t limit, const char **end, uint64_t *number)
{
	*number = 0;
	*end = text;
	for (; **end >= '0' && **end <= '9'; (*end)++) {
		*number = *number * 10 + (uint64_t)(**end - '0');
		if (*number > limit)
			return false;
	}
	return *end != text;
}

static bool read_cursor(const char *cursor, int64_t *place)
{
	const char *end;
	uint64_t seq, index;
	if (!read_number(cursor, INT64_MAX / EVENTS_PER_RECORD - 1, &end, &seq) || *end != '-' ||
	    !read_number(end + 1, EVENTS_PER_RECORD - 1, &end, &index) || *end != '\0')
		return false;
	*place = (int64_t)(seq * EVENTS_PER_RECORD + index);
	return true;
}

static const char *write_cursor(int64_t place, struct arena *arena)
{
	return arena_printf(arena, "%" PRId64 "-%" PRId64, place / EVENTS_PER_RECORD, place % EVENTS_PER_RECORD);
}

/* Whose events, and by which statement; the owner's only (D14). Things that are deleted still have
 * their events. */
static int64_t choose(struct projection *projection, const char *owner, const struct event_filter *filter,
		      enum statement *which)
{
	static const struct {
		enum statement down, up;
	} statements[CACHE_KINDS] = {
	    [CACHE_OWNER] = {STATEMENT_EVENTS_OF_OWNER, STATEMENT_EVENTS_OF_OWNER_ON},
	    [CACHE_NODE] = {STATEMENT_EVENTS_OF_NODE, STATEMENT_EVENTS_OF_NODE_ON},
	    [CACHE_WORKSPACE] = {STATEMENT_EVENTS_OF_WORKSPACE, STATEMENT_EVENTS_OF_WORKSPACE_ON},
	    [CACHE_SESSION] = {STATEMENT_EVENTS_OF_SESSION, STATEMENT_EVENTS_OF_SESSION_ON},
	};
	enum cache_kind kind = filter->session_id != NULL     ? CACHE_SESSION
			       : filter->workspace_id != NULL ? CACHE_WORKSPACE
			       : filter->node_id != NULL      ? CACHE_NODE
							      : CACHE_OWNER;
	const char *id = filter->session_id != NULL	? filter->session_id
			 : filter->workspace_id != NULL ? filter->workspace_id
							: filter->node_id;
	*which = filter->ascending ? statements[kind].up : statements[kind].down;
	int64_t number = entities_find_owner(projection, owner);
	if (kind == CACHE_OWNER || number == 0)
		return number;
	return entities_owner_of(projection, kind, id) == number ? entities_number(projection, kind, id) : 0;
}

/* Reads rows of (place, event) to the end or to `limit`; true in *more when another one follows. */
static int64_t read_events(struct projection *projection, sqlite3_stmt *stmt, uint32_t limit, struct arena *arena,
			   struct event_page *page, bool *more)
{
	int64_t last = 0;
	*more = false;
	while (stmt != NULL && statement_row(projection, stmt)) {
		if (page->count == limit) {
			*more = true;
			break;
		}
		Roost__Event *event = column_message(projection, stmt, 1, &roost__event__descriptor, arena);
		if (event == NULL)
			break;
		last = sqlite3_column_int64(stmt, 0);
		page->items = array_for_one_more(arena, page->items, page->count);
		page->items[page->count++] = event;
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return last;
}

bool projection_list_events(struct projection *projection, const char *owner, const struct event_filter *filter,
			    uint32_t limit, const char *cursor, struct arena *arena, struct event_page *page,
			    struct error *error)
{
	enum statement which;
	bool more = false, with_cursor = cursor != NULL && cursor[0] != '\0';
	int64_t from = filter->ascending ? 0 : INT64_MAX;
	*page = (struct event_page){0};
	if (with_cursor && !read_cursor(cursor, &from))
		return error_set(error, ERROR_INVALID_ARGUMENT, "cursor: is not one of an earlier answer");
	int64_t last = 0, whose = choose(projection, owner, filter, &which);
	if (whose != 0) {
		sqlite3_stmt *stmt = statement(projection, which);
		sqlite3_bind_int64(stmt, 1, whose);
		sqlite3_bind_int64(stmt, 2, from);
		sqlite3_bind_int64(stmt, 3, (int64_t)limit + 1);
		sqlite3_bind_int64(stmt, 4, events_floor(projection));
		last = read_events(projection, stmt, limit, arena, page, &more);
	}
	if (more || filter->ascending)
		page->next_cursor = write_cursor(page->count > 0 ? last : from, arena);
	return projection_sound(projection, error);
}

bool projection_events_of_record(struct projection *projection, uint64_t seq, struct arena *arena,
				 struct event_page *page, struct error *error)
{
	bool more;
	*page = (struct event_page){0};
	sqlite3_stmt *stmt = statement(projection, STATEMENT_EVENTS_OF_RECORD);
	if (stmt != NULL) {
		sqlite3_bind_int64(stmt, 1, (int64_t)(seq * EVENTS_PER_RECORD));
		sqlite3_bind_int64(stmt, 2, (int64_t)((seq + 1) * EVENTS_PER_RECORD));
		read_events(projection, stmt, EVENTS_PER_RECORD, arena, page, &more);
	}
	return projection_sound(projection, error);
}

/* ---- writing ---- */

static int64_t number_or_zero(struct projection *projection, enum cache_kind kind, const char *id)
{
	return id == NULL ? 0 : entities_number(projection, kind, id);
}

static void bind_number(sqlite3_stmt *stmt, int place, int64_t number)
{
	if (number != 0)
		sqlite3_bind_int64(stmt, place, number);
}

/* The owner's own events name nodes, too, but whether those are known depends on what the log still
 * holds: they are found by the owner alone. */
void events_put(struct projection *projection, const Roost__Record *of, int64_t place, const Roost__Event *event,
		struct arena *arena)
{
	bool of_node = of->kind == ROOST__RECORD__KIND__NODE;
	int64_t owner = entities_owner_number(projection, of->owner);
	int64_t node = of_node ? entities_number(projection, CACHE_NODE, of->aggregate_id) : 0;
	int64_t workspace = of_node ? number_or_zero(projection, CACHE_WORKSPACE, event->workspace_id) : 0;
	int64_t session = of_node ? number_or_zero(projection, CACHE_SESSION, event->session_id) : 0;
	struct bytes packed = message_pack(&event->base, arena);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_MAKE_EVENT);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 1, place);
	sqlite3_bind_int64(stmt, 2, event->created_at);
	sqlite3_bind_int64(stmt, 3, owner);
	bind_number(stmt, 4, node);
	bind_number(stmt, 5, workspace);
	bind_number(stmt, 6, session);
	bind_bytes(stmt, 7, packed.data, packed.size);
	statement_run(projection, stmt);
}
