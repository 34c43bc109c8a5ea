/* Heartbeats: who is alive, in memory. Seeded from ROOST_BEATS whenever the connection comes up, then
 * heard live. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_BEATS_H
#define ROOST_CONTROLLER_EFFECTS_BEATS_H

#include "bus/foundation/clock.h"
#include "bus/link/connection.h"
#include "controller/effects/node_table.h"

struct beats;

struct beats_settings {
	struct connection *connection;
	struct projection *projection;
	const struct server_clock *clock;
	struct node_table *table;
	/* A beat of a node that exists or was deleted; all borrowed. `kept`: by the server, from before. */
	void (*came)(void *context, struct node_entry *entry, const Roost__NodeState *node,
		     const Roost__Heartbeat *beat, bool kept);
	/* The same beat, at one of all controllers, before or after `came`: for what one of them should do. */
	void (*ours)(void *context, struct node_entry *entry, const Roost__NodeState *node,
		     const Roost__Heartbeat *beat);
	void *context;
};

/* The figures of a beat. */
void beat_load(const Roost__Heartbeat *beat, Roost__Node__Load *load);

/* The settings are copied, what they point to is borrowed. */
struct beats *beats_start(const struct beats_settings *settings);
void beats_stop(struct beats *beats);

/* Since when we have been listening without a break, monotonic; 0 while we cannot. */
int64_t beats_listening_since(const struct beats *beats);

/* The process itself has slept: listening begins anew. */
void beats_overslept(struct beats *beats);

#endif
