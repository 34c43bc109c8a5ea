/* What the agent remembers: who it is, what is wanted of it, how far it is, and what it has yet to
 * report. Everything here can be found again on the machine and at the controllers, so the file may
 * be deleted: the agent then counts as a new one (a new agent_epoch). Loop thread only.
 *
 * Changes are made between store_begin and store_commit, so that a change and the report that tells
 * of it are one. A commit that fails ends the process: what the agent did and what it wrote down must
 * not drift apart, and a restart finds everything again. */
#ifndef ROOST_NODEAGENT_CONTROL_STORE_H
#define ROOST_NODEAGENT_CONTROL_STORE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/foundation/limits.h"
#include "bus/wire/message.h"
#include "node.pb-c.h"
#include "nodeagent/plan/node_plan.h"
#include "nodeagent/plan/plan.h"
#include "nodeagent/runtime/runtime.h"

struct store;

enum { LOG_ID_MAX = 64, TOKEN_LENGTH = 43 };

struct agent_identity {
	uint64_t agent_epoch; /* rises with every new database and every boot of the machine */
	char log_id[LOG_ID_MAX + 1];
	uint64_t log_epoch;
	uint64_t held_version;
};

/* What is wanted of the node as a whole, and what was told of it. */
struct node_row {
	struct node_wanted wanted;
	uint64_t told_version;
	uint64_t told_failed;
};

struct workspace_row {
	char id[IDENTIFIER_LENGTH + 1];
	struct workspace_wanted wanted; /* node and node_version are the node's, not stored here */
	struct workspace_actual actual; /* busy and retry_due are not stored: the caller sets them */
	bool lost;
	const char *failed_step;      /* "" unless phase is failed or stop_failed */
	const char *failure;	      /* safe for users */
	const char *failure_detail;   /* the tail of the failed step's output */
	struct runtime_left left;     /* when phase is stop_failed */
	char token[TOKEN_LENGTH + 1]; /* what its tools show to be let in; secret; "" before the first start */
	struct bytes message;	      /* WantedWorkspace; empty when nothing is known */
};

struct session_row {
	char id[IDENTIFIER_LENGTH + 1];
	char workspace_id[IDENTIFIER_LENGTH + 1]; /* "" while only its host is known */
	bool known;
	uint64_t version;
	struct session_wanted wanted;
	struct session_actual actual; /* busy is not stored */
	bool failed;
	Roost__AgentSession__StopReason reason; /* 0: it came to its end by itself */
	bool has_exit_code;
	int exit_code;
	const char *failure;
	struct bytes message; /* WantedSession */
};

/* `boot_id` tells one start of the machine from another: after a new one the last commits may be
 * missing, so report numbers begin again under a new agent epoch. `now_ms` makes that epoch.
 * *fresh tells that nothing was known before. */
struct store *store_open(const char *path, const char *boot_id, int64_t now_ms, bool *fresh, struct error *error);
void store_close(struct store *store);

/* Transactions. store_begin and store_commit end the process when the file cannot be written;
 * store_try_commit rolls back and reports instead, for changes that were only asked for. */
void store_begin(struct store *store);
void store_commit(struct store *store);
bool store_try_commit(struct store *store, struct error *error);
void store_rollback(struct store *store);

const struct agent_identity *store_identity(const struct store *store);

/* Within a transaction; seen by store_identity once committed. */
void store_set_held(struct store *store, const char *log_id, uint64_t log_epoch, uint64_t held_version);

/* Within a transaction. */
const struct node_row *store_node(const struct store *store);
void store_put_node(struct store *store, const struct node_row *row);

/* A sample of what fails on this machine, safe for users; "" while nothing does. Within a transaction. */
const char *store_degraded(const struct store *store);
void store_set_degraded(struct store *store, const char *sample);

/* Another log counts from now on: nothing is held of it, every row is unknown until it names it, and
 * everything is to be told anew. Sessions that were never begun are forgotten. */
void store_switch_log(struct store *store, const char *log_id, uint64_t log_epoch);

/* Rows; strings and bytes are in the arena. False when there is none. */
bool store_workspace(struct store *store, const char *id, struct arena *arena, struct workspace_row *row);
void store_put_workspace(struct store *store, const struct workspace_row *row);
size_t store_workspaces(struct store *store, struct arena *arena, struct workspace_row **rows);

/* Forgets the workspaces that were removed and told so, and that nothing is left of. */
void store_forget_removed(struct store *store);

bool store_session(struct store *store, const char *id, struct arena *arena, struct session_row *row);
void store_put_session(struct store *store, const struct session_row *row);
void store_forget_session(struct store *store, const char *id);
/* All of a workspace, or all there are with workspace_id NULL. */
size_t store_sessions(struct store *store, const char *workspace_id, struct arena *arena, struct session_row **rows);

/* What was last reported of the node; empty bytes for never. */
struct bytes store_capabilities(struct store *store, struct arena *arena);
void store_set_capabilities(struct store *store, struct bytes packed);

/* --- the outbox --- */

/* Adds a report (without its number) within the caller's transaction. Above OUTBOX_MAX the progress
 * lines that were never sent go first. */
void store_add_report(struct store *store, const Roost__Report *report, bool progress);

/* The first reports, numbered, at most REPORT_BATCH_MAX and REPORT_BATCH_BYTES_MAX; writes down in a
 * transaction of its own that these numbers are given. Returns how many. */
size_t store_batch(struct store *store, struct arena *arena, Roost__Report ***reports);

size_t store_reports_waiting(const struct store *store);

/* Does with the outbox what plan_answer says. */
enum answer_effect store_take_answer(struct store *store, const Roost__ReportAnswer *answer, int64_t now_ms);

#endif
