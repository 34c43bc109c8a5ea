/* What this node can do, found out by trying, and told to the controllers whenever it has changed. */
#ifndef ROOST_NODEAGENT_CONTROL_CAPABILITIES_H
#define ROOST_NODEAGENT_CONTROL_CAPABILITIES_H

#include "nodeagent/control/agent.h"

/* What a try of the runtime gave. */
struct runtime_trial {
	bool usable;
	struct runtime_facts facts;
	struct error error; /* why it is not */
};

/* Tries the runtime out; blocks, on a worker thread. */
void capabilities_try(struct runtime *runtime, struct arena *arena, struct runtime_trial *trial);

/* On the loop: notes the outcome, and reports the node when it differs from what was last reported. */
void capabilities_take(struct agent *agent, const struct runtime_trial *trial);

/* Tries again on a worker, unless that is under way already. */
void capabilities_refresh(struct agent *agent);

/* Sees to it on a worker that nobody took away what keeps the running workspaces apart. */
void capabilities_tend(struct agent *agent);

#endif
