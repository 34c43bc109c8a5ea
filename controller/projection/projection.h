/* The controller's projection of the log: one SQLite file, disposable, the same bytes in every answer
 * whether it grew record by record or was rebuilt. Loop thread.
 *
 * Writing is the projection runner's alone, through projection_runner_store. Reading is for decisions
 * (projection_entities) and for the queries below, which give only what belongs to the owner: somebody
 * else's object does not exist (D14), and neither does a deleted one or what was in it. Everything that
 * a query gives lives in the arena that it was given. Live fields (health, beats) are not in here.
 *
 * SQLite errors are kept: the first one makes every later call fail with it (a projection that cannot
 * be read or written must not answer). */
#ifndef ROOST_CONTROLLER_PROJECTION_PROJECTION_H
#define ROOST_CONTROLLER_PROJECTION_PROJECTION_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/foundation/limits.h"
#include "bus/log/projection_runner.h"
#include "controller/domain/compaction.h"
#include "controller/domain/entity_store.h"
#include "node.pb-c.h"
#include "state.pb-c.h"

struct projection;

/* How long things are kept, in record time. Programs that share a log must agree on them. */
struct projection_lifetimes {
	int64_t retention_ms;	/* events */
	int64_t idempotency_ms; /* keys */
	int64_t tombstone_ms;	/* deleted workspaces, ended sessions */
};

/* LOG_RETENTION_DAYS, IDEMPOTENCY_KEY_DAYS, LOG_TOMBSTONE_DAYS. */
struct projection_lifetimes projection_lifetimes_from_options(void);

/* Opens or makes the file (":memory:" for none). A file that is corrupt is moved aside to
 * <path>.corrupt and a new one made, which is logged. Refuses the file of a newer program and one that
 * cannot be written. */
struct projection *projection_open(const char *path, const struct projection_lifetimes *lifetimes, struct error *error);

/* Uncommitted records are dropped; they are in the log. NULL is allowed. */
void projection_close(struct projection *projection);

/* For projection_runner_start. */
struct projection_store projection_runner_store(struct projection *projection);

/* For decisions: reads only. Valid as long as the projection. */
const struct entity_store *projection_entities(struct projection *projection);

/* The first SQLite error, or NULL. */
const struct error *projection_failure(const struct projection *projection);

struct projection_counts {
	uint64_t records;		      /* applied since the file was made */
	uint64_t undecodable;		      /* of them: skipped because they are no Record */
	uint64_t skipped;		      /* changes that were unknown or did not apply */
	uint64_t nodes, workspaces, sessions; /* not deleted; live */
};
bool projection_counts(struct projection *projection, struct projection_counts *out, struct error *error);

/* ---- by id. NULL with the resource's not_found error when the owner has no such thing. ---- */

Roost__NodeState *projection_node(struct projection *projection, const char *owner, const char *id, struct arena *arena,
				  struct error *error);
Roost__WorkspaceState *projection_workspace(struct projection *projection, const char *owner, const char *id,
					    struct arena *arena, struct error *error);
Roost__SessionState *projection_session(struct projection *projection, const char *owner, const char *id,
					struct arena *arena, struct error *error);

/* ---- lists, newest first. `cursor` is the next_cursor of an earlier page, NULL for the first. An
 * unreadable cursor is ERROR_INVALID_ARGUMENT. next_cursor is NULL on the last page. ---- */

struct node_page {
	Roost__NodeState **items;
	size_t count;
	const char *next_cursor;
};
bool projection_list_nodes(struct projection *projection, const char *owner, uint32_t limit, const char *cursor,
			   struct arena *arena, struct node_page *page, struct error *error);

struct workspace_filter {
	const char *node_id;		 /* NULL: all nodes */
	Roost__Workspace__Status status; /* 0: any */
};
struct workspace_page {
	Roost__WorkspaceState **items;
	size_t count;
	const char *next_cursor;
};
bool projection_list_workspaces(struct projection *projection, const char *owner, const struct workspace_filter *filter,
				uint32_t limit, const char *cursor, struct arena *arena, struct workspace_page *page,
				struct error *error);

/* workspace_id NULL: all of the owner's. Ended sessions are listed too (D15). */
struct session_page {
	Roost__SessionState **items;
	size_t count;
	const char *next_cursor;
};
bool projection_list_sessions(struct projection *projection, const char *owner, const char *workspace_id,
			      uint32_t limit, const char *cursor, struct arena *arena, struct session_page *page,
			      struct error *error);

/* ---- events ---- */

struct event_filter {
	const char *node_id; /* NULL: any; the most specific of the three decides */
	const char *workspace_id;
	const char *session_id;
	bool ascending; /* oldest first; next_cursor is then always there */
};
struct event_page {
	Roost__Event **items;
	size_t count;
	const char *next_cursor;
};
bool projection_list_events(struct projection *projection, const char *owner, const struct event_filter *filter,
			    uint32_t limit, const char *cursor, struct arena *arena, struct event_page *page,
			    struct error *error);

/* The events of the record at `seq`, in the order of its changes: for the tail. */
bool projection_events_of_record(struct projection *projection, uint64_t seq, struct arena *arena,
				 struct event_page *page, struct error *error);

/* ---- compaction of the log, over all owners ---- */

/* The log's own time: the largest recorded_at that was applied, 0 for none. All that expires here (events,
 * keys, deleted workspaces, ended sessions) does so by it. */
int64_t projection_time(const struct projection *projection);

struct compactable {
	const char *owner;
	const char *node_id; /* NULL: the owner's own aggregate */
	struct compaction_facts facts;
};

