/* SQLite, opened and migrated. The happy path is one file in WAL mode; a damaged file is set aside,
 * since the agent can find everything in it again on the machine itself and at the controllers. */
#include "nodeagent/control/database.h"

#include "bus/foundation/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATEMENT_CACHE_MAX = 64 };

struct database {
	sqlite3 *handle;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} cache[STATEMENT_CACHE_MAX];
	int cached;
};

static bool sql_error(struct database *database, struct error *error, const char *what)
{
	int code = sqlite3_errcode(database->handle);
	return error_set(error, code == SQLITE_FULL ? ERROR_PLATFORM_UNAVAILABLE : ERROR_INTERNAL, "%s: %s", what,
			 sqlite3_errmsg(database->handle));
}

static bool run(struct database *database, const char *sql, struct error *error)
{
	if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(database, error, "database");
	return true;
}

static bool read_version(struct database *database, int *version, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	bool ok = sqlite3_prepare_v2(database->handle, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
		  sqlite3_step(statement) == SQLITE_ROW;
	if (ok)
		*version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return ok || sql_error(database, error, "read the database's version");
}

static bool migrate(struct database *database, const char *const *migrations, int count, struct error *error)
{
	int version = 0;
	if (!read_version(database, &version, error))
		return false;
	if (version > count)
		return error_set(error, ERROR_INTERNAL, "the database was written by a newer program (%d > %d)",
				 version, count);
	for (; version < count; version++) {
		char stamp[64];
		snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d", version + 1);
		if (!database_begin(database, error))
			return false;
		if (!run(database, migrations[version], error) || !run(database, stamp, error) ||
		    !database_commit(database, error)) {
			database_rollback(database);
			return error_wrap(error, "migration %d", version + 1);
		}
	}
	return true;
}

/* quick_check reads every page; the file is small. */
static bool sound(struct database *database)
{
	sqlite3_stmt *statement = NULL;
	bool ok = sqlite3_prepare_v2(database->handle, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK &&
		  sqlite3_step(statement) == SQLITE_ROW &&
		  strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
	sqlite3_finalize(statement);
	return ok;
}

/* After a check or an opening that failed: whether the file is to blame. A full disk, or a file that cannot
 * be read just now, is no reason to give up what has yet to be reported. */
static bool is_damaged(struct database *database)
{
	int code = sqlite3_errcode(database->handle);
	return code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static void close_handle(struct database *database)
{
	for (int i = 0; i < database->cached; i++)
		sqlite3_finalize(database->cache[i].statement);
	sqlite3_close(database->handle);
	database->handle = NULL;
	database->cached = 0;
}

static bool open_handle(struct database *database, const char *path, struct error *error)
{
	mode_t before = umask(0077);
	int code = sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	umask(before);
	if (code != SQLITE_OK)
		return sql_error(database, error, path);
	sqlite3_busy_timeout(database->handle, 5000);
	/* Acknowledged commits outlive the process; what a power cut takes is noticed by the boot id. */
	return run(database,
		   "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
		   "PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY",
		   error);
}

static void set_aside(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char from[4096];
		char to[4200];
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s.damaged%s", path, suffixes[i]);
		if (rename(from, to) == 0)
			log_warning("the database %s is damaged; it was moved to %s and is made anew", from, to);
	}
}

struct database *database_open(const char *path, const char *const *migrations, int migration_count,
			       struct error *error)
{
	struct database *database = calloc(1, sizeof(*database));
	if (!database) {
		error_set(error, ERROR_INTERNAL, "out of memory");
		return NULL;
	}
	bool good = open_handle(database, path, error) && sound(database);
	if (!good && !is_damaged(database)) {
		sql_error(database, error, path);
		goto failed;
	}
	if (!good) {
		close_handle(database);
		set_aside(path);
		if (!open_handle(database, path, error))
			goto failed;
	}
	if (migrate(database, migrations, migration_count, error))
		return database;
failed:
	database_close(database);
	return NULL;
}

void database_close(struct database *database)
{
	if (!database)
		return;
	close_handle(database);
	free(database);
}

bool database_begin(struct database *database, struct error *error)
{
	return run(database, "BEGIN IMMEDIATE", error);
}

bool database_commit(struct database *database, struct error *error)
{
	return run(database, "COMMIT", error);
}

void database_rollback(struct database *database)
{
	if (!sqlite3_get_autocommit(database->handle))
		sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

sqlite3_stmt *database_statement(struct database *database, const char *sql)
{
	for (int i = 0; i < database->cached; i++)
		if (database->cache[i].sql == sql)
			return database->cache[i].statement;
	sqlite3_stmt *statement = NULL;
	if (database->cached == STATEMENT_CACHE_MAX ||
	    sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
		log_error("prepare \"%s\": %s", sql, sqlite3_errmsg(database->handle));
		abort();
	}
	database->cache[database->cached].sql = sql;
	database->cache[database->cached++].statement = statement;
	return statement;
}

bool database_step(struct database *database, sqlite3_stmt *statement, bool *row, struct error *error)
{
	int code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return sql_error(database, error, "database");
	if (row)
		*row = code == SQLITE_ROW;
	return true;
}

void database_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

void database_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void database_bind_bytes(sqlite3_stmt *statement, int index, struct bytes bytes)
{
	sqlite3_bind_blob64(statement, index, bytes.data ? (const void *)bytes.data : "", bytes.size, SQLITE_STATIC);
}

void database_bind_number(sqlite3_stmt *statement, int index, int64_t number)
{
	sqlite3_bind_int64(statement, index, number);
}

char *database_text(sqlite3_stmt *statement, int column, struct arena *arena)
{
	return arena_strdup(arena, (const char *)sqlite3_column_text(statement, column));
}

struct bytes database_bytes(sqlite3_stmt *statement, int column, struct arena *arena)
{
	const void *data = sqlite3_column_blob(statement, column);
	size_t size = (size_t)sqlite3_column_bytes(statement, column);
	return (struct bytes){.data = arena_copy(arena, data ? data : "", size), .size = size};
}
