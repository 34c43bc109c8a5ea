/* A session's steps. The happy path: the runtime gives the command (a job), the session client starts a
 * host with it, the host says that the program runs, later that it has ended; then everything else in
 * the session's cgroup is killed (a job) and the end is told. What can go wrong: the agent ends between
 * "starting" and the spawn (told as failed, never spawned again), the workspace goes away underneath, or
 * a host vanishes. */
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "nodeagent/control/adopt.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/report.h"
#include "nodeagent/control/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STARTED_BY_FORMER_AGENT "The node agent was restarted while the session was being started. Start a new one."
#define HOST_WENT_AWAY		"The session's host process ended by itself."
#define SANDBOX_WENT_AWAY	"The workspace's sandbox ended by itself, and the session with it."
#define WORKSPACE_WENT_AWAY	"The workspace stopped before the session could be started."

struct session_job {
	struct job job; /* first */
	struct agent *agent;
	struct runtime *runtime;
	char id[IDENTIFIER_LENGTH + 1];
	char workspace_id[IDENTIFIER_LENGTH + 1];
	struct runtime_program program;
	uint32_t cols;
	uint32_t rows;
	char **argv;
	bool ok;
	struct error error;
	struct session_row ended; /* of a kill: the row as it will be */
};

static void log_phase(const struct session_row *row, enum session_phase phase)
{
	log_info("session %s: %s -> %s", row->id, session_phase_name(row->actual.phase), session_phase_name(phase));
}

/* Within a transaction. */
static void put_ended(struct agent *agent, struct session_row *row)
{
	log_phase(row, SESSION_ENDED);
	row->actual.phase = SESSION_ENDED;
	row->actual.told = row->known;
	if (row->known)
		report_session(agent->store, row);
	store_put_session(agent->store, row);
}

