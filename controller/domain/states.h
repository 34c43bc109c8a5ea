/* The state machines of nodes, workspaces and sessions: which moves are legal, and the one door per
 * entity through which its status changes. The tables are in node_machine.c, workspace_machine.c and
 * session_machine.c, each readable on one screen. Pure; any thread. */
#ifndef ROOST_CONTROLLER_DOMAIN_STATES_H
#define ROOST_CONTROLLER_DOMAIN_STATES_H

#include "state.pb-c.h"
#include <stdbool.h>
#include <stdint.h>

/* True when the table has the move. A state never moves to itself. */
bool node_may_move(Roost__Node__Status from, Roost__Node__Status to);
bool workspace_may_move(Roost__Workspace__Status from, Roost__Workspace__Status to);
bool session_may_move(Roost__AgentSession__Status from, Roost__AgentSession__Status to);

/* The doors. Each checks the present state against the table and, when the move is legal, sets the
 * status, since when it is, and updated_at, and forgets what was only about the old one: the deadline,
 * what a failed stop had left, and when the sweeper tried again. False and nothing changed otherwise. */
bool node_move(Roost__NodeState *node, Roost__Node__Status to, int64_t at_ms);
bool workspace_move(Roost__WorkspaceState *workspace, Roost__Workspace__Status to, int64_t at_ms);
bool session_move(Roost__SessionState *session, Roost__AgentSession__Status to, int64_t at_ms);

/* The lower-case word of a status, as in JSON and in SQL; NULL for a number that is none. */
const char *node_status_word(Roost__Node__Status status);
const char *workspace_status_word(Roost__Workspace__Status status);
const char *session_status_word(Roost__AgentSession__Status status);

/* Starting, running or stopping: the session may still have processes. */
bool session_is_live(Roost__AgentSession__Status status);

#endif
