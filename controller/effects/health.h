/* Nodes' health: computed from what was heard whenever it is asked for, and its changes announced as
 * records. A change is announced once, by whichever controller's record comes first. Worse health is
 * announced only by a controller that has itself listened without a break for 2 T; better health only
 * when the node beats and answers. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_HEALTH_H
#define ROOST_CONTROLLER_EFFECTS_HEALTH_H

#include "controller/effects/beats.h"
#include "controller/effects/live.h"
#include "controller/effects/probes.h"
#include "controller/pipeline/pipeline.h"

struct health;

struct health_settings {
	struct connection *connection;
	struct projection *projection;
	struct pipeline *pipeline;
	const struct server_clock *clock;
	struct node_table *table;
	struct beats *beats;
	struct probes *probes;
	int64_t stale_ms; /* T */
};

struct health *health_start(const struct health_settings *settings);

/* A beat came: a node that was announced silent may be healthy again. */
void health_heard(struct health *health, struct node_entry *entry, const Roost__NodeState *node);

/* A call to the node was answered, or was not. */
void health_called(struct health *health, struct node_entry *entry, bool answered);

/* The live fields of a node; false when there is no such node. */
bool health_live(const struct health *health, const char *node_id, struct live_node *out);

/* Only when none of its decisions is under way. */
void health_stop(struct health *health);

#endif
