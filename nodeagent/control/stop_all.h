/* `roost-nodeagent --stop-all`: ends everything that this installation runs on this machine, without
 * the bus and without an agent. */
#ifndef ROOST_NODEAGENT_CONTROL_STOP_ALL_H
#define ROOST_NODEAGENT_CONTROL_STOP_ALL_H

#include "nodeagent/control/agent.h"

/* Stops every session host and sandbox that carries the settings' node id; with `purge` their files,
 * and the agent's database, go too. Runs the loop to its end. No agent may run beside it. Without
 * `purge` the database notes why they ended, for the next agent to tell. False with an error that says what
 * is left. With `here_only` workspaces that have no files in the settings' folder are let be: the node may be
 * served from another folder now. */
bool stop_all(uv_loop_t *loop, const struct agent_settings *settings, bool purge, bool here_only, struct error *error);

#endif
