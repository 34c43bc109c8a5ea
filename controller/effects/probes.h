/* Probes of nodes' command channels: an agent that beats but does not answer is of no use. Each node that
 * no other call has reached for a while is asked once per interval; the nodes take turns, so that a
 * thousand of them are asked evenly and not at once. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_PROBES_H
#define ROOST_CONTROLLER_EFFECTS_PROBES_H

#include "bus/link/connection.h"
#include "controller/effects/node_table.h"

struct probes;

struct probes_settings {
	struct connection *connection;
	struct projection *projection;
	struct node_table *table;
	int64_t interval_ms; /* NODE_PROBE_SECONDS */
	uint32_t timeout_ms; /* of a call to a node */
	/* The node answered, or did not. */
	void (*called)(void *context, struct node_entry *entry, bool answered);
	void *context;
};

/* The settings are copied, what they point to is borrowed. */
struct probes *probes_start(const struct probes_settings *settings);

/* Asks out of turn, unless that has just been done. */
void probes_ask(struct probes *probes, struct node_entry *entry);

/* Probes under way are forgotten. */
void probes_stop(struct probes *probes);

#endif
