/* Doing what the plan says: the next steps of workspaces and sessions. Loop thread; steps that block
 * become jobs, whose ends come back here.
 *
 * Everything that changes a row writes the row and the report that tells of it in one transaction. */
#ifndef ROOST_NODEAGENT_CONTROL_WORK_H
#define ROOST_NODEAGENT_CONTROL_WORK_H

#include "nodeagent/control/agent.h"

/* Takes every step that is due for the workspace and its sessions. Nothing happens before the agent has
 * adopted what is on the machine, or while it ends. */
void work_on_workspace(struct agent *agent, const char *id);

/* The same for every row there is. */
void work_on_all(struct agent *agent);

/* Takes the step that is due for the node as a whole; called after everything that may make one due. */
void work_on_node(struct agent *agent);

/* The node is wanted again, after everything of it was taken away. */
void work_node_comes_back(struct agent *agent);

/* Enough time went by since a search of the machine that failed. */
void work_node_may_search(struct agent *agent);

/* Asks the hosts once more that were asked to end: one that could not be reached just then has not heard it. */
void work_stop_sessions_again(struct agent *agent);

/* The workspace's first process has ended without being asked to. */
void work_workspace_lost(struct agent *agent, const char *id);

/* --- between the files of it --- */

/* Adds to a row from the store what only memory knows. */
void work_complete(struct agent *agent, struct workspace_row *row);

/* A piece of work begins, so what a search of the machine found counts no more. */
void work_node_begun(struct agent *agent);

/* Takes the step that is due for one session. */
void work_on_session(struct agent *agent, struct session_row *session, const struct workspace_row *workspace);

/* Within a transaction: what is left of the workspace's sessions ends with it. */
void work_end_sessions(struct agent *agent, const struct workspace_row *workspace, struct arena *arena);

/* When nothing is left of a workspace that was removed, and that was told. */
void work_forget_workspace(struct agent *agent, const char *id);

/* Their folders, and what is remembered of them, go with the workspace's. */
void work_forget_sessions(struct agent *agent, const char *workspace_id);

/* The session client's two callbacks. */
void work_session_running(void *context, const char *session_id, int program_pid);
void work_session_ended(void *context, const char *session_id, const struct session_end *end);

#endif
