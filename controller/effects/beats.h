/* Heartbeats: who is alive, in memory. Seeded from ROOST_BEATS whenever the connection comes up, then
 * heard live. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_BEATS_H
#define ROOST_CONTROLLER_EFFECTS_BEATS_H

#include "bus/foundation/clock.h"
#include "bus/link/connection.h"
#include "controller/effects/live.h"
#include "controller/effects/node_table.h"

struct beats;

struct beats_settings {
	struct connection *connection;
	struct projection *projection;
	const struct server_clock *clock;
	struct node_table *table;
	int64_t stale_ms; /* T */
	/* A beat of a node that exists, live or kept; both borrowed. */
	void (*came)(void *context, struct node_entry *entry, const Roost__NodeState *node,
		     const Roost__Heartbeat *beat);
	void *context;
};

/* The settings are copied, what they point to is borrowed. */
struct beats *beats_start(const struct beats_settings *settings);
void beats_stop(struct beats *beats);

/* healthy up to T of silence, stale up to 2 T, then unhealthy. Pure. */
Roost__Node__Health beats_health(int64_t silent_ms, int64_t stale_ms);

/* Milliseconds since the node's last beat, or for one that never beat, since we listen. */
int64_t beats_silence(const struct beats *beats, const struct node_entry *entry);

/* How long we have been listening without a break; 0 while we cannot. */
int64_t beats_listening(const struct beats *beats);

/* The live fields of a node; false when nothing is known. */
bool beats_live(const struct beats *beats, const char *node_id, struct live_node *out);

#endif
