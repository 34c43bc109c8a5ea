/* Notices that the runtime fails at its work, and that it works again (S4-19, S4-20); the judgement is
 * plan/runtime_health.h. Kept in the store, so that a restart of the agent forgets nothing. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_HEALTH_H
#define ROOST_NODEAGENT_CONTROL_HEALTH_H

#include "nodeagent/control/agent.h"

/* As the store has it; what a fresh one has lost is told once it is known. */
void health_open(struct agent *agent, bool fresh);

/* How a start, a stop (`workspace_id`) or a trial ("") has ended; `message` is what a user may read of a
 * failure. Tells the controllers when that changes something. */
void health_take(struct agent *agent, enum health_event event, const char *workspace_id, const char *message);

/* Whoever keeps the log may not know: it is told again, that all is well at the next success. */
void health_tell(struct agent *agent);

/* At each beat: now and then a degraded runtime is tried. */
void health_beat(struct agent *agent);

#endif
