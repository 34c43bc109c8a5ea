/* Nodes that know more than the log: it was restored from a backup under them. What a node claims is
 * believed only once the projection holds all that the log had after the claim came; then the node gets a
 * new log epoch by a record. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_ROLLBACKS_H
#define ROOST_CONTROLLER_EFFECTS_ROLLBACKS_H

#include "controller/effects/node_table.h"
#include "controller/pipeline/pipeline.h"

struct rollbacks;

struct rollbacks_settings {
	struct projection *projection;
	struct projection_runner *runner;
	struct pipeline *pipeline;
};

struct rollbacks *rollbacks_new(const struct rollbacks_settings *settings);

/* The node says that it holds this version of this epoch, which is more than the projection has. */
void rollbacks_suspect(struct rollbacks *rollbacks, struct node_entry *entry, uint64_t log_epoch,
		       uint64_t held_version);

/* Only when none of its decisions is under way. */
void rollbacks_free(struct rollbacks *rollbacks);

#endif
