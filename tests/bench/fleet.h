/* Nodes that exist only on the bus: they report themselves running, store whatever is wanted of them
 * and say so, and do nothing else. */
#ifndef ROOST_TESTS_BENCH_FLEET_H
#define ROOST_TESTS_BENCH_FLEET_H

#include "tests/bench/flight.h"

struct fleet {
	natsConnection *agents; /* answers for all nodes */
	natsConnection *owner;
	const char *user; /* the owner */
	int nodes;
	char (*node_ids)[27];
	char (*workspace_ids)[27];    /* one on each node */
	unsigned long long *reported; /* reports sent, by node */
	natsSubscription *apply;
};

/* Makes the nodes, lets them run, and one workspace on each. Ends the program on failure. */
void fleet_start(struct fleet *fleet);
void fleet_stop(struct fleet *fleet);

/* Sends the next report of a node: a step of its workspace. Waits for the answer. */
void fleet_report_step(struct fleet *fleet, int node);

/* A command of the owner in JSON, answered within five seconds; the body, to be freed. */
char *fleet_command(struct fleet *fleet, const char *command, const char *body);

#endif