/* One aggregate; out->owner is NULL when it is unknown. */
bool projection_compactable(struct projection *projection, const char *owner, const char *node_id, struct arena *arena,
			    struct compactable *out, struct error *error);

/* At most `limit` aggregates that compaction_judge finds something to do with, whatever the effects. */
struct compactables {
	struct compactable *items;
	size_t count;
};
bool projection_compaction_due(struct projection *projection, const struct compaction_limits *limits, uint32_t limit,
			       struct arena *arena, struct compactables *out, struct error *error);

/* A snapshot of an aggregate, page by page, as it is now; from a cursor of zeroes on. The last page has
 * `last` set; snapshot_id and page are the caller's to fill in. Between two pages only pages of this
 * snapshot may be applied to the aggregate. NULL with the error. */
struct snapshot_cursor {
	unsigned section;
	int64_t number;
	char key[IDEMPOTENCY_KEY_BYTES_MAX + 1];
};
Roost__Snapshot *projection_snapshot_page(struct projection *projection, const char *owner, const char *node_id,
					  struct snapshot_cursor *cursor, size_t bytes_max, struct arena *arena,
					  struct error *error);

/* Keeps in mind, in this file alone, that the log has nothing more of the aggregate below `below_seq`. */
bool projection_note_purged(struct projection *projection, const char *owner, const char *node_id, uint64_t below_seq,
			    struct error *error);

/* ---- effects, timers, health: over all owners ---- */

struct node_summary {
	const char *id;
	const char *owner;
	uint64_t version;
	Roost__Node__Status status;
	Roost__Node__Health announced_health;
	int64_t silent_since_ms; /* 0: never announced silent */
	bool has_reported;	 /* an agent of it has ever been heard */
};
struct node_summaries {
	struct node_summary *items;
	size_t count;
};
/* One page of all nodes but the deleted ones, by id, after `after_id` (NULL for the first). */
bool projection_nodes(struct projection *projection, const char *after_id, uint32_t limit, struct arena *arena,
		      struct node_summaries *out, struct error *error);

/* ---- the sweeper's, over all owners: pages by id, after `after_id` ("" for the first) ---- */

/* Nodes but deleted ones; workspaces that are creating, stopping, deleting or in error; sessions that are
 * starting or stopping. A full page's next_cursor is its last id; else it is the last page and NULL. */
bool projection_all_nodes(struct projection *projection, const char *after_id, uint32_t limit, struct arena *arena,
			  struct node_page *page, struct error *error);
bool projection_moving_workspaces(struct projection *projection, const char *after_id, uint32_t limit,
				  struct arena *arena, struct workspace_page *page, struct error *error);
bool projection_moving_sessions(struct projection *projection, const char *after_id, uint32_t limit,
				struct arena *arena, struct session_page *page, struct error *error);

/* The highest version of anything that is wanted on the node, the node itself included: an agent that
 * holds it holds all. 0 for a node that is not there. */
bool projection_wanted_version(struct projection *projection, const char *node_id, struct arena *arena,
			       uint64_t *version, struct error *error);

/* Any owner's node, for beats, reports and effects. NULL without an error when there is none. */
Roost__NodeState *projection_any_node(struct projection *projection, const char *id, struct arena *arena,
				      struct error *error);

/* What is wanted of the node itself, and rows whose wanted version is above the cursor's, by (version, kind, id), until
 * a page holds `bytes_max`. `to_version` is what the agent holds once it has stored this page and all before it: the
 * node's own version on the last page, the last version that is complete before. For version 0 (an agent that holds
 * nothing) final rows are left out; of a deleted node all rows are. To go on while `more` is set, ask again with the
 * page's `next`. */
struct wanted_cursor {
	uint64_t held_version; /* of the agent, when the first page was asked for */
	uint64_t version;      /* go on after this row; at first held_version and "" */
	char row[32];
};
struct wanted_page {
	Roost__WantedNode *node; /* on the first page, when the cursor's version is older */
	Roost__WantedWorkspace **workspaces;
	size_t workspace_count;
	Roost__WantedSession **sessions;
	size_t session_count;
	uint64_t to_version;
	bool more;
	struct wanted_cursor next;
	uint64_t log_epoch; /* of the node */
};
bool projection_wanted(struct projection *projection, const char *node_id, const struct wanted_cursor *cursor,
		       size_t bytes_max, struct arena *arena, struct wanted_page *page, struct error *error);

/* The earliest provisioning deadline; workspace_id NULL when there is none. */
struct next_deadline {
	const char *owner;
	const char *node_id;
	const char *workspace_id;
	uint32_t generation;
	int64_t deadline_ms;
};
bool projection_next_deadline(struct projection *projection, struct arena *arena, struct next_deadline *out,
			      struct error *error);

/* Claims of nodes that were never made, claimed before `before_ms`; at most `limit`, oldest first. */
struct pending_claim {
	const char *owner;
	const char *node_id;
	const char *idempotency_key;	   /* NULL: without */
	const unsigned char *request_hash; /* 32 bytes, with a key */
};
struct pending_claims {
	struct pending_claim *items;
	size_t count;
};
bool projection_pending_claims(struct projection *projection, int64_t before_ms, uint32_t limit, struct arena *arena,
			       struct pending_claims *out, struct error *error);

/* Deleted nodes that their owners' rosters still have; at most `limit`. */
struct deleted_node {
	const char *owner;
	const char *node_id;
};
struct deleted_nodes {
	struct deleted_node *items;
	size_t count;
};
bool projection_unreleased(struct projection *projection, uint32_t limit, struct arena *arena,
			   struct deleted_nodes *out, struct error *error);

#endif
