/* What the files of the projection share: the SQLite connection, its statements, and the sticky
 * failure. Nobody else's business. */
#ifndef ROOST_CONTROLLER_PROJECTION_DATABASE_H
#define ROOST_CONTROLLER_PROJECTION_DATABASE_H

#include "controller/domain/snapshot.h"
#include "controller/projection/cache.h"
#include "controller/projection/projection.h"
#include <sqlite3.h>

enum statement {
#define STATEMENT(name, ...) STATEMENT_##name,
#include "controller/projection/statements.def"
#undef STATEMENT
	STATEMENT_COUNT
};

struct projection {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	char *path;
	struct projection_lifetimes lifetimes;
	bool failed, corrupt;
	struct error failure;
	struct cache cache;
	struct {
		enum cache_kind kind;
		char id[32];
	} missed;		      /* what was last looked for and is in neither cache nor file: about to be made */
	struct entity_store entities; /* for decisions: no puts */
	struct entity_store writing;  /* for applying records */
	struct arena *scratch;	      /* of the record being applied */
	uint64_t records, undecodable, skipped;
	int64_t newest_record_ms, keys_forgotten_ms;
	int64_t things_expired_ms;	   /* what ended before this is gone */
	int64_t pages;			   /* of snapshots, that wait for their last one */
	int64_t last_numbers[CACHE_KINDS]; /* the highest row number given out */
};

/* Opens, migrates and prepares projection->db. False and nothing open on failure; *corrupt tells that
 * the file is no usable database. */
bool database_open(struct projection *projection, bool *corrupt, struct error *error);
void database_close(struct projection *projection);

/* Drops every table and makes them anew. */
bool database_empty(struct projection *projection);

/* The statement, reset and without parameters; NULL once the projection has failed. */
sqlite3_stmt *statement(struct projection *projection, enum statement which);

/* Steps: to a row (false at the end or on failure), or to the end of a statement that gives none. */
bool statement_row(struct projection *projection, sqlite3_stmt *stmt);
bool statement_run(struct projection *projection, sqlite3_stmt *stmt);

/* Runs it with two numbers as its parameters, or with the first when it has only one. */
void statement_run_with(struct projection *projection, enum statement which, int64_t first, int64_t second);

/* Like statement_run, but when a unique index forbids it: false then, and the bindings are kept. True otherwise,
 * also on a failure. */
bool statement_run_unless_taken(struct projection *projection, sqlite3_stmt *stmt);

/* Strings and blobs must live until the statement has run. NULL binds NULL. */
void bind_text(sqlite3_stmt *stmt, int place, const char *text);
void bind_bytes(sqlite3_stmt *stmt, int place, const void *data, size_t size);

/* A column's text in the arena, NULL for NULL; its blob unpacked into the arena. A blob that does not
 * unpack is corruption: the projection fails. */
char *column_text(sqlite3_stmt *stmt, int column, struct arena *arena);
void *column_message(struct projection *projection, sqlite3_stmt *stmt, int column,
		     const ProtobufCMessageDescriptor *descriptor, struct arena *arena);

/* The array of pointers, with room for one more after `count`: itself, or a larger copy. */
void *array_for_one_more(struct arena *arena, void *items, size_t count);

/* Keeps the first failure; always false. */
bool projection_fail(struct projection *projection, const char *what);

/* True, or false with the kept failure in *error. Queries end with it. */
bool projection_sound(const struct projection *projection, struct error *error);

/* The entities of entities.c. */
void entities_open(struct projection *projection);
bool entities_read_numbers(struct projection *projection);			 /* at start, and when emptied */
void entities_flush(struct projection *projection);				 /* writes what is only in the cache */
void entities_forget_cached(struct projection *projection);			 /* after a flush; rows were deleted */
int64_t node_ended_ms(const Roost__NodeState *state);				 /* 0: it is not deleted */
int64_t entities_owner_number(struct projection *projection, const char *owner); /* made when unknown */
int64_t entities_find_owner(struct projection *projection, const char *owner);	 /* 0 when unknown */
/* The row number of an entity, 0 when unknown. */
int64_t entities_number(struct projection *projection, enum cache_kind kind, const char *id);
/* Its owner's number, 0 when unknown. */
int64_t entities_owner_of(struct projection *projection, enum cache_kind kind, const char *id);

/* The idempotency keys of keys.c, in the form of the entity store. */
struct keyed_command *keys_get(void *context, const char *owner, const char *key, struct arena *arena);
void keys_put(void *context, const char *owner, const char *key, const struct keyed_command *keyed);
void keys_put_in(struct projection *projection, const char *owner, const char *key, const struct keyed_command *keyed,
		 struct arena *arena); /* with memory for packing */
void keys_forget_old(struct projection *projection);
int64_t keys_floor(const struct projection *projection); /* older ones are no more */
enum answer_kind { ANSWER_NONE, ANSWER_NODE, ANSWER_WORKSPACE, ANSWER_SESSION };

/* A record's event at its place, and those that have had their time. */
void events_put(struct projection *projection, const Roost__Record *of, int64_t place, const Roost__Event *event,
		struct arena *arena);
int64_t events_floor(const struct projection *projection);

/* Expiry, as expiry.c tells. What ended so long ago that it should be gone already is to be watched. */
void expiry_of_things(struct projection *projection);
void expiry_of_events(struct projection *projection);
void expiry_watch(struct projection *projection, int64_t ended_ms);

extern const struct snapshot_store projection_snapshots;
void snapshots_read_pages(struct projection *projection); /* at start, and when emptied */

/* Where an event is kept: by sequence and index of the change. */
enum { EVENTS_PER_RECORD = 4096 };

#endif
