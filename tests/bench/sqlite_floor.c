/* The same tables, pragmas and rows, and no thought. */
#include "tests/bench/sqlite_floor.h"

#include "bus/foundation/clock.h"
#include "controller/projection/migrations.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "SQLite alone: %s\n", what);
	exit(1);
}

void sqlite_floor_remove(const char *path)
{
	char other[256];
	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof(other), "%s-shm", path);
	unlink(other);
}

/* The rows of a table, in memory, so that the floor does not pay for reading them. */
struct rows {
	sqlite3_value **values;
	size_t count, columns;
};

static struct rows read_rows(sqlite3 *db, const char *table)
{
	struct rows rows = {0};
	sqlite3_stmt *stmt;
	size_t room = 0;
	char *sql = sqlite3_mprintf("SELECT * FROM %s", table);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	rows.columns = (size_t)sqlite3_column_count(stmt);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		if (rows.count == room) {
			room = room == 0 ? 4096 : room * 2;
			rows.values = realloc(rows.values, room * rows.columns * sizeof(sqlite3_value *));
			if (rows.values == NULL)
				die("out of memory");
		}
		for (size_t i = 0; i < rows.columns; i++)
			rows.values[rows.count * rows.columns + i] =
			    sqlite3_value_dup(sqlite3_column_value(stmt, (int)i));
		rows.count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return rows;
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->count * rows->columns; i++)
		sqlite3_value_free(rows->values[i]);
	free(rows->values);
}

static void write_rows(sqlite3 *db, const char *table, const struct rows *rows, size_t per_transaction)
{
	sqlite3_stmt *stmt;
	char *marks = malloc(rows->columns * 2);
	if (marks == NULL)
		die("out of memory");
	for (size_t i = 0; i < rows->columns; i++)
		memcpy(marks + i * 2, i + 1 == rows->columns ? "?" : "?,", 2);
	char *sql = sqlite3_mprintf("INSERT INTO %s VALUES (%s)", table, marks);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (size_t row = 0; row < rows->count; row++) {
		if (row % per_transaction == 0)
			sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		for (size_t i = 0; i < rows->columns; i++)
			sqlite3_bind_value(stmt, (int)i + 1, rows->values[row * rows->columns + i]);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(stmt);
		if ((row + 1) % per_transaction == 0 || row + 1 == rows->count)
			sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	free(marks);
}

double sqlite_floor(const char *replayed, const char *path, size_t transactions, size_t *row_count)
{
	static const char *const tables[] = {"owner", "node", "workspace", "session", "event", "keyed"};
	enum { TABLES = sizeof(tables) / sizeof(tables[0]) };
	sqlite3 *from = NULL, *to = NULL;
	struct rows rows[TABLES];
	sqlite_floor_remove(path);
	if (sqlite3_open(replayed, &from) != SQLITE_OK || sqlite3_open(path, &to) != SQLITE_OK)
		die("cannot open");
	sqlite3_exec(to,
		     "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
		     "cache_size = -8192;"
		     "PRAGMA wal_autocheckpoint = 4000",
		     NULL, NULL, NULL);
	for (size_t i = 0; i < migration_count; i++)
		sqlite3_exec(to, migrations[i].sql, NULL, NULL, NULL);
	*row_count = 0;
	for (size_t i = 0; i < TABLES; i++) {
		rows[i] = read_rows(from, tables[i]);
		*row_count += rows[i].count;
	}
	/* As many rows in a transaction as the replay has. */
	size_t per_transaction = *row_count / transactions + 1;
	int64_t begun = clock_monotonic_ns();
	for (size_t i = 0; i < TABLES; i++)
		write_rows(to, tables[i], &rows[i], per_transaction);
	double seconds = (double)(clock_monotonic_ns() - begun) / 1e9;
	for (size_t i = 0; i < TABLES; i++)
		free_rows(&rows[i]);
	sqlite3_close(from);
	sqlite3_close(to);
	return seconds;
}
