/* A snapshot on its way through the pipeline: its pages are one work that keeps its turn at the aggregate
 * from the first to the last, so nothing of ours comes between them. Private to controller/effects. Loop
 * thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_SNAPSHOT_WORK_H
#define ROOST_CONTROLLER_EFFECTS_SNAPSHOT_WORK_H

#include "controller/domain/compaction.h"
#include "controller/pipeline/pipeline.h"

/* Takes a snapshot of the node's aggregate, or of the owner's own (node_id NULL), if by the limits one is
 * due when it comes to its turn. `done` once, perhaps before this returns: whether one is complete now,
 * or an error. */
void snapshot_work_run(struct pipeline *pipeline, struct projection *projection, const struct compaction_limits *limits,
		       const char *owner, const char *node_id,
		       void (*done)(void *context, bool taken, const struct error *error), void *context);

#endif
