/* Snapshots: the whole of an aggregate, in pages that follow each other in its subject. A page is kept
 * until the last one comes, and dropped when any other record of the aggregate comes first; with the last
 * one everything of the aggregate is replaced. A store that has applied every record before the first page
 * (the versions tell) holds what the pages hold: it keeps none and replaces nothing. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_SNAPSHOT_H
#define ROOST_CONTROLLER_DOMAIN_SNAPSHOT_H

#include "controller/domain/apply.h"
#include "controller/domain/decision.h"

/* ---- making pages ---- */

enum snapshot_item {
	SNAPSHOT_OWNER,
	SNAPSHOT_NODE,
	SNAPSHOT_WORKSPACE,
	SNAPSHOT_SESSION,
	SNAPSHOT_KEY,
	SNAPSHOT_EVENT
};

struct snapshot_packer {
	struct arena *arena;
	Roost__Snapshot *page;
	size_t bytes, bytes_max;
	size_t rooms[SNAPSHOT_EVENT + 1];
};

/* An empty page. */
void snapshot_begin(struct snapshot_packer *packer, size_t bytes_max, struct arena *arena);

/* Adds a packed state, or a Snapshot.Key or .Row message. False when the page is full and has something
 * in it already; a single item is always taken. Nothing is copied. */
bool snapshot_add_state(struct snapshot_packer *packer, enum snapshot_item kind, const void *data, size_t size);
bool snapshot_add_key(struct snapshot_packer *packer, Roost__Snapshot__Key *key);
bool snapshot_add_event(struct snapshot_packer *packer, Roost__Snapshot__Row *row);

/* The record that carries a page; `version` is the aggregate's after it, node_id NULL for the owner's own.
 * Its time is no earlier than `log_ms`, the largest of all records before it, so that what is purged one
 * day takes no time with it. */
Roost__Record *snapshot_record(const struct decision_inputs *inputs, const char *owner, const char *node_id,
			       uint64_t version, int64_t log_ms, Roost__Snapshot *page);

/* ---- applying them ---- */

struct snapshot_progress {
	uint32_t next_page; /* 0: none is under way */
	char snapshot_id[27];
	uint64_t first_seq; /* of page 0 */
	bool known;	    /* the store had seen everything: the pages are not kept */
};

/* The part of an entity store that takes snapshots. `of` is the record that carries a page; its kind and
 * aggregate_id name the aggregate. */
struct snapshot_store {
	struct snapshot_progress (*progress)(void *context, const Roost__Record *of);
	/* Notes the progress after a page; `page` is NULL when it need not be kept. */
	void (*keep)(void *context, const Roost__Record *of, const struct snapshot_progress *progress,
		     const Roost__Snapshot *page);
	Roost__Snapshot *(*page)(void *context, const Roost__Record *of, uint32_t number, struct arena *arena);
	/* Forgets pages and progress. Called for every record: cheap when there are none. */
	void (*drop)(void *context, const Roost__Record *of);
	/* Forgets the aggregate's workspaces, sessions, keys and events. */
	void (*forget)(void *context, const Roost__Record *of);
	/* A key as it was remembered. It gives way to an answer that another aggregate's record gave. The
	 * arena lives as long as the page: a full node's keys and events are many. */
	void (*put_key)(void *context, const Roost__Record *of, const Roost__Snapshot__Key *key, struct arena *arena);
	void (*put_event)(void *context, const Roost__Record *of, uint64_t place, const Roost__Event *event,
			  struct arena *arena);
};

/* The page that is the record's only change; NULL for any other record. */
const Roost__Snapshot *snapshot_of_record(const Roost__Record *record);

#endif
