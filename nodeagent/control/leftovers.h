/* What workspaces and sessions shared on the machine, to be taken away when none of them is left. Blocks;
 * any thread. */
#ifndef ROOST_NODEAGENT_CONTROL_LEFTOVERS_H
#define ROOST_NODEAGENT_CONTROL_LEFTOVERS_H

#include "nodeagent/control/agent.h"

/* The session hosts' own cgroups; waits a moment for the last host, which ends a little after its word. */
void leftovers_remove_cgroups(const struct agent_settings *settings);

/* The folders of workspaces, sessions and logs, with whatever is in them; goes into no other file system.
 * False when something stays. */
bool leftovers_remove_folders(const struct agent_settings *settings);

/* The agent's own files beside the database, and the database. Nobody may have it open. */
void leftovers_remove_database(const char *path);

#endif
