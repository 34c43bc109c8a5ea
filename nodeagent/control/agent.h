/* The node agent as a whole: what its parts share, and how it begins and ends. Loop thread.
 *
 *   bus -> handlers -> apply -> store          plan -> work -> jobs (workers) -> runtime
 *                                 |              ^      |
 *   bus <- outbox  <-  report  <- store <--------+------+-> session hosts
 *
 * Life: agent_open (database, connection, runtime), then a first job lists what is on the machine; what it
 * finds is adopted, and from then on everything is driven by what arrives: wanted state, the end of a job, a
 * session host or a sandbox. Only starts wait until a second job has tried the runtime out. */
#ifndef ROOST_NODEAGENT_CONTROL_AGENT_H
#define ROOST_NODEAGENT_CONTROL_AGENT_H

#include "bus/link/connection.h"
#include "nodeagent/control/jobs.h"
#include "nodeagent/control/live.h"
#include "nodeagent/control/store.h"
#include "nodeagent/logs/logs.h"
#include "nodeagent/plan/runtime_health.h"
#include "nodeagent/runtime/runtime.h"
#include "nodeagent/session/session_client.h"

struct outbox;
struct beat;

struct agent_settings {
	const char *node_id; /* a ULID; also the label of everything made on the machine */
	const char *folder;  /* of the installation */
	const char *sessions_folder;
	const char *workspaces_folder;
	const char *logs_folder;
	const char *database;
	const char *nats_url;
	const char *credentials; /* NULL for none */
	const char *host_program;
	const char *init_program;
	const char *runtime_binary;
	const char *images;
	const char *local_repos;
	const char *boot_id;
	const struct runtime_driver *driver; /* NULL: none, every start fails */
	uint32_t heartbeat_ms;
	uint32_t stop_grace_ms;
	uint64_t disk_reserve_mb;
	uint32_t cpu_percent;
	uint64_t memory_mb;
	uint32_t processes_max;
	uint64_t disk_mb;
	uint32_t clone_timeout_seconds;
	uint32_t program_timeout_seconds;
	uint64_t mirrors_mb;
	uint64_t log_kb; /* of each log */
	/* The node was deleted, nothing of it is left on this machine, and that was told: the agent shall end. */
	void (*deleted)(void *context);
	void *deleted_context;
};

/* Of the node as a whole; of work_node.c. */
struct node_work {
	bool working;	  /* its steps are being taken */
	bool searching;	  /* a worker looks what is on the machine */
	bool search_due;  /* it may be searched */
	bool found_clear; /* the last search found nothing, and nothing was begun since */
	uint32_t vain;	  /* searches in a row that failed or found something */
	bool begun_since; /* something was begun since the search began */
	uint64_t changes; /* pieces of work that were begun or ended */
};

struct agent {
	uv_loop_t *loop;
	struct agent_settings settings;
	struct store *store;
	struct connection *connection;
	struct subscription *subscription;
	struct runtime *runtime; /* NULL once nothing is left for it to do */
	struct session_client *sessions;
	struct jobs *jobs;
	struct logs *logs;
	struct live live;
	struct outbox *outbox;
	struct beat *beat;
	uv_timer_t adoption; /* after it, a session whose host has not shown itself has none */
	bool adopted;	     /* what is on the machine is known: work may begin */
	bool tried;	     /* the runtime was tried out: starts may begin */
	bool trying;	     /* it is being tried out */
	bool tending;	     /* what keeps workspaces apart is being looked after */
	bool ending;
	struct node_work node;
	struct runtime_health health;
	bool health_untold;		       /* the log may not know it */
	uint32_t beats_degraded;	       /* since the agent began */
	char runtime_error[ERROR_MESSAGE_MAX]; /* why no workspace can be made; "" when they can */
	size_t closing;			       /* parts that have yet to close */
	void (*ended)(void *context);
	void *ended_context;
};

/* Opens everything and starts the first job. The settings' texts stay the caller's and must outlive
 * the agent. False with the error when the database, the folders or the connection's settings are
 * unusable; the caller then ends the process. */
bool agent_open(struct agent *agent, uv_loop_t *loop, const struct agent_settings *settings, struct error *error);

/* The agent's runtime and session hosts by themselves, for those who need nothing else of it. */
bool agent_open_runtime(const struct agent_settings *settings, struct runtime **runtime, struct error *error);
bool agent_open_sessions(const struct agent_settings *settings, uv_loop_t *loop,
			 const struct session_callbacks *callbacks, struct session_client **client,
			 struct error *error);

/* Ends the agent and leaves workspaces and sessions running: what is being made is called off (and done
 * again by the next agent), jobs are waited for, then `ended` is called on the loop. */
void agent_end(struct agent *agent, void (*ended)(void *context), void *context);

/* Whoever keeps the log knows nothing of what was told before: everything is told again. */
void agent_tell_all(struct agent *agent);

#endif
