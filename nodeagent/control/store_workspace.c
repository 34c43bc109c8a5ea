/* Workspace rows: wanted and actual halves side by side. */
#include "nodeagent/control/store_internal.h"

#include <stdio.h>

#define COLUMNS                                                                                                        \
	"id, known, desired, wanted_generation, version, wanted, phase, generation, lost, failed_step, failure,"       \
	" failure_detail, told_desired, told_generation, told_version, left_processes, left_mounts, left_files, token"

static void read_row(const struct store *store, sqlite3_stmt *s, struct arena *arena, struct workspace_row *row)
{
	*row = (struct workspace_row){
	    .wanted = {.known = sqlite3_column_int(s, 1) != 0,
		       .desired = (Roost__WantedWorkspace__Desired)sqlite3_column_int(s, 2),
		       .generation = (uint32_t)sqlite3_column_int64(s, 3),
		       .version = (uint64_t)sqlite3_column_int64(s, 4),
		       .node = store->node.wanted.desired,
		       .node_version = store->node.wanted.version},
	    .message = database_bytes(s, 5, arena),
	    .actual = {.phase = (enum workspace_phase)sqlite3_column_int(s, 6),
		       .generation = (uint32_t)sqlite3_column_int64(s, 7),
		       .told_desired = (Roost__WantedWorkspace__Desired)sqlite3_column_int(s, 12),
		       .told_generation = (uint32_t)sqlite3_column_int64(s, 13),
		       .told_version = (uint64_t)sqlite3_column_int64(s, 14)},
	    .lost = sqlite3_column_int(s, 8) != 0,
	    .failed_step = database_text(s, 9, arena),
	    .failure = database_text(s, 10, arena),
	    .failure_detail = database_text(s, 11, arena),
	    .left = {.processes = (uint32_t)sqlite3_column_int64(s, 15),
		     .mounts = (uint32_t)sqlite3_column_int64(s, 16),
		     .files = sqlite3_column_int(s, 17) != 0},
	};
	snprintf(row->token, sizeof(row->token), "%s", sqlite3_column_text(s, 18));
	snprintf(row->id, sizeof(row->id), "%s", sqlite3_column_text(s, 0));
}

bool store_workspace(struct store *store, const char *id, struct arena *arena, struct workspace_row *row)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT " COLUMNS " FROM workspace WHERE id = ?1");
	database_bind_text(s, 1, id);
	bool found = store_row(store, s);
	if (found)
		read_row(store, s, arena, row);
	database_done(s);
	return found;
}

void store_put_workspace(struct store *store, const struct workspace_row *row)
{
	sqlite3_stmt *s =
	    database_statement(store->database, "INSERT OR REPLACE INTO workspace (" COLUMNS ") VALUES (?1, ?2, ?3, ?4,"
						" ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
						" ?19)");
	database_bind_text(s, 1, row->id);
	database_bind_number(s, 2, row->wanted.known);
	database_bind_number(s, 3, row->wanted.desired);
	database_bind_number(s, 4, row->wanted.generation);
	database_bind_number(s, 5, (int64_t)row->wanted.version);
	database_bind_bytes(s, 6, row->message);
	database_bind_number(s, 7, row->actual.phase);
	database_bind_number(s, 8, row->actual.generation);
	database_bind_number(s, 9, row->lost);
	database_bind_text(s, 10, row->failed_step ? row->failed_step : "");
	database_bind_text(s, 11, row->failure ? row->failure : "");
	database_bind_text(s, 12, row->failure_detail ? row->failure_detail : "");
	database_bind_number(s, 13, row->actual.told_desired);
	database_bind_number(s, 14, row->actual.told_generation);
	database_bind_number(s, 15, (int64_t)row->actual.told_version);
	database_bind_number(s, 16, row->left.processes);
	database_bind_number(s, 17, row->left.mounts);
	database_bind_number(s, 18, row->left.files);
	database_bind_text(s, 19, row->token);
	store_run(store, s);
}

static size_t count_rows(struct store *store)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT count(*) FROM workspace");
	size_t count = store_row(store, s) ? (size_t)sqlite3_column_int64(s, 0) : 0;
	database_done(s);
	return count;
}

size_t store_workspaces(struct store *store, struct arena *arena, struct workspace_row **rows)
{
	size_t room = count_rows(store);
	size_t count = 0;
	*rows = arena_array_of(arena, struct workspace_row, room + 1);
	sqlite3_stmt *s = database_statement(store->database, "SELECT " COLUMNS " FROM workspace ORDER BY id");
	while (count < room && store_row(store, s))
		read_row(store, s, arena, &(*rows)[count++]);
	database_done(s);
	return count;
}

void store_forget_removed(struct store *store)
{
	sqlite3_stmt *s = database_statement(store->database,
					     "DELETE FROM workspace WHERE known = 1 AND phase = ?1 AND desired = ?2"
					     " AND told_desired = ?2 AND id NOT IN (SELECT workspace_id FROM session)");
	database_bind_number(s, 1, WORKSPACE_REMOVED);
	database_bind_number(s, 2, ROOST__WANTED_WORKSPACE__DESIRED__REMOVE);
	store_run(store, s);
}
