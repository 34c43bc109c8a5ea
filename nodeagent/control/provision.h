/* The one way in which a workspace comes to run (S2-11; a test reads the sources to see to it):
 *
 *   prepare    what is wanted, as the runtime takes it, with who the workspace is in its environment
 *   mint       a token of its own for this generation
 *   preflight  what can be known to fail before anything is made, with the true cause
 *   start      the runtime's own steps
 *
 * The token goes into the workspace as a file that only its own processes can read, and into the agent's
 * database, by which its tools will be let in. It is in no log, no report and no answer. */
#ifndef ROOST_NODEAGENT_CONTROL_PROVISION_H
#define ROOST_NODEAGENT_CONTROL_PROVISION_H

#include "nodeagent/control/agent.h"

struct provision {
	const struct agent_settings *settings;
	struct runtime *runtime;
	bool first; /* it has no files yet that somebody may have worked on */
	struct runtime_workspace workspace;
	struct runtime_failure failure;
};

/* Prepares and mints, on the loop; the row gets its token and is the caller's to store. The arena must outlive
 * the provision. False with the failure. */
bool provision_prepare(struct provision *provision, const struct agent *agent, struct workspace_row *row,
		       struct arena *arena);

/* Preflight and start; blocks, on a worker. False with the failure. */
bool provision_run(struct provision *provision, struct arena *arena, const struct runtime_listener *listener);

#endif
