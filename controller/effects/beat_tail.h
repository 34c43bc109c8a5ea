/* Every heartbeat is told on the tail, as roost.tail.<owner>.<node>.-.-.node_heartbeat, whether or not
 * anything changed (S4-17); it is stored nowhere. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_BEAT_TAIL_H
#define ROOST_CONTROLLER_EFFECTS_BEAT_TAIL_H

#include "bus/link/connection.h"
#include "controller/effects/live.h"
#include "node.pb-c.h"
#include "state.pb-c.h"

/* To be called by one controller for each beat. `now_ms` is the server's clock. */
void beat_tail_publish(struct connection *connection, const Roost__NodeState *node, const Roost__Heartbeat *beat,
		       const struct live_node *live, int64_t now_ms);

#endif
