/* States in memory, packed, by kind and id: reads of decisions find them without SQL, and within a
 * transaction an entity that changes often is written once. */
#ifndef ROOST_CONTROLLER_PROJECTION_CACHE_H
#define ROOST_CONTROLLER_PROJECTION_CACHE_H

#include "state.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cache_kind { CACHE_OWNER, CACHE_NODE, CACHE_WORKSPACE, CACHE_SESSION, CACHE_KINDS };

struct cached {
	struct cached *next;	   /* in its bucket */
	struct cached *next_dirty; /* in the order in which they became dirty */
	enum cache_kind kind;
	bool dirty;
	bool stored;			/* its row is in the database */
	bool gone;			/* workspaces: deleted, so its name is free */
	bool renamed;			/* workspaces: name_key is another one than in the database */
	int64_t number;			/* its row */
	int64_t owner, node, workspace; /* rows of what it belongs to; 0 where that means nothing */
	const char *status;		/* the word; static */
	int64_t wanted_version;
	int64_t deadline_at; /* 0: none */
	int64_t ended_at;    /* deleted, or a session's end; 0 while it lives */
	char *name_key;	     /* workspaces */
	bool has_state;	     /* an owner may be known by name alone */
	size_t size, capacity;
	unsigned char *data; /* the packed state */
	char id[];
};

struct cache {
	struct cached **buckets;
	size_t bucket_count; /* a power of two */
	size_t count, bytes;
	struct cached *first_dirty, *last_dirty;
};

/* NULL when it is not in the cache. */
struct cached *cache_find(const struct cache *cache, enum cache_kind kind, const char *id);

/* A new entry without a state; the id must not be there yet. */
struct cached *cache_add(struct cache *cache, enum cache_kind kind, const char *id);

/* Packs the state into the entry. */
void cache_set_state(struct cache *cache, struct cached *entry, const ProtobufCMessage *state);
void cache_set_packed(struct cache *cache, struct cached *entry, const void *data, size_t size);
void cache_set_name_key(struct cached *entry, const char *name_key); /* notes a change in `renamed` */

/* Dirty entries are taken off in order. */
void cache_mark_dirty(struct cache *cache, struct cached *entry);
struct cached *cache_take_dirty(struct cache *cache);

/* Forgets everything. */
void cache_clear(struct cache *cache);

/* True when it holds more than is worth keeping between transactions. */
bool cache_is_large(const struct cache *cache);

#endif
