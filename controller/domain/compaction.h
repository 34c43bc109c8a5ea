/* What is to be done so that an aggregate's subject of the log stays short: a pure judgement. The time is
 * the log's own (the largest recorded_at that was applied, projection_time), as for all that expires, so
 * that a projection from what is left answers as one that saw everything. */
#ifndef ROOST_CONTROLLER_DOMAIN_COMPACTION_H
#define ROOST_CONTROLLER_DOMAIN_COMPACTION_H

#include "state.pb-c.h"
#include <stdbool.h>
#include <stddef.h>

struct compaction_limits {
	int64_t retention_ms;	   /* LOG_RETENTION_DAYS */
	int64_t idempotency_ms;	   /* IDEMPOTENCY_KEY_DAYS */
	int64_t tombstone_ms;	   /* LOG_TOMBSTONE_DAYS */
	uint32_t snapshot_records; /* LOG_SNAPSHOT_RECORDS */
};

/* Of the aggregate, from its NodeState or OwnerState. */
struct compaction_facts {
	uint64_t last_seq;		      /* its newest record */
	const Roost__SnapshotState *snapshot; /* NULL for none */
	uint64_t purged_seq;		      /* what is below this is gone already, as far as is known */
	bool deleted;			      /* a node that is deleted, */
	int64_t deleted_ms;		      /* since then, */
	bool in_roster;			      /* and still is in its owner's roster */
};

enum compaction_kind {
	COMPACTION_NOTHING,
	COMPACTION_SNAPSHOT, /* append one */
	COMPACTION_PURGE,    /* records below `below_seq`: all of them or none, what is left makes sense alone */
	COMPACTION_REMOVE,   /* the same, and nothing is left: a tombstone has had its time */
};

struct compaction_step {
	enum compaction_kind kind;
	uint64_t below_seq;
};

/* Clocks of controllers differ by less than this: what others must have seen waits so much longer. */
enum { COMPACTION_MARGIN_MS = 3600 * 1000 };

/* `effects_floor` is the last record up to which the effects of all records are done. */
struct compaction_step compaction_judge(const struct compaction_facts *facts, const struct compaction_limits *limits,
					int64_t now_ms, uint64_t effects_floor);

#endif
