/* What an agent finds when it begins: sandboxes and session hosts that run on from before, what was
 * half made, and what is gone. */
#ifndef ROOST_NODEAGENT_CONTROL_ADOPT_H
#define ROOST_NODEAGENT_CONTROL_ADOPT_H

#include "nodeagent/control/agent.h"

/* Tries the runtime, lists what there is (a job), makes the rows agree with it, and then lets the work
 * begin. Called once. */
void adopt_begin(struct agent *agent);

/* True for a session whose folder was found and whose host, or whose end, has yet to be heard of: until
 * then nothing is decided about it. */
bool adopt_awaits_host(struct agent *agent, const char *session_id);

#endif
