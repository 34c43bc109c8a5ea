/* Wanted state to nodes: what the projection's rows want and the agent does not hold yet, sent in
 * pages, one call in flight per node. Loop thread.
 *
 * Nothing is remembered of what was sent: the agent's word (its answer, its beats) is what it holds,
 * and the difference is what is sent. So a redelivery, a second controller, a node that was away for
 * days and one that lost its database are one case. */
#ifndef ROOST_CONTROLLER_EFFECTS_WANTED_H
#define ROOST_CONTROLLER_EFFECTS_WANTED_H

#include "bus/link/connection.h"
#include "bus/log/projection_runner.h"
#include "controller/effects/node_table.h"

struct wanted;

struct wanted_settings {
	struct connection *connection;
	struct projection *projection;
	struct projection_runner *runner;
	struct node_table *table;
	uint32_t call_timeout_ms;
	/* The node answered, or did not. */
	void (*called)(void *context, struct node_entry *entry, bool answered);
	/* The node says that it holds more of our log than the projection has. */
	void (*ahead)(void *context, struct node_entry *entry, uint64_t log_epoch, uint64_t held_version);
	void *context;
};

/* The settings are copied, what they point to is borrowed. */
struct wanted *wanted_new(const struct wanted_settings *settings);

/* Calls under way are forgotten; nobody is told that anything has settled. */
void wanted_free(struct wanted *wanted);

/* A record of the node is in the projection. `settled` is called once, perhaps before this returns:
 * the agent holds what the record wants, or nothing is wanted, or the node cannot be reached now (its
 * next beat brings it up to date). */
void wanted_changed(struct wanted *wanted, const char *node_id, void (*settled)(void *context), void *context);

/* A beat says what the agent holds; sends the difference when it is older than what is wanted. Of a
 * deleted node that is nothing but its removal. */
void wanted_heard(struct wanted *wanted, struct node_entry *entry, const Roost__NodeState *node,
		  const Roost__Heartbeat *beat);

#endif
