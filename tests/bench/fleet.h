/* Nodes that exist only on the bus: they report themselves running, store whatever is wanted of them
 * and say so, name it in their inventories, and do nothing else. */
#ifndef ROOST_TESTS_BENCH_FLEET_H
#define ROOST_TESTS_BENCH_FLEET_H

#include "tests/bench/flight.h"

#include <stdatomic.h>

struct fleet_node;

struct fleet {
	natsConnection *agents; /* answers for all nodes */
	natsConnection *owner;
	const char *user; /* the owner */
	int nodes;
	char (*node_ids)[27];
	char (*workspace_ids)[27];    /* the first on each node */
	unsigned long long *reported; /* reports sent, by node */
	natsSubscription *calls;
	struct fleet_node *holds; /* by node; of the calls' thread */
	atomic_ulong inventories; /* asked for so far */
	struct fleet_beats *beats;
};

/* Makes the nodes, lets them run, and one workspace on each. Ends the program on failure. */
void fleet_start(struct fleet *fleet);
void fleet_stop(struct fleet *fleet);

/* Sends the next report of a node: a step of its workspace. Waits for the answer. */
void fleet_report_step(struct fleet *fleet, int node);

/* Says of workspaces of a node that they run, in one batch. */
void fleet_report_running(struct fleet *fleet, int node, const char (*workspace_ids)[27], int count);

/* From now on every node beats once in `every_s` seconds, spread evenly, in a thread of its own; until
 * fleet_stop. */
void fleet_beat(struct fleet *fleet, int every_s);

/* A command of the owner in JSON, answered within five seconds; the body, to be freed. */
char *fleet_command(struct fleet *fleet, const char *command, const char *body);

#endif
