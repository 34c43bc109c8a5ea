/* A node agent and the machine below it: the real plans (nodeagent/plan) over a model of the agent's
 * database, outbox and jobs. In agent.c: its life, what it stores, its beats. In outbox.c: reports. In
 * work.c: workspaces; in work_session.c: sessions; in machine.c: what is really there.
 *
 * What is in a row is in its database and outlives it; what is called live is not and does not. */
#ifndef ROOST_TESTS_SIMULATION_AGENT_H
#define ROOST_TESTS_SIMULATION_AGENT_H

#include "node.pb-c.h"
#include "nodeagent/plan/node_plan.h"
#include "nodeagent/plan/plan.h"
#include "tests/simulation/simulation.h"

#define LOG_ID "log"

enum {
	NODES_PER_OWNER_MAX = 3,
	WORKSPACES_PER_NODE_MAX = 5,
	SESSIONS_PER_WORKSPACE_MAX = 3,
	ROWS_MAX = 160,
	OUTBOX_ROOM = 2048,
};

/* ---- the machine ---- */

/* A workspace's things: files, and perhaps processes. */
struct sandbox {
	char id[ID_SIZE];
	bool there; /* its disk */
	bool running, checkout_made, has_remains;
	uint32_t generation;
	const char *owner; /* by its label, as is the time */
	int64_t made_at, really_made_ms, running_since_ms;
};

/* A session host and the program under it. */
struct host {
	char id[ID_SIZE], workspace_id[ID_SIZE];
	bool there; /* its folder */
	bool alive;
	unsigned spawned; /* how often in its life */
};

struct machine {
	struct sandbox sandboxes[ROWS_MAX];
	struct host hosts[ROWS_MAX];
	size_t sandbox_count, host_count;
	unsigned boots;
};

/* ---- the agent's database ---- */

struct job {
	struct agent *agent;
	struct moment moment;
	struct workspace_row *row;
	enum plan_step step;
	uint32_t generation;
	unsigned stage;
	bool cancelled, failed;
	const char *failure;
};

struct workspace_row {
	char id[ID_SIZE];
	struct workspace_wanted wanted;
	struct workspace_actual actual; /* busy and retry_due are set when asked */
	bool lost;
	const char *failure;

	struct job *job; /* live */
	bool waits;	 /* live: a failed stop waits to be tried again */
	unsigned tries;
};

struct session_row {
	char id[ID_SIZE], workspace_id[ID_SIZE];
	bool known, failed;
	uint64_t version;
	struct session_wanted wanted;
	struct session_actual actual;
	Roost__AgentSession__StopReason reason;
	const char *failure;
	bool forgotten;
	bool begun; /* for the check that this happens once */

	bool busy, heard; /* live */
};

struct agent {
	struct process process;
	struct simulation *simulation;
	const char *node_id, *owner;
	bool lies; /* what it says of itself is not to be believed */

	/* its database */
	uint64_t agent_epoch, log_epoch, held_version;
	bool follows_log;
	unsigned known_boots;
	int64_t lost_database_ms; /* when it last did */
	struct workspace_row workspaces[ROWS_MAX];
	struct session_row sessions[ROWS_MAX];
	size_t workspace_count, session_count;
	struct node_wanted node;
	uint64_t node_told, node_told_failed;
	const Roost__Report *outbox[OUTBOX_ROOM]; /* a ring, from reports_taken on */
	uint64_t reports_taken, reports_made, reports_sent;

	/* live */
	bool adopted, outstanding, waiting;
	bool searching, found_clear, search_due, begun_since, working_on_node;
	unsigned ticket, backoff_ms;
	int64_t hosts_shown_ms; /* until then a session's host may yet show itself */

	struct machine machine;
};

struct agent *agent_new(struct simulation *simulation, const char *node_id, const char *owner);

/* A page of wanted state arrives. False when there is no answer. */
bool agent_apply(struct agent *agent, const Roost__ApplyRequest *request, Roost__ApplyResponse *answer);

/* What a beat says. */
struct beat {
	struct agent *agent;
	bool follows_log;
	uint64_t agent_epoch, held_version, log_epoch;
};
void agent_beat(struct agent *agent);
/* One lie more, in a report or in the beat (lies.c). */
void agent_lie(struct agent *agent, struct beat *beat);

/* Rows are made when asked for by `make`. */
struct workspace_row *agent_workspace(struct agent *agent, const char *id, bool make);
/* The row as its plan wants it: with the node's wish, and with what only memory knows. */
struct workspace_row *agent_complete(struct agent *agent, struct workspace_row *row);
struct session_row *agent_session(struct agent *agent, const char *id, bool make);

/* ---- outbox.c ---- */

Roost__Report *outbox_report(struct agent *agent, Roost__Report__ReportCase which);
/* Puts it behind the others; sent by outbox_kick. */
void outbox_add(struct agent *agent, Roost__Report *report);
void outbox_kick(struct agent *agent);
void outbox_new_epoch(struct agent *agent, uint64_t above);
void outbox_forget_told(struct agent *agent);
void agent_tell_all(struct agent *agent);

/* ---- work.c, work_session.c ---- */

void work_on_workspace(struct agent *agent, const char *id);
void work_on_all(struct agent *agent);
void work_on_session(struct agent *agent, struct session_row *session, struct workspace_row *workspace);
/* ---- work_node.c: what is wanted of the node as a whole ---- */

void work_on_node(struct agent *agent);
/* Something was begun: what a search found is old. */
void work_node_begun(struct agent *agent);
/* The next search may begin. */
void work_node_may_search(struct agent *agent);
void work_node_wanted_anew(struct agent *agent);

void work_end_sessions(struct agent *agent, const struct workspace_row *workspace);
void work_forget_sessions(struct agent *agent, const char *workspace_id);
/* The machine has something to say. */
void work_workspace_lost(struct agent *agent, const char *id);
void work_host_running(struct agent *agent, const char *session_id);
void work_host_ended(struct agent *agent, const char *session_id);

/* ---- machine.c ---- */

struct sandbox *machine_sandbox(struct machine *machine, const char *id, bool make);
struct host *machine_host(struct machine *machine, const char *id, bool make);
/* Ends what runs in it. */
void machine_end_sandbox(struct agent *agent, struct sandbox *sandbox);
void machine_end_host(struct agent *agent, struct host *host);
/* False when its folder is there already: a host has been started before. */
bool machine_spawn(struct agent *agent, const char *session_id, const char *workspace_id);
bool machine_awaits_host(const struct agent *agent, const struct session_row *row);
void machine_leave_things(struct agent *agent);
/* By itself, now and then, and the whole machine. */
void machine_mishaps(struct agent *agent);

/* Takes up what is on the machine after a start. */
void adopt(struct agent *agent);

#endif
