/* Opening the file: pragmas, a look at its health, migrations, statements. What a newer program wrote
 * is refused; what is damaged is the caller's to move aside. */
#include "controller/projection/database.h"

#include "bus/foundation/log.h"
#include "controller/projection/migrations.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger files are not read through at every start; damage then shows when it is met. */
enum { CHECKED_FILE_MAX = 64 * 1024 * 1024 };

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT(name, ...) [STATEMENT_##name] = (__VA_ARGS__),
#include "controller/projection/statements.def"
#undef STATEMENT
};

static bool is_corrupt(int result)
{
	return (result & 0xFF) == SQLITE_CORRUPT || (result & 0xFF) == SQLITE_NOTADB;
}

bool projection_fail(struct projection *projection, const char *what)
{
	if (projection->failed)
		return false;
	projection->failed = true;
	projection->corrupt = is_corrupt(sqlite3_errcode(projection->db));
	error_set(&projection->failure, ERROR_PLATFORM_UNAVAILABLE, "projection %s: %s: %s", projection->path, what,
		  sqlite3_errmsg(projection->db));
	log_error("%s", projection->failure.message);
	return false;
}

bool projection_sound(const struct projection *projection, struct error *error)
{
	if (!projection->failed)
		return true;
	return error_set(error, projection->failure.code, "%s", projection->failure.message);
}

static bool execute(struct projection *projection, const char *sql, bool *corrupt, struct error *error)
{
	int result = sqlite3_exec(projection->db, sql, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		return true;
	*corrupt = is_corrupt(result);
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s: %s", projection->path, sqlite3_errmsg(projection->db));
}

static int first_integer(struct projection *projection, const char *sql, int otherwise)
{
	sqlite3_stmt *stmt;
	if (sqlite3_prepare_v2(projection->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return otherwise;
	int value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : otherwise;
	sqlite3_finalize(stmt);
	return value;
}

static bool looks_healthy(struct projection *projection)
{
	struct stat file;
	if (stat(projection->path, &file) != 0 || file.st_size > CHECKED_FILE_MAX)
		return true;
	sqlite3_stmt *stmt;
	if (sqlite3_prepare_v2(projection->db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK)
		return false;
	bool healthy =
	    sqlite3_step(stmt) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
	sqlite3_finalize(stmt);
	return healthy;
}

static bool migrate(struct projection *projection, bool *corrupt, struct error *error)
{
	int version = first_integer(projection, "PRAGMA user_version", -1);
	if (version < 0) {
		*corrupt = true;
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s: cannot be read", projection->path);
	}
	if ((size_t)version > migration_count)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE,
				 "%s was written by a newer program (schema %d, this one knows %zu). Use that "
				 "program, or delete the file: it is made again from the log.",
				 projection->path, version, migration_count);
	for (size_t i = (size_t)version; i < migration_count; i++) {
		char *sql =
		    sqlite3_mprintf("BEGIN; %s PRAGMA user_version = %d; COMMIT", migrations[i].sql, (int)i + 1);
		bool done = sql != NULL && execute(projection, sql, corrupt, error);
		sqlite3_free(sql);
		if (!done)
			return error_wrap(error, "migration to \"%s\"", migrations[i].sentence);
	}
	return true;
}

static bool prepare(struct projection *projection, bool *corrupt, struct error *error)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int result = sqlite3_prepare_v3(projection->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
						&projection->statements[i], NULL);
		if (result == SQLITE_OK)
			continue;
		*corrupt = is_corrupt(result) || result == SQLITE_ERROR; /* tables are not as migrated */
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s: %s: %s", projection->path, statement_sql[i],
				 sqlite3_errmsg(projection->db));
	}
	return true;
}

/* SQLite's own accounting of memory takes a lock at every allocation, and nobody reads it. It can be
 * turned off only before the first use; later the call does nothing. */
static void configure_once(void)
{
	static bool done;
	if (!done)
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	done = true;
}

