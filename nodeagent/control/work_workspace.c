/* A workspace's steps. The happy path: provision -> running -> stop -> stopped -> remove -> removed, each
 * as one job on a worker thread. What can go wrong: a start fails (the runtime has cleaned up; the
 * reason is told), is called off (what is left is stopped), a stop fails (told, and tried again), or the
 * sandbox ends by itself (told as lost once its remains are gone). */
#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/control/health.h"
#include "nodeagent/control/note.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/provision.h"
#include "nodeagent/control/report.h"
#include "nodeagent/control/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct workspace_job {
	struct job job; /* first */
	struct agent *agent;
	char id[IDENTIFIER_LENGTH + 1];
	uint32_t generation;
	uint32_t grace_ms;
	struct runtime *runtime;
	struct provision provision;
	bool ok;
	int pidfd;
	struct runtime_left left;
	struct error error;
	int64_t begun_ms;
};

void work_complete(struct agent *agent, struct workspace_row *row)
{
	const struct live_workspace *live = live_workspace(agent, row->id);
	row->actual.busy = live->job != NULL;
	row->actual.retry_due = live->retry == NULL;
}

static bool load(struct agent *agent, const char *id, struct arena *arena, struct workspace_row *row)
{
	if (!store_workspace(agent->store, id, arena, row))
		return false;
	work_complete(agent, row);
	return true;
}

/* Within a transaction: stores the row, and when it is final for what is wanted, the report too. */
static void settle(struct agent *agent, struct workspace_row *row)
{
	if (plan_workspace(&row->wanted, &row->actual) == PLAN_TELL) {
		report_workspace(agent->store, row);
		row->actual.told_desired = plan_desired(&row->wanted);
		row->actual.told_generation = row->wanted.generation;
		row->actual.told_version = plan_version(&row->wanted);
	}
	store_put_workspace(agent->store, row);
}

static void set_phase(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	log_info("workspace %s: %s -> %s, generation %" PRIu32, row->id, workspace_phase_name(row->actual.phase),
		 workspace_phase_name(phase), row->actual.generation);
	row->actual.phase = phase;
	store_begin(agent->store);
	store_put_workspace(agent->store, row);
	store_commit(agent->store);
}

