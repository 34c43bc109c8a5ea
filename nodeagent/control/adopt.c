/* Adoption. The happy path: every row that says "running" has its sandbox, every session its host, and
 * all goes on undisturbed. What can go wrong: a sandbox is gone (it becomes lost, S1-10 the other way
 * round), work was interrupted (its phase says so, and the plan does it again), or the database was
 * deleted (rows are made from what is there, unknown until a log names them). */
#include "nodeagent/control/adopt.h"

#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/control/beat.h"
#include "nodeagent/control/capabilities.h"
#include "nodeagent/control/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOSTS_SHOW_THEMSELVES_MS = 5000 };

struct adoption_job {
	struct job job; /* first */
	struct agent *agent;
	struct runtime *runtime;
	struct runtime_found *found;
	size_t count;
	int *pidfds; /* of each found; -1 when it does not run */
	bool ok;
	struct error error;
};

static void adoption_work(struct job *base)
{
	struct adoption_job *job = (struct adoption_job *)base;
	job->ok = runtime_list(job->runtime, base->arena, &job->found, &job->count, &job->error);
	if (!job->ok)
		return;
	job->pidfds = arena_array_of(base->arena, int, job->count + 1);
	for (size_t i = 0; i < job->count; i++) {
		struct error error = {0};
		job->pidfds[i] = -1;
		if (job->found[i].running && !runtime_watch(job->runtime, job->found[i].id, &job->pidfds[i], &error))
			job->pidfds[i] = -1;
	}
}

static bool runs(const struct adoption_job *job, size_t i)
{
	return job->pidfds[i] >= 0;
}

/* A workspace that the database knew nothing of, though the log may have named it meanwhile. Whether a
 * silent one failed or was lost cannot be told any more; it counts as lost, so that nothing starts that
 * nobody asked for. */
static void take_over(const struct runtime_found *found, bool running, struct workspace_row *row)
{
	row->actual.generation = found->generation;
	if (running && found->checkout_made) {
		row->actual.phase = WORKSPACE_RUNNING;
	} else if (running || found->has_remains) {
		row->actual.phase = WORKSPACE_PROVISIONING;
	} else {
		row->actual.phase = WORKSPACE_FAILED;
		row->lost = true;
		row->failure = "The workspace was found stopped. Its files are kept; restart it to go on.";
	}
}

/* A row that the database and the machine disagree about. */
static void correct(const struct runtime_found *found, bool running, struct workspace_row *row)
{
	enum workspace_phase phase = row->actual.phase;
	bool at_rest = phase == WORKSPACE_STOPPED || phase == WORKSPACE_FAILED || phase == WORKSPACE_REMOVED;
	if (running && at_rest) {
		log_warning("workspace %s: runs, though it was %s", row->id, workspace_phase_name(phase));
		row->actual.phase = found->checkout_made ? WORKSPACE_RUNNING : WORKSPACE_PROVISIONING;
		row->actual.generation = found->generation;
		row->actual.told_desired = 0;
	} else if (!running && phase == WORKSPACE_RUNNING) {
		log_warning("workspace %s: ran, and its sandbox is gone", row->id);
		row->actual.phase = WORKSPACE_STOPPING;
		row->lost = true;
		row->failure = "The workspace's sandbox is gone. Its files are kept; restart it to go on.";
	}
}

static void adopt_found(struct adoption_job *job, size_t i)
{
	struct agent *agent = job->agent;
	const struct runtime_found *found = &job->found[i];
	struct workspace_row row;
	if (!ulid_valid(found->id)) {
		log_warning("%s is not a workspace of this agent", found->id);
		if (runs(job, i))
			close(job->pidfds[i]);
		return;
	}
	if (!store_workspace(agent->store, found->id, job->job.arena, &row)) {
		row = (struct workspace_row){.wanted = {.desired = ROOST__WANTED_WORKSPACE__DESIRED__RUN}};
		snprintf(row.id, sizeof(row.id), "%s", found->id);
	}
	if (row.actual.phase == WORKSPACE_ABSENT)
		take_over(found, runs(job, i), &row);
	else
		correct(found, runs(job, i), &row);
	store_put_workspace(agent->store, &row);
	log_info("workspace %s: found %s, generation %" PRIu32 "%s", row.id, workspace_phase_name(row.actual.phase),
		 row.actual.generation, row.wanted.known ? "" : ", unknown to the log");
	if (runs(job, i))
		live_watch(live_workspace(agent, row.id), job->pidfds[i], work_workspace_lost);
}

static bool was_found(const struct adoption_job *job, const char *id)
{
	for (size_t i = 0; i < job->count; i++)
		if (strcmp(job->found[i].id, id) == 0)
			return true;
	return false;
}

/* Rows whose sandbox, disk and all are gone. */
static void correct_missing(struct adoption_job *job)
{
	static const struct runtime_found nothing = {.id = ""};
	struct workspace_row *rows = NULL;
	size_t count = store_workspaces(job->agent->store, job->job.arena, &rows);
	for (size_t i = 0; i < count; i++) {
		if (was_found(job, rows[i].id))
			continue;
		correct(&nothing, false, &rows[i]);
		store_put_workspace(job->agent->store, &rows[i]);
	}
}

static bool has_folder(const struct agent *agent, const char *session_id)
{
	char path[4096];
	struct stat facts;
	snprintf(path, sizeof(path), "%s/%s", agent->settings.sessions_folder, session_id);
	return stat(path, &facts) == 0;
}

bool adopt_awaits_host(struct agent *agent, const char *session_id)
{
	if (!uv_is_active((uv_handle_t *)&agent->adoption))
		return false;
	const struct live_session *live = live_session(agent, session_id);
	return !live->heard && has_folder(agent, session_id);
}

/* A session that ran and has no folder has no host; stopping one without a host tells its end. */
static void correct_sessions(struct agent *agent, struct arena *arena)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, NULL, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].actual.phase != SESSION_RUNNING || has_folder(agent, rows[i].id))
			continue;
		rows[i].actual.phase = SESSION_STOPPING;
		store_put_session(agent->store, &rows[i]);
	}
}

static void on_hosts_late(uv_timer_t *timer)
{
	work_on_all(timer->data);
}

static void adoption_done(struct job *base)
{
	struct adoption_job *job = (struct adoption_job *)base;
	struct agent *agent = job->agent;
	struct error error = {0};
	if (!job->ok) {
		/* Deciding without knowing what runs would start things twice. */
		log_error("what is on this machine cannot be listed, so the agent ends: %s", job->error.message);
		exit(EXIT_FAILURE);
	}
	store_begin(agent->store);
	for (size_t i = 0; i < job->count; i++)
		adopt_found(job, i);
	correct_missing(job);
	correct_sessions(agent, base->arena);
	store_commit(agent->store);
	if (agent->ending)
		return;
	uv_timer_start(&agent->adoption, on_hosts_late, HOSTS_SHOW_THEMSELVES_MS, 0);
	if (!session_client_adopt(agent->sessions, &error))
		log_error("sessions cannot be found again: %s", error.message);
	agent->adopted = true;
	/* Stops and removals need not wait until the runtime was tried, which takes long when it hangs. */
	capabilities_refresh(agent);
	work_on_all(agent);
	beat_now(agent->beat);
}

void adopt_begin(struct agent *agent)
{
	struct arena *arena = arena_new();
	struct adoption_job *job = arena_new_of(arena, struct adoption_job);
	job->job.arena = arena;
	job->job.work = adoption_work;
	job->job.done = adoption_done;
	job->agent = agent;
	job->runtime = agent->runtime;
	jobs_submit(agent->jobs, &job->job);
}
