/* Heartbeats: at start, every NODE_HEARTBEAT_SECONDS, and at once when the held version changes or the
 * connection comes back. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_BEAT_H
#define ROOST_NODEAGENT_CONTROL_BEAT_H

#include "nodeagent/control/agent.h"

struct beat;

/* Starts beating. */
struct beat *beat_open(struct agent *agent);
void beat_close(struct beat *beat, void (*closed)(void *context), void *context);

/* One beat now. NULL is allowed. */
void beat_now(struct beat *beat);

#endif
