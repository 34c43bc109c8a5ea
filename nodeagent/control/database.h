/* A SQLite file with migrations and cached statements, as thin as can be. Loop thread only.
 *
 * Statements are cached by the address of their text, so pass string literals. A statement that was
 * begun is given back with database_done (reset, bindings cleared); the cache owns it. */
#ifndef ROOST_NODEAGENT_CONTROL_DATABASE_H
#define ROOST_NODEAGENT_CONTROL_DATABASE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/wire/message.h"

#include <sqlite3.h>
#include <stdint.h>

struct database;

/* Opens or makes the file (mode 0600) and brings it up to the last migration. A file that is damaged
 * is moved aside as <path>.damaged and made anew: everything in it can be found again.
 * ERROR_INTERNAL when it cannot be used, or was written by a newer program. */
struct database *database_open(const char *path, const char *const *migrations, int migration_count,
			       struct error *error);
void database_close(struct database *database);

/* Transactions do not nest. */
bool database_begin(struct database *database, struct error *error);
bool database_commit(struct database *database, struct error *error);
void database_rollback(struct database *database);

/* The statement of a literal text, ready for bindings; ends the process when the text is wrong. */
sqlite3_stmt *database_statement(struct database *database, const char *sql);

/* Steps once: true with *row telling whether there is one (row may be NULL when none is expected). */
bool database_step(struct database *database, sqlite3_stmt *statement, bool *row, struct error *error);
void database_done(sqlite3_stmt *statement);

void database_bind_text(sqlite3_stmt *statement, int index, const char *text); /* NULL is null; borrowed */
void database_bind_bytes(sqlite3_stmt *statement, int index, struct bytes bytes);
void database_bind_number(sqlite3_stmt *statement, int index, int64_t number);

char *database_text(sqlite3_stmt *statement, int column, struct arena *arena); /* NULL for null */
struct bytes database_bytes(sqlite3_stmt *statement, int column, struct arena *arena);

#endif
