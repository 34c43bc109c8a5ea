/* Asking over the bus while an installation starts: does a service answer, does the machine's node run.
 * Loop thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_BUS_CHECK_H
#define ROOST_CONTROLLER_INSTALLATION_BUS_CHECK_H

#include "bus/link/connection.h"

struct bus_check;

/* On a connection whose inbox is the owner's. `failed` tells of what asking again will not mend. */
struct bus_check *bus_check_new(struct connection *connection, const char *owner,
				void (*failed)(void *context, const struct error *error), void *context);

/* One of these at a time; `done` is called on the loop when it is so, however long that takes. */

/* A service answers $SRV.PING.<name>. */
void bus_check_service(struct bus_check *check, const char *name, void (*done)(void *context));

/* The machine's node exists: made with an idempotency key, so that asking again, in another process too,
 * gives the same one. `node_id` is set in the call. */
void bus_check_make_node(struct bus_check *check, const char *key, const char *name,
			 void (*done)(void *context, const char *node_id));

/* The agent of the node has sent a heartbeat since this call, and the controller calls the node running, or its
 * owner had stopped it. Of a node that was deleted this never comes: its agent says so itself. */
void bus_check_node_runs(struct bus_check *check, const char *node_id, void (*done)(void *context));

/* In `done` of the above: the node's state in a word. */
const char *bus_check_node_state(const struct bus_check *check);

/* Ends what is under way. Before the connection is closed. */
void bus_check_free(struct bus_check *check);

#endif
