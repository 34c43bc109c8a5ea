/* What this node can do, found out by trying, and told to the controllers whenever it has changed. */
#ifndef ROOST_NODEAGENT_CONTROL_CAPABILITIES_H
#define ROOST_NODEAGENT_CONTROL_CAPABILITIES_H

#include "nodeagent/control/agent.h"

/* Tries the runtime out on a worker, unless that is under way already; then notes the outcome, and reports the
 * node when it differs from what was last reported. */
void capabilities_refresh(struct agent *agent);

/* Sees to it on a worker that nobody took away what keeps the running workspaces apart. */
void capabilities_tend(struct agent *agent);

#endif
