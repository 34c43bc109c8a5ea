/* An entity store in memory, made for the simulation: what each controller, the sweeper and the oracle
 * have in place of a SQLite projection. Entities are kept packed, by id; what the projection's queries
 * look for is kept beside them. */
#ifndef ROOST_TESTS_SIMULATION_STORE_H
#define ROOST_TESTS_SIMULATION_STORE_H

#include "controller/domain/entity_store.h"
#include "node.pb-c.h"
#include "tests/simulation/simulation.h"

enum entity_kind { ENTITY_OWNER, ENTITY_NODE, ENTITY_WORKSPACE, ENTITY_SESSION, ENTITY_KINDS };

struct entity {
	enum entity_kind kind;
	char id[ID_SIZE]; /* an owner's name is short, too */
	char node_id[ID_SIZE], workspace_id[ID_SIZE];
	int status;
	uint32_t generation;
	uint64_t wanted_version;
	int64_t deadline_ms; /* 0 for none */
	unsigned char *data;
	size_t size, room;
	struct entity *next_of_bucket, *next; /* `next`: of its kind, in the order of making */
};

struct keyed_entity {
	char owner[16], key[40];
	struct keyed_command keyed;
	struct keyed_entity *next;
};

enum { STORE_BUCKETS = 256 };

struct store {
	struct entity_store entities; /* the vtable, for decisions and apply */
	struct arena *arena;
	struct entity *buckets[STORE_BUCKETS];
	struct entity *first[ENTITY_KINDS], *last[ENTITY_KINDS];
	struct keyed_entity *keyed;
	/* Called after each put, when set; `before` is the entity as it was, its data not included. */
	void (*changed)(void *context, const struct entity *entity, const struct entity *before);
	void *context;
};

/* Both live in the arena. */
struct store *store_new(struct arena *arena);

const struct entity *store_find(const struct store *store, enum entity_kind kind, const char *id);

/* NULL, or why the two are not equal byte for byte. */
const char *stores_differ(const struct store *left, const struct store *right, struct arena *arena);

/* A page of what is wanted, as projection_wanted gives it. */
struct store_cursor {
	uint64_t held_version, version;
	char row[ID_SIZE + 1];
};
struct store_page {
	Roost__WantedWorkspace **workspaces;
	Roost__WantedSession **sessions;
	Roost__WantedNode *node;
	uint64_t log_epoch;
	size_t workspace_count, session_count;
	uint64_t to_version;
	bool more;
	struct store_cursor next;
};
void store_wanted(const struct store *store, const char *node_id, const struct store_cursor *cursor, size_t rows_max,
		  struct arena *arena, struct store_page *page);

/* The workspace whose deadline comes first; NULL for none. */
const struct entity *store_next_deadline(const struct store *store);

/* The key under which an owner's unfinished claim was made; NULL for none. */
const struct keyed_entity *store_key_of(const struct store *store, const char *owner, const char *answer_id);

#endif
