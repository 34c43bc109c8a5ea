/* What the agent tells the controllers: one function per kind of report, each adding a row to the
 * outbox within the caller's transaction. Texts are borrowed for the call. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_REPORT_H
#define ROOST_NODEAGENT_CONTROL_REPORT_H

#include "nodeagent/control/store.h"

/* The node runs, or, when that was told before, what it can do has changed. */
void report_node(struct store *store, const Roost__Capabilities *capabilities, const char *ip_address);
void report_capabilities(struct store *store, const Roost__Capabilities *capabilities);

/* The node's end, and what stands in its way. */
void report_node_stopped(struct store *store);
void report_node_removed(struct store *store);
void report_node_stop_failed(struct store *store, const char *message, const Roost__LeftBehind *left);

/* Starts or stops fail for reasons of the machine; `message` is a sample of them. */
void report_degraded(struct store *store, const char *message);
void report_recovered(struct store *store);

/* A progress line: the first to go when the outbox is full. */
void report_step(struct store *store, const char *workspace_id, uint32_t generation, const char *step,
		 const char *message);

/* What became of a workspace, in the words that its wish calls for: running, failed, lost, stopped or
 * removed. Only for phases that plan_workspace answers with PLAN_TELL. */
void report_workspace(struct store *store, const struct workspace_row *row);
void report_fill_left(Roost__LeftBehind *message, const struct runtime_left *left);
void report_lost(struct store *store, const struct workspace_row *row, const char *message);
void report_stop_failed(struct store *store, const struct workspace_row *row);

void report_session_running(struct store *store, const char *session_id);
/* Ended or failed, as the row says. */
void report_session(struct store *store, const struct session_row *row);

#endif
