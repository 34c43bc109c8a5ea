/* The log stays bounded: a snapshot of an aggregate when enough records have come since the last one, and
 * a purge of what a snapshot has made dispensable. Any controller may do it at any time, again and again;
 * what is to be done is judged anew (controller/domain/compaction.h) from a caught-up projection. Loop
 * thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_COMPACTION_H
#define ROOST_CONTROLLER_EFFECTS_COMPACTION_H

#include "controller/domain/compaction.h"
#include "controller/pipeline/pipeline.h"

struct compaction;

struct compaction_settings {
	struct connection *work;
	struct projection *projection;
	struct projection_runner *runner;
	struct pipeline *pipeline;
	struct compaction_limits limits;
};

/* LOG_RETENTION_DAYS, IDEMPOTENCY_KEY_DAYS, LOG_TOMBSTONE_DAYS, LOG_SNAPSHOT_RECORDS. */
struct compaction_limits compaction_limits_from_options(void);

/* The settings are copied, what they point to is borrowed. */
struct compaction *compaction_new(const struct compaction_settings *settings);

/* Does what is to be done next with a node's aggregate, or with the owner's own (node_id NULL). `done`
 * is called once, perhaps before this returns: what was done, or COMPACTION_NOTHING; or an error (nothing
 * is lost then: the next run begins anew). Another one of the same aggregate that is still under way
 * makes it end with COMPACTION_NOTHING. */
void compaction_run(struct compaction *compaction, const char *owner, const char *node_id,
		    void (*done)(void *context, enum compaction_kind kind, const struct error *error), void *context);

/* When nothing is under way in the pipeline any more. What waits for the server is forgotten, its `done`
 * is not called. NULL is allowed. */
void compaction_free(struct compaction *compaction);

#endif
