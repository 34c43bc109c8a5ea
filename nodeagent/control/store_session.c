/* Session rows: wanted and actual halves side by side. */
#include "nodeagent/control/store_internal.h"

#include <stdio.h>

#define COLUMNS                                                                                                        \
	"id, workspace_id, known, desired, generation, version, wanted, phase, failed, reason, exit_code, failure, "   \
	"told"

static void read_row(sqlite3_stmt *s, struct arena *arena, struct session_row *row)
{
	*row = (struct session_row){
	    .known = sqlite3_column_int(s, 2) != 0,
	    .wanted = {.desired = (Roost__WantedSession__Desired)sqlite3_column_int(s, 3),
		       .generation = (uint32_t)sqlite3_column_int64(s, 4)},
	    .version = (uint64_t)sqlite3_column_int64(s, 5),
	    .message = database_bytes(s, 6, arena),
	    .actual = {.phase = (enum session_phase)sqlite3_column_int(s, 7), .told = sqlite3_column_int(s, 12) != 0},
	    .failed = sqlite3_column_int(s, 8) != 0,
	    .reason = (Roost__AgentSession__StopReason)sqlite3_column_int(s, 9),
	    .has_exit_code = sqlite3_column_type(s, 10) != SQLITE_NULL,
	    .exit_code = sqlite3_column_int(s, 10),
	    .failure = database_text(s, 11, arena),
	};
	snprintf(row->id, sizeof(row->id), "%s", sqlite3_column_text(s, 0));
	snprintf(row->workspace_id, sizeof(row->workspace_id), "%s", sqlite3_column_text(s, 1));
}

bool store_session(struct store *store, const char *id, struct arena *arena, struct session_row *row)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT " COLUMNS " FROM session WHERE id = ?1");
	database_bind_text(s, 1, id);
	bool found = store_row(store, s);
	if (found)
		read_row(s, arena, row);
	database_done(s);
	return found;
}

void store_put_session(struct store *store, const struct session_row *row)
{
	sqlite3_stmt *s = database_statement(store->database,
					     "INSERT OR REPLACE INTO session (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
					     " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
	database_bind_text(s, 1, row->id);
	database_bind_text(s, 2, row->workspace_id);
	database_bind_number(s, 3, row->known);
	database_bind_number(s, 4, row->wanted.desired);
	database_bind_number(s, 5, row->wanted.generation);
	database_bind_number(s, 6, (int64_t)row->version);
	database_bind_bytes(s, 7, row->message);
	database_bind_number(s, 8, row->actual.phase);
	database_bind_number(s, 9, row->failed);
	database_bind_number(s, 10, row->reason);
	if (row->has_exit_code)
		database_bind_number(s, 11, row->exit_code);
	database_bind_text(s, 12, row->failure ? row->failure : "");
	database_bind_number(s, 13, row->actual.told);
	store_run(store, s);
}

void store_forget_session(struct store *store, const char *id)
{
	sqlite3_stmt *s = database_statement(store->database, "DELETE FROM session WHERE id = ?1");
	database_bind_text(s, 1, id);
	store_run(store, s);
}

static size_t count_rows(struct store *store)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT count(*) FROM session");
	size_t count = store_row(store, s) ? (size_t)sqlite3_column_int64(s, 0) : 0;
	database_done(s);
	return count;
}

size_t store_sessions(struct store *store, const char *workspace_id, struct arena *arena, struct session_row **rows)
{
	size_t count = 0;
	size_t room = 16;
	sqlite3_stmt *s = NULL;
	if (workspace_id) {
		s = database_statement(store->database,
				       "SELECT " COLUMNS " FROM session WHERE workspace_id = ?1 ORDER BY id");
		database_bind_text(s, 1, workspace_id);
	} else {
		room = count_rows(store);
		s = database_statement(store->database, "SELECT " COLUMNS " FROM session ORDER BY id");
	}
	*rows = arena_array_of(arena, struct session_row, room + 1);
	while (store_row(store, s)) {
		if (count == room) {
			struct session_row *larger = arena_array_of(arena, struct session_row, 2 * room + 1);
			for (size_t i = 0; i < count; i++)
				larger[i] = (*rows)[i];
			*rows = larger;
			room *= 2;
		}
		read_row(s, arena, &(*rows)[count++]);
	}
	database_done(s);
	return count;
}
