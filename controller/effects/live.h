/* What beats say about nodes right now: the live fields, which no record and no projection holds.
 * beats.c fills it in; controller/commands lays it over its answers. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_LIVE_H
#define ROOST_CONTROLLER_EFFECTS_LIVE_H

#include "resource.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

struct live_node {
	Roost__Node__Health health;
	bool has_last_heartbeat;
	int64_t last_heartbeat_at; /* server time, ms */
	bool has_silent_since;	   /* the node is stale or unhealthy: its workspaces' status is uncertain */
	int64_t silent_since_at;   /* server time, ms */
};

/* False when nothing is known of the node: it never beat, and nobody can say since when it is silent. */
struct live_source {
	bool (*node)(void *context, const char *node_id, struct live_node *out);
	void *context;
};

#endif