static void tell(struct agent *agent, struct workspace_row *row)
{
	store_begin(agent->store);
	settle(agent, row);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

/* A piece of work has come to its end, which has yet to be told. */
static void arrive(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	bool failed = phase == WORKSPACE_FAILED;
	const char *failure = failed && row->failure ? row->failure : "";
	log_info("workspace %s: %s -> %s, generation %" PRIu32 "%s%s", row->id, workspace_phase_name(row->actual.phase),
		 workspace_phase_name(phase), row->actual.generation, failure[0] ? ": " : "", failure);
	if (phase == WORKSPACE_STOPPED && row->failure && row->failure[0])
		note(agent->logs, row->id, LOG_LINE_INFO, "",
		     "What was left of generation %" PRIu32 " was cleared away.", row->actual.generation);
	else
		note(agent->logs, row->id, failed ? LOG_LINE_ERROR : LOG_LINE_INFO, failed ? row->failed_step : "",
		     "The workspace is %s, generation %" PRIu32 ".%s%s", workspace_phase_name(phase),
		     row->actual.generation, failure[0] ? " " : "", failure);
	note(agent->logs, "", failed ? LOG_LINE_ERROR : LOG_LINE_INFO, "", "Workspace %s is %s.%s%s", row->id,
	     workspace_phase_name(phase), failure[0] ? " " : "", failure);
	row->actual.phase = phase;
	row->actual.told_desired = 0;
}

static void finish(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	arrive(agent, row, phase);
	tell(agent, row);
}

static struct workspace_job *new_job(struct agent *agent, const struct workspace_row *row, void (*work)(struct job *),
				     void (*done)(struct job *))
{
	struct arena *arena = arena_new();
	struct workspace_job *job = arena_new_of(arena, struct workspace_job);
	job->job.arena = arena;
	job->job.work = work;
	job->job.done = done;
	job->agent = agent;
	job->runtime = agent->runtime;
	job->generation = row->actual.generation;
	job->grace_ms = agent->settings.stop_grace_ms;
	job->pidfd = -1;
	job->begun_ms = clock_monotonic_ms();
	snprintf(job->id, sizeof(job->id), "%s", row->id);
	snprintf(job->job.lane, sizeof(job->job.lane), "%s", row->id);
	return job;
}

static void submit(struct workspace_job *job)
{
	live_workspace(job->agent, job->id)->job = &job->job;
	work_node_begun(job->agent);
	jobs_submit(job->agent->jobs, &job->job);
}

/* The row of a job that has ended; the arena is the job's. */
static bool load_ended(struct workspace_job *job, struct workspace_row *row)
{
	live_workspace(job->agent, job->id)->job = NULL;
	job->agent->node.changes++;
	return load(job->agent, job->id, job->job.arena, row);
}

/* --- provision --- */

static void tell_progress(void *context, const char *step, const char *message)
{
	struct workspace_job *job = context;
	logs_write(job->agent->logs, job->id, LOG_LINE_INFO, step, message);
	job_tell(context, step, message);
}

static void keep_output(void *context, const char *step, const char *line)
{
	struct workspace_job *job = context;
	logs_write(job->agent->logs, job->id, LOG_LINE_DEBUG, step, line);
}

static void provision_work(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	if (atomic_load(&base->cancelled)) {
		job->provision.failure.cancelled = true;
		return;
	}
	const struct runtime_listener listener = {.context = base, .progress = tell_progress, .output = keep_output};
	job->ok = provision_run(&job->provision, base->arena, &listener);
	if (job->ok)
		runtime_watch(job->runtime, job->id, &job->pidfd, &job->error);
}

static void provision_progress(struct job *base, const char *step, const char *message)
{
	struct workspace_job *job = (struct workspace_job *)base;
	struct agent *agent = job->agent;
	struct live_workspace *live = live_workspace(agent, job->id);
	char progress[sizeof(live->progress)];
	/* A cancel between two waits of the worker went unheard. */
	if (atomic_load(&base->cancelled))
		runtime_cancel(agent->runtime, job->id);
	snprintf(progress, sizeof(progress), "%" PRIu32 " %s %s", job->generation, step, message);
	if (strcmp(progress, live->progress) == 0)
		return;
	snprintf(live->progress, sizeof(live->progress), "%s", progress);
	store_begin(agent->store);
	report_step(agent->store, job->id, job->generation, step, message);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

static void provision_failed(struct workspace_job *job, struct workspace_row *row)
{
	static const enum health_event events[] = {[RUNTIME_CAUSE_WORKSPACE] = HEALTH_OTHER,
						   [RUNTIME_CAUSE_MACHINE] = HEALTH_FAILED,
						   [RUNTIME_CAUSE_HANG] = HEALTH_HUNG};
	const struct runtime_failure *failure = &job->provision.failure;
	row->failed_step = failure->step ? failure->step : "runtime";
	row->failure = failure->message ? failure->message : "The workspace could not be made.";
	row->failure_detail = failure->detail ? failure->detail : "";
	finish(job->agent, row, WORKSPACE_FAILED);
	health_take(job->agent, events[failure->cause], row->id, row->failure);
}

static void provision_done(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	struct agent *agent = job->agent;
	struct workspace_row row;
	if (!load_ended(job, &row))
		return;
	if (job->ok && job->pidfd >= 0) {
		log_info("workspace %s was made in %" PRId64 " ms", job->id, clock_monotonic_ms() - job->begun_ms);
		live_watch(live_workspace(agent, job->id), job->pidfd, work_workspace_lost);
		finish(agent, &row, WORKSPACE_RUNNING);
		health_take(agent, HEALTH_STARTED, job->id, "");
	} else if (job->ok) {
		log_warning("workspace %s ended at once: %s", job->id, job->error.message);
		set_phase(agent, &row, WORKSPACE_RUNNING);
		work_workspace_lost(agent, job->id);
	} else if (!job->provision.failure.cancelled) {
		provision_failed(job, &row);
	} else if (!agent->ending) {
		set_phase(agent, &row, WORKSPACE_STOPPING);
	}
	work_on_workspace(agent, job->id);
}

static void begin_provision(struct agent *agent, struct workspace_row *row)
{
	struct workspace_job *job = new_job(agent, row, provision_work, provision_done);
	job->job.progress = provision_progress;
	/* One that has run may always come back, whatever has become of its repository since. */
	job->provision.first =
	    row->actual.phase == WORKSPACE_ABSENT || (row->actual.phase == WORKSPACE_FAILED && !row->lost);
	/* Only one that has never run may have to wait for somebody's git server. */
	job->job.slow = job->provision.first || row->actual.phase == WORKSPACE_PROVISIONING;
	/* A log that went back may want an older one than was begun. */
	if (row->wanted.generation > row->actual.generation)
		row->actual.generation = row->wanted.generation;
	job->generation = row->actual.generation;
	row->lost = false;
	row->failed_step = row->failure = row->failure_detail = "";
	if (!provision_prepare(&job->provision, agent, row, job->job.arena)) {
		provision_failed(job, row);
		arena_free(job->job.arena);
		return;
	}
	set_phase(agent, row, WORKSPACE_PROVISIONING);
	submit(job);
}

static void cancel(struct agent *agent, const char *id)
{
	struct live_workspace *live = live_workspace(agent, id);
	if (atomic_exchange(&live->job->cancelled, true))
		return;
	log_info("workspace %s: what is being made is no longer wanted", id);
	runtime_cancel(agent->runtime, id);
}

/* --- stop --- */

static void stop_work(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	job->ok = runtime_stop(job->runtime, job->id, job->grace_ms, &job->left, &job->error);
}

static void retry_due(struct agent *agent, const char *id)
{
	work_on_workspace(agent, id);
}

/* For users: what is left, and nothing of how the machine names it. */
static const char *left_sentence(const struct workspace_job *job)
{
	return arena_printf(job->job.arena,
			    "Not all of it could be ended: %" PRIu32 " processes and %" PRIu32
			    " mounts are left%s. It is tried again.",
			    job->left.processes, job->left.mounts, job->left.files ? ", and its files" : "");
}

/* Something is left: told once for each time that it was asked for, and tried again later. That a workspace was
 * lost need not wait until its remains are gone. */
static void stop_failed(struct workspace_job *job, struct workspace_row *row)
{
	struct agent *agent = job->agent;
	bool news = row->wanted.known && row->actual.told_version < plan_version(&row->wanted);
	const char *loss = row->wanted.known && row->lost && row->actual.told_desired != 0 ? row->failure : NULL;
	log_error("workspace %s: %s", row->id, job->error.message);
	row->failure = left_sentence(job);
	note(agent->logs, row->id, LOG_LINE_ERROR, "stop", "%s", row->failure);
	row->actual.phase = WORKSPACE_STOP_FAILED;
	row->actual.told_version = plan_version(&row->wanted);
	row->failed_step = "stop";
	row->left = job->left;
	if (loss)
		row->actual.told_desired = 0;
	store_begin(agent->store);
	store_put_workspace(agent->store, row);
	if (loss)
		report_lost(agent->store, row, loss);
	if (news)
		report_stop_failed(agent->store, row);
	store_commit(agent->store);
	live_retry_later(live_workspace(agent, row->id), retry_due);
	outbox_kick(agent->outbox);
	health_take(agent, HEALTH_FAILED, row->id, row->failure);
}

static void stopped(struct workspace_job *job, struct workspace_row *row)
{
	struct agent *agent = job->agent;
	live_unwatch(live_workspace(agent, row->id));
	live_retry_reset(live_workspace(agent, row->id));
	arrive(agent, row, row->lost ? WORKSPACE_FAILED : WORKSPACE_STOPPED);
	store_begin(agent->store);
	work_end_sessions(agent, row, job->job.arena);
	settle(agent, row);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

static void stop_done(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	struct workspace_row row;
	if (!load_ended(job, &row))
		return;
	if (job->ok)
		stopped(job, &row);
	else
		stop_failed(job, &row);
	work_on_workspace(job->agent, job->id);
}

static void begin_stop(struct agent *agent, struct workspace_row *row)
{
	if (row->actual.phase == WORKSPACE_FAILED)
		row->lost = false; /* told already; it now becomes stopped */
	set_phase(agent, row, WORKSPACE_STOPPING);
	submit(new_job(agent, row, stop_work, stop_done));
}

void work_workspace_lost(struct agent *agent, const char *id)
{
	struct arena *arena = arena_new();
	struct workspace_row row;
	if (!agent->ending && load(agent, id, arena, &row) && !row.actual.busy &&
	    row.actual.phase == WORKSPACE_RUNNING) {
		log_warning("workspace %s: its sandbox ended by itself", id);
		note(agent->logs, id, LOG_LINE_WARNING, "", "Its sandbox ended by itself.");
		live_unwatch(live_workspace(agent, id));
		row.lost = true;
		row.failure = "The workspace's sandbox ended by itself. Its files are kept; restart it to go on.";
		begin_stop(agent, &row);
	}
	arena_free(arena);
}

/* --- remove --- */

static void remove_work(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	job->ok = runtime_remove(job->runtime, job->id, &job->left, &job->error);
}

/* Nothing is left of it that anybody will ask for. */
void work_forget_workspace(struct agent *agent, const char *id)
{
	store_begin(agent->store);
	store_forget_removed(agent->store);
	store_commit(agent->store);
	live_forget_workspace(agent, id);
}

static void remove_done(struct job *base)
{
	struct workspace_job *job = (struct workspace_job *)base;
	struct agent *agent = job->agent;
	struct workspace_row row;
	if (!load_ended(job, &row))
		return;
	if (job->ok) {
		live_unwatch(live_workspace(agent, row.id));
		arrive(agent, &row, WORKSPACE_REMOVED);
		row.lost = false;
		store_begin(agent->store);
		work_end_sessions(agent, &row, base->arena);
		settle(agent, &row);
		store_commit(agent->store);
		work_forget_sessions(agent, row.id);
		logs_remove(agent->logs, row.id);
		work_forget_workspace(agent, row.id);
		outbox_kick(agent->outbox);
	} else {
		stop_failed(job, &row);
	}
	work_on_workspace(agent, job->id);
}

static void begin_remove(struct agent *agent, struct workspace_row *row)
{
	set_phase(agent, row, WORKSPACE_REMOVING);
	submit(new_job(agent, row, remove_work, remove_done));
}

/* --- the door --- */

/* Takes one step; true when another one may be due at once. */
static bool take_step(struct agent *agent, struct workspace_row *row)
{
	switch (plan_workspace(&row->wanted, &row->actual)) {
	case PLAN_PROVISION:
		if (!agent->tried)
			return false;
		begin_provision(agent, row);
		return true;
	case PLAN_STOP:
		begin_stop(agent, row);
		return false;
	case PLAN_REMOVE:
		begin_remove(agent, row);
		return false;
	case PLAN_TELL:
		tell(agent, row);
		return true;
	case PLAN_CANCEL:
		cancel(agent, row->id);
		return false;
	default:
		return false;
	}
}

void work_on_workspace(struct agent *agent, const char *id)
{
	if (!agent->adopted || agent->ending)
		return;
	struct arena *arena = arena_new();
	struct workspace_row row;
	bool found = load(agent, id, arena, &row);
	while (found && take_step(agent, &row))
		found = load(agent, id, arena, &row);
	struct session_row *sessions = NULL;
	size_t count = store_sessions(agent->store, id, arena, &sessions);
	for (size_t i = 0; i < count; i++) {
		found = load(agent, id, arena, &row);
		work_on_session(agent, &sessions[i], found ? &row : NULL);
	}
	arena_free(arena);
	work_on_node(agent);
}

void work_on_all(struct agent *agent)
{
	struct arena *arena = arena_new();
	struct workspace_row *rows = NULL;
	size_t count = store_workspaces(agent->store, arena, &rows);
	for (size_t i = 0; i < count; i++)
		work_on_workspace(agent, rows[i].id);
	/* Sessions whose workspace has not come yet have nothing to do. */
	arena_free(arena);
	work_on_node(agent);
}
