/* Changes of nodes' health as records. What a query shows is computed from beats when it is read; a
 * change is announced once, by whichever controller's record comes first. Worse health is announced
 * only by a controller that has itself listened without a break for 2 T. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_HEALTH_H
#define ROOST_CONTROLLER_EFFECTS_HEALTH_H

#include "controller/effects/beats.h"
#include "controller/pipeline/pipeline.h"

struct health;

struct health_settings {
	struct connection *connection;
	struct projection *projection;
	struct pipeline *pipeline;
	const struct server_clock *clock;
	struct node_table *table;
	const struct beats *beats;
	int64_t stale_ms; /* T */
};

struct health *health_start(const struct health_settings *settings);

/* A beat came: a node that was announced silent is healthy again. */
void health_heard(struct health *health, struct node_entry *entry, const Roost__NodeState *node);

/* Only when none of its decisions is under way. */
void health_stop(struct health *health);

#endif
