/* What is wanted of a node: pure functions from states. Nothing is sent as "do this once"; a row's
 * version is the node version that last changed what is wanted of it. */
#ifndef ROOST_CONTROLLER_DOMAIN_WANTED_H
#define ROOST_CONTROLLER_DOMAIN_WANTED_H

#include "bus/foundation/arena.h"
#include "node.pb-c.h"
#include "state.pb-c.h"

/* No log goes on after this epoch. A deleted node that holds more than the log knows is told under it: what
 * it holds counts no more, and nothing needs to be recorded of a node that is to go. */
#define LOG_EPOCH_LAST ((uint64_t)INT64_MAX)

/* creating, running -> RUN; stopping, stopped, error -> STOP; deleting, deleted -> REMOVE. */
Roost__WantedWorkspace__Desired wanted_of_workspace(Roost__Workspace__Status status);

/* starting, running -> RUN; everything else -> STOP. */
Roost__WantedSession__Desired wanted_of_session(Roost__AgentSession__Status status);

/* pending, creating, running, error -> RUN; stopping, stopped -> STOP; deleting, deleted -> REMOVE. */
Roost__WantedNode__Desired wanted_of_node(Roost__Node__Status status);

/* The rows for an ApplyRequest, in the arena; strings are those of the state. */
Roost__WantedNode *wanted_node(const Roost__NodeState *state, struct arena *arena);
Roost__WantedWorkspace *wanted_workspace(const Roost__WorkspaceState *state, struct arena *arena);
Roost__WantedSession *wanted_session(const Roost__SessionState *state, struct arena *arena);

#endif