static void finish(struct agent *agent, struct session_row *row)
{
	live_session(agent, row->id)->busy = false;
	store_begin(agent->store);
	put_ended(agent, row);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

static void fail(struct agent *agent, struct session_row *row, const char *sentence)
{
	row->failed = true;
	row->failure = sentence;
	finish(agent, row);
}

static void set_phase(struct agent *agent, struct session_row *row, enum session_phase phase)
{
	log_phase(row, phase);
	row->actual.phase = phase;
	store_begin(agent->store);
	store_put_session(agent->store, row);
	store_commit(agent->store);
}

/* Why a session ended that did not end by itself; 0 when it did. */
static Roost__AgentSession__StopReason asked_for(const struct session_row *row, const struct workspace_row *workspace)
{
	bool gone = workspace && workspace->wanted.known;
	if (workspace && workspace->wanted.node == ROOST__WANTED_NODE__DESIRED__STOP)
		return ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP;
	if (gone && plan_desired(&workspace->wanted) != ROOST__WANTED_WORKSPACE__DESIRED__RUN)
		return ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP;
	if (gone && workspace->wanted.generation > row->wanted.generation)
		return ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART;
	if (row->wanted.desired == ROOST__WANTED_SESSION__DESIRED__STOP)
		return ROOST__AGENT_SESSION__STOP_REASON__USER_STOP;
	return (Roost__AgentSession__StopReason)0;
}

static struct session_job *new_job(struct agent *agent, const struct session_row *row, void (*work)(struct job *),
				   void (*done)(struct job *))
{
	struct arena *arena = arena_new();
	struct session_job *job = arena_new_of(arena, struct session_job);
	job->job.arena = arena;
	job->job.work = work;
	job->job.done = done;
	job->agent = agent;
	job->runtime = agent->runtime;
	snprintf(job->id, sizeof(job->id), "%s", row->id);
	snprintf(job->workspace_id, sizeof(job->workspace_id), "%s", row->workspace_id);
	snprintf(job->job.lane, sizeof(job->job.lane), "%s", row->workspace_id);
	live_session(agent, row->id)->busy = true;
	work_node_begun(agent);
	return job;
}

/* --- start --- */

static void command_work(struct job *base)
{
	struct session_job *job = (struct session_job *)base;
	job->ok = runtime_command(job->runtime, base->arena, &job->program, &job->argv, &job->error);
}

/* The workspace may have begun to leave while the command was being made. */
static bool still_wanted(struct agent *agent, const struct session_row *row, struct arena *arena)
{
	struct workspace_row workspace;
	bool found = store_workspace(agent->store, row->workspace_id, arena, &workspace);
	return row->wanted.desired == ROOST__WANTED_SESSION__DESIRED__RUN &&
	       plan_session_ground(&workspace.wanted, found ? &workspace.actual : NULL, row->wanted.generation) ==
		   SESSION_GROUND_READY;
}

/* ERROR_CONFLICT means that a host was started before: whatever it says decides, so the row waits. */
static bool spawn(struct session_job *job, struct error *error)
{
	struct session_start start = {
	    .session_id = job->id, .argv = (const char *const *)job->argv, .cols = job->cols, .rows = job->rows};
	cutpoint(CUTPOINT_AGENT_BEFORE_SPAWN);
	bool ok = session_start(job->agent->sessions, &start, error);
	cutpoint(CUTPOINT_AGENT_SPAWNED);
	return ok || session_alive(job->agent->sessions, job->id);
}

static void command_done(struct job *base)
{
	struct session_job *job = (struct session_job *)base;
	struct agent *agent = job->agent;
	struct session_row row;
	if (!store_session(agent->store, job->id, base->arena, &row) || row.actual.phase != SESSION_STARTING) {
		live_session(agent, job->id)->busy = false;
		return;
	}
	if (agent->ending) {
		/* Nothing was spawned, so the next agent may begin again. */
		set_phase(agent, &row, SESSION_NONE);
	} else if (!still_wanted(agent, &row, base->arena)) {
		fail(agent, &row, WORKSPACE_WENT_AWAY);
	} else if (!job->ok || !spawn(job, &job->error)) {
		log_error("session %s could not be started: %s", row.id, job->error.message);
		fail(agent, &row,
		     error_code_http_status(job->error.code) < 500 || job->error.code == ERROR_PROVISIONING_FAILED
			 ? job->error.message
			 : "The session could not be started.");
	}
}

/* What the session host's screen understands, whatever the workspace's own environment says. */
static const struct runtime_variable terminal[] = {{"TERM", "xterm-256color"}};

static void begin_start(struct agent *agent, struct session_row *row)
{
	struct session_job *job = new_job(agent, row, command_work, command_done);
	struct arena *arena = job->job.arena;
	Roost__WantedSession *wanted = (Roost__WantedSession *)message_unpack(&roost__wanted_session__descriptor,
									      row->message, arena, &job->error);
	if (!wanted || wanted->n_command == 0) {
		fail(agent, row, "The session has no command that can be run.");
		arena_free(arena);
		return;
	}
	const char **arguments = arena_array_of(arena, const char *, wanted->n_command + 1);
	for (size_t i = 0; i < wanted->n_command; i++)
		arguments[i] = wanted->command[i];
	job->cols = wanted->cols;
	job->rows = wanted->rows;
	job->program = (struct runtime_program){
	    .workspace_id = job->workspace_id,
	    .group = job->id,
	    .arguments = arguments,
	    .folder = "",
	    .environment = terminal,
	    .environment_count = sizeof(terminal) / sizeof(terminal[0]),
	    .console_socket = SESSION_ARGUMENT_CONSOLE,
	    .pid_file = SESSION_ARGUMENT_PID_FILE,
	};
	set_phase(agent, row, SESSION_STARTING);
	jobs_submit(agent->jobs, &job->job);
}

/* --- what hosts say --- */

/* A session that nobody told this agent's database of: it has a host, so it was started once. */
static void find_or_make(struct agent *agent, const char *id, struct arena *arena, struct session_row *row)
{
	if (store_session(agent->store, id, arena, row))
		return;
	*row = (struct session_row){.wanted = {.desired = ROOST__WANTED_SESSION__DESIRED__RUN}};
	snprintf(row->id, sizeof(row->id), "%s", id);
}

static void tell_running(struct agent *agent, struct session_row *row)
{
	row->actual.phase = SESSION_RUNNING;
	row->actual.told = row->known;
	store_begin(agent->store);
	store_put_session(agent->store, row);
	if (row->known)
		report_session_running(agent->store, row->id);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

static void tell(struct agent *agent, struct session_row *row)
{
	if (row->known && row->actual.phase == SESSION_RUNNING)
		tell_running(agent, row);
	else if (row->known)
		finish(agent, row);
}

static void work_on_its_workspace(struct agent *agent, const struct session_row *row)
{
	if (row->workspace_id[0])
		work_on_workspace(agent, row->workspace_id);
}

void work_session_running(void *context, const char *session_id, int program_pid)
{
	(void)program_pid;
	struct agent *agent = context;
	struct arena *arena = arena_new();
	struct session_row row;
	find_or_make(agent, session_id, arena, &row);
	struct live_session *live = live_session(agent, session_id);
	live->busy = false;
	live->heard = true;
	if (row.actual.phase == SESSION_ENDED) {
		/* It ended with its workspace; the host has yet to notice. */
		session_stop(agent->sessions, session_id, 0, NULL, NULL);
	} else if (row.actual.phase == SESSION_NONE || row.actual.phase == SESSION_STARTING) {
		log_phase(&row, SESSION_RUNNING);
		tell_running(agent, &row);
	}
	work_on_its_workspace(agent, &row);
	arena_free(arena);
}

/* What only the machine knows of an end that nobody asked for. */
static void look_closer(struct session_job *job)
{
	struct session_row *ended = &job->ended;
	bool running = true;
	uint32_t limit = 0;
	if (ended->failed && strcmp(ended->failure, SESSION_COULD_NOT_START) == 0)
		limit = runtime_process_limit_reached(job->runtime, job->workspace_id);
	if (limit > 0)
		ended->failure =
		    arena_printf(job->job.arena, "The workspace is at its limit of %" PRIu32 " processes.", limit);
	if (ended->reason || !runtime_is_running(job->runtime, job->workspace_id, &running, &job->error) || running)
		return;
	ended->failed = true;
	ended->failure = SANDBOX_WENT_AWAY;
}

static void kill_work(struct job *base)
{
	struct session_job *job = (struct session_job *)base;
	look_closer(job);
	job->ok = runtime_kill_processes(job->runtime, job->workspace_id, job->id, 0, &job->error);
}

static void kill_done(struct job *base)
{
	struct session_job *job = (struct session_job *)base;
	struct session_row row;
	if (!job->ok)
		log_error("session %s: not all of its processes could be ended: %s", job->id, job->error.message);
	live_session(job->agent, job->id)->busy = false;
	if (!store_session(job->agent->store, job->id, base->arena, &row) || row.actual.phase == SESSION_ENDED)
		return;
	row.failed = job->ended.failed;
	row.failure = job->ended.failure;
	row.reason = job->ended.reason;
	row.has_exit_code = job->ended.has_exit_code;
	row.exit_code = job->ended.exit_code;
	finish(job->agent, &row);
	work_on_its_workspace(job->agent, &row);
}

/* How it ended, in the words of a report. */
static void read_end(struct session_row *row, const struct workspace_row *workspace, const struct session_end *end,
		     struct arena *arena)
{
	row->reason = asked_for(row, workspace);
	row->has_exit_code = end->started && end->exit_code >= 0;
	row->exit_code = end->exit_code;
	if (!end->started && !row->reason) {
		row->failed = true;
		row->failure =
		    end->message[0] ? arena_strdup(arena, end->message) : "The session could not be started.";
	} else if (!row->reason && workspace && workspace->lost) {
		row->failed = true;
		row->failure = SANDBOX_WENT_AWAY;
	} else if (end->unexpected && !row->reason) {
		row->failed = true;
		row->failure = HOST_WENT_AWAY;
	}
}

static void session_over(struct agent *agent, struct session_row *row, const struct session_end *end,
			 struct arena *arena)
{
	struct workspace_row workspace;
	bool found = row->workspace_id[0] && store_workspace(agent->store, row->workspace_id, arena, &workspace);
	read_end(row, found ? &workspace : NULL, end, arena);
	if (end->detail[0])
		log_warning("session %s: %s", row->id, end->detail);
	/* Whatever it left in the background ends with it (S0-17). */
	if (found && workspace.actual.phase == WORKSPACE_RUNNING && !agent->ending) {
		struct session_job *job = new_job(agent, row, kill_work, kill_done);
		job->ended = *row;
		job->ended.failure = arena_strdup(job->job.arena, row->failure);
		jobs_submit(agent->jobs, &job->job);
		return;
	}
	finish(agent, row);
}

void work_session_ended(void *context, const char *session_id, const struct session_end *end)
{
	struct agent *agent = context;
	struct arena *arena = arena_new();
	struct session_row row;
	struct workspace_row workspace;
	find_or_make(agent, session_id, arena, &row);
	struct live_session *live = live_session(agent, session_id);
	live->busy = false;
	live->heard = true;
	if (row.actual.phase != SESSION_ENDED)
		session_over(agent, &row, end, arena);
	else if (store_workspace(agent->store, row.workspace_id, arena, &workspace) &&
		 workspace.actual.phase == WORKSPACE_REMOVED) {
		work_forget_sessions(agent, row.workspace_id);
		work_forget_workspace(agent, row.workspace_id);
	}
	arena_free(arena);
	work_on_node(agent);
}

/* --- stop --- */

static void begin_stop(struct agent *agent, struct session_row *row)
{
	set_phase(agent, row, SESSION_STOPPING);
	if (!session_alive(agent->sessions, row->id)) {
		struct session_end vanished = {.started = true, .unexpected = true, .exit_code = -1, .detail = ""};
		struct arena *arena = arena_new();
		session_over(agent, row, &vanished, arena);
		arena_free(arena);
		return;
	}
	live_session(agent, row->id)->busy = true;
	session_stop(agent->sessions, row->id, agent->settings.stop_grace_ms, NULL, NULL);
}

/* Its host was asked to end it, or should have noticed by itself that it ended. */
static bool shall_have_ended(struct agent *agent, const struct session_row *row)
{
	bool asked = row->actual.phase == SESSION_RUNNING || row->actual.phase == SESSION_STOPPING;
	return row->actual.phase == SESSION_ENDED || (asked && live_session(agent, row->id)->busy);
}

void work_stop_sessions_again(struct agent *agent)
{
	if (!agent->adopted || agent->ending)
		return;
	struct arena *arena = arena_new();
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, NULL, arena, &rows);
	for (size_t i = 0; i < count; i++)
		if (session_alive(agent->sessions, rows[i].id) && shall_have_ended(agent, &rows[i]))
			session_stop(agent->sessions, rows[i].id, agent->settings.stop_grace_ms, NULL, NULL);
	arena_free(arena);
}

/* --- the door --- */

static void abandon(struct agent *agent, struct session_row *row, const struct workspace_row *workspace)
{
	row->reason = asked_for(row, workspace);
	if (!row->reason) {
		fail(agent, row, WORKSPACE_WENT_AWAY);
		return;
	}
	finish(agent, row);
}

void work_on_session(struct agent *agent, struct session_row *session, const struct workspace_row *workspace)
{
	struct live_session *live = live_session(agent, session->id);
	session->actual.busy =
	    live->busy || (session->actual.phase != SESSION_ENDED && adopt_awaits_host(agent, session->id));
	enum session_ground ground = plan_session_ground(
	    workspace ? &workspace->wanted : NULL, workspace ? &workspace->actual : NULL, session->wanted.generation);
	switch (plan_session(&session->wanted, &session->actual, ground)) {
	case SESSION_PLAN_START:
		if (agent->tried)
			begin_start(agent, session);
		break;
	case SESSION_PLAN_STOP:
		begin_stop(agent, session);
		break;
	case SESSION_PLAN_ABANDON:
		abandon(agent, session, workspace);
		break;
	case SESSION_PLAN_FAIL:
		fail(agent, session, STARTED_BY_FORMER_AGENT);
		break;
	case SESSION_PLAN_TELL:
		tell(agent, session);
		break;
	default:
		break;
	}
}

void work_end_sessions(struct agent *agent, const struct workspace_row *workspace, struct arena *arena)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, workspace->id, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		struct session_row *row = &rows[i];
		/* One of a later generation waits for it. */
		if (row->actual.phase == SESSION_ENDED || row->wanted.generation > workspace->actual.generation)
			continue;
		row->reason = asked_for(row, workspace);
		if (!row->reason) {
			row->failed = true;
			row->failure = workspace->lost ? SANDBOX_WENT_AWAY : WORKSPACE_WENT_AWAY;
		}
		put_ended(agent, row);
		if (session_alive(agent->sessions, row->id))
			session_stop(agent->sessions, row->id, 0, NULL, NULL);
	}
}

void work_forget_sessions(struct agent *agent, const char *workspace_id)
{
	struct arena *arena = arena_new();
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, workspace_id, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		struct error error = {0};
		/* A host that lives yet is asked again when it has ended. */
		if (!session_remove(agent->sessions, rows[i].id, &error) && error.code == ERROR_CONFLICT)
			continue;
		live_forget_session(agent, rows[i].id);
		store_begin(agent->store);
		store_forget_session(agent->store, rows[i].id);
		store_commit(agent->store);
	}
	arena_free(arena);
}
