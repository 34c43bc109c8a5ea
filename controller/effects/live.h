/* What is known of nodes right now: the live fields, which no record and no projection holds. effects.c
 * fills it in; controller/commands lays it over its answers. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_LIVE_H
#define ROOST_CONTROLLER_EFFECTS_LIVE_H

#include "resource.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

struct live_node {
	bool has_health; /* not while it was never heard, or not yet by us */
	Roost__Node__Health health;
	bool has_last_heartbeat;
	int64_t last_heartbeat_at; /* server time, ms */
	bool has_last_answer;
	int64_t last_answer_at;	       /* on its command channel, server time, ms */
	bool has_silent_since;	       /* the node is stale or unhealthy: its workspaces' status is uncertain */
	int64_t silent_since_at;       /* server time, ms */
	char message[320];	       /* what is silent or awaited; "" for nothing */
	const Roost__Node__Load *load; /* of the last heartbeat, or NULL; stays with the source, and changes */
};

struct live_source {
	/* False when nothing is known of the node. May be NULL: then of none. */
	bool (*node)(void *context, const char *node_id, struct live_node *out);
	/* The node has answered a call. May be NULL. */
	void (*answered)(void *context, const char *node_id);
	void *context;
};

#endif