bool database_open(struct projection *projection, bool *corrupt, struct error *error)
{
	*corrupt = false;
	configure_once();
	int result = sqlite3_open_v2(projection->path, &projection->db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK) {
		error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s: %s", projection->path, sqlite3_errstr(result));
		database_close(projection);
		return false;
	}
	sqlite3_busy_timeout(projection->db, 2000);
	bool opened = execute(projection,
			      "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
			      "cache_size = -8192;"
			      "PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY",
			      corrupt, error);
	if (opened && !looks_healthy(projection)) {
		*corrupt = true;
		opened = error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s: is damaged", projection->path);
	}
	opened = opened && migrate(projection, corrupt, error) && prepare(projection, corrupt, error);
	if (!opened)
		database_close(projection);
	return opened;
}

void database_close(struct projection *projection)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(projection->statements[i]);
		projection->statements[i] = NULL;
	}
	sqlite3_close(projection->db);
	projection->db = NULL;
}

bool database_empty(struct projection *projection)
{
	static const char tables[] =
	    "DROP TABLE position; DROP TABLE owner; DROP TABLE node; DROP TABLE workspace;"
	    "DROP TABLE session; DROP TABLE event; DROP TABLE keyed; DROP TABLE page; PRAGMA user_version = 0;";
	bool corrupt = false;
	struct error error;
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_reset(projection->statements[i]);
	if (!sqlite3_get_autocommit(projection->db))
		sqlite3_exec(projection->db, "ROLLBACK", NULL, NULL, NULL);
	if (!execute(projection, tables, &corrupt, &error) || !migrate(projection, &corrupt, &error))
		return projection_fail(projection, "cannot be emptied");
	return true;
}

sqlite3_stmt *statement(struct projection *projection, enum statement which)
{
	if (projection->failed)
		return NULL;
	sqlite3_stmt *stmt = projection->statements[which];
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return stmt;
}

bool statement_row(struct projection *projection, sqlite3_stmt *stmt)
{
	if (projection->failed)
		return false;
	int result = sqlite3_step(stmt);
	if (result == SQLITE_ROW)
		return true;
	if (result != SQLITE_DONE)
		projection_fail(projection, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return false;
}

bool statement_run_unless_taken(struct projection *projection, sqlite3_stmt *stmt)
{
	if (projection->failed)
		return true;
	int result = sqlite3_step(stmt);
	bool taken =
	    result == SQLITE_CONSTRAINT && sqlite3_extended_errcode(projection->db) == SQLITE_CONSTRAINT_UNIQUE;
	if (result != SQLITE_DONE && !taken)
		projection_fail(projection, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return !taken;
}

bool statement_run(struct projection *projection, sqlite3_stmt *stmt)
{
	if (!statement_run_unless_taken(projection, stmt))
		projection_fail(projection, sqlite3_sql(stmt));
	return !projection->failed;
}

void statement_run_with(struct projection *projection, enum statement which, int64_t first, int64_t second)
{
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 1, first);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, second);
	statement_run(projection, stmt);
}

void bind_text(sqlite3_stmt *stmt, int place, const char *text)
{
	if (stmt != NULL && text != NULL)
		sqlite3_bind_text(stmt, place, text, -1, SQLITE_STATIC);
}

void bind_bytes(sqlite3_stmt *stmt, int place, const void *data, size_t size)
{
	if (stmt != NULL && data != NULL)
		sqlite3_bind_blob64(stmt, place, data, size, SQLITE_STATIC);
}

char *column_text(sqlite3_stmt *stmt, int column, struct arena *arena)
{
	return arena_strdup(arena, (const char *)sqlite3_column_text(stmt, column));
}

void *column_message(struct projection *projection, sqlite3_stmt *stmt, int column,
		     const ProtobufCMessageDescriptor *descriptor, struct arena *arena)
{
	const void *data = sqlite3_column_blob(stmt, column);
	size_t size = (size_t)sqlite3_column_bytes(stmt, column);
	void *message = protobuf_c_message_unpack(descriptor, arena_allocator(arena), size, data);
	if (message == NULL) {
		projection_fail(projection, "a stored state does not decode");
		projection->corrupt = true;
	}
	return message;
}

void *array_for_one_more(struct arena *arena, void *items, size_t count)
{
	enum { ROOM_AT_FIRST = 16 };
	bool full = count == 0 || (count >= ROOM_AT_FIRST && (count & (count - 1)) == 0);
	if (!full)
		return items;
	void *larger = arena_array_of(arena, void *, count == 0 ? ROOM_AT_FIRST : count * 2);
	if (count > 0)
		memcpy(larger, items, count * sizeof(void *));
	return larger;
}
