/* The end of an installation. The happy path: sandboxes are stopped side by side, the session hosts notice
 * that their programs are gone and end, and nothing is left. A host that does not end by itself is
 * stopped; one that does not answer is killed by the session client. */
#include "nodeagent/control/stop_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/control/leftovers.h"

#include <stdio.h>
#include <unistd.h>

enum { HOSTS_END_MS = 20000 };

struct ending {
	uv_loop_t *loop;
	const struct agent_settings *settings;
	bool purge;
	bool here_only;
	struct runtime *runtime;
	struct session_client *sessions;
	struct jobs *jobs;
	struct store *store; /* NULL when there is none, or nobody will read it any more */
	uv_timer_t deadline;
	bool closing;
	bool workspaces_done;
	size_t left; /* workspaces that could not be stopped */
	struct error *error;
};

struct stop_job {
	struct job job; /* first */
	struct ending *ending;
	struct runtime *runtime;
	bool purge;
	uint32_t grace_ms;
	bool ok;
	struct error error;
};

static void close_when_done(struct ending *ending);

static void on_running(void *context, const char *session_id, int program_pid)
{
	(void)program_pid;
	struct ending *ending = context;
	session_stop(ending->sessions, session_id, ending->settings->stop_grace_ms, NULL, NULL);
}

static void on_ended(void *context, const char *session_id, const struct session_end *end)
{
	(void)end;
	struct ending *ending = context;
	struct error error = {0};
	if (ending->purge && !session_remove(ending->sessions, session_id, &error))
		log_warning("session %s: %s", session_id, error.message);
	close_when_done(ending);
}

static void stop_work(struct job *base)
{
	struct stop_job *job = (struct stop_job *)base;
	job->ok = runtime_stop(job->runtime, base->lane, job->grace_ms, NULL, &job->error) &&
		  (!job->purge || runtime_remove(job->runtime, base->lane, NULL, &job->error));
}

static void note_sessions(struct store *store, const char *workspace_id, struct arena *arena)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(store, workspace_id, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].actual.phase != SESSION_RUNNING)
			continue;
		rows[i].actual.phase = SESSION_ENDED;
		rows[i].actual.told = false;
		rows[i].reason = ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP;
		store_put_session(store, &rows[i]);
	}
}

/* What ran was ended on purpose; without a note the next agent would find it gone and not know why. */
static void note_stopped(struct ending *ending, const char *id, struct arena *arena)
{
	struct workspace_row row;
	if (!ending->store || !store_workspace(ending->store, id, arena, &row) || row.actual.phase != WORKSPACE_RUNNING)
		return;
	row.actual.phase = WORKSPACE_FAILED;
	row.actual.told_desired = 0;
	row.lost = true;
	row.failure = "The workspace was stopped together with the whole installation (roost down). Its files are "
		      "kept; restart it to go on.";
	store_begin(ending->store);
	store_put_workspace(ending->store, &row);
	note_sessions(ending->store, id, arena);
	store_commit(ending->store);
}

static void stop_done(struct job *base)
{
	struct stop_job *job = (struct stop_job *)base;
	if (job->ok) {
		note_stopped(job->ending, base->lane, base->arena);
		log_info("workspace %s: %s", base->lane, job->purge ? "removed" : "stopped");
		return;
	}
	log_error("workspace %s: %s", base->lane, job->error.message);
	job->ending->left++;
	*job->ending->error = job->error;
}

static void submit_stop(struct ending *ending, const char *id)
{
	struct arena *arena = arena_new();
	struct stop_job *job = arena_new_of(arena, struct stop_job);
	job->job.arena = arena;
	job->job.work = stop_work;
	job->job.done = stop_done;
	job->ending = ending;
	job->runtime = ending->runtime;
	job->purge = ending->purge;
	job->grace_ms = ending->settings->stop_grace_ms;
	snprintf(job->job.lane, sizeof(job->job.lane), "%s", id);
	jobs_submit(ending->jobs, &job->job);
}

static void close_all(struct ending *ending)
{
	if (ending->closing)
		return;
	ending->closing = true;
	session_client_close(ending->sessions, NULL, NULL);
	jobs_close(ending->jobs, NULL, NULL);
	uv_close((uv_handle_t *)&ending->deadline, NULL);
}

static void close_when_done(struct ending *ending)
{
	if (ending->workspaces_done && session_count(ending->sessions) == 0)
		close_all(ending);
}

static void on_workspaces_done(void *context)
{
	struct ending *ending = context;
	ending->workspaces_done = true;
	close_when_done(ending);
}

static void on_deadline(uv_timer_t *timer)
{
	struct ending *ending = timer->data;
	if (!ending->workspaces_done) /* the runtime keeps its own time */
		return;
	error_set(ending->error, ERROR_STOP_FAILED, "%zu session hosts do not end", session_count(ending->sessions));
	ending->left++;
	close_all(ending);
}

/* Blocks; nothing else goes on yet. */
static bool begin(struct ending *ending, struct arena *arena, struct error *error)
{
	struct runtime_found *found = NULL;
	size_t count = 0;
	if (!runtime_list(ending->runtime, arena, &found, &count, error) ||
	    !session_client_adopt(ending->sessions, error))
		return false;
	for (size_t i = 0; i < count; i++)
		if (found[i].has_disk || !ending->here_only)
			submit_stop(ending, found[i].id);
	uv_timer_start(&ending->deadline, on_deadline, HOSTS_END_MS, HOSTS_END_MS);
	jobs_when_idle(ending->jobs, on_workspaces_done, ending);
	return true;
}

/* Whoever removes everything needs no notes; and what cannot be noted is stopped all the same. */
static void open_store(struct ending *ending)
{
	const struct agent_settings *settings = ending->settings;
	struct error error = {0};
	bool fresh = false;
	if (ending->purge || access(settings->database, F_OK) != 0)
		return;
	ending->store = store_open(settings->database, settings->boot_id, clock_wall_ms(), &fresh, &error);
	if (!ending->store)
		log_warning("why workspaces end is not noted: %s", error.message);
}

bool stop_all(uv_loop_t *loop, const struct agent_settings *settings, bool purge, bool here_only, struct error *error)
{
	struct ending ending = {
	    .loop = loop, .settings = settings, .purge = purge, .here_only = here_only, .error = error};
	struct session_callbacks callbacks = {.on_running = on_running, .on_ended = on_ended, .context = &ending};
	struct arena *arena = arena_new();
	bool ok = false;
	if (agent_open_runtime(settings, &ending.runtime, error) &&
	    agent_open_sessions(settings, loop, &callbacks, &ending.sessions, error)) {
		ending.jobs = jobs_open(loop);
		open_store(&ending);
		uv_timer_init(loop, &ending.deadline);
		ending.deadline.data = &ending;
		ok = begin(&ending, arena, error);
		if (!ok)
			close_all(&ending);
		uv_run(loop, UV_RUN_DEFAULT);
		ok = ok && ending.left == 0 && (!purge || runtime_remove_mirrors(ending.runtime, error));
	}
	runtime_close(ending.runtime);
	store_close(ending.store);
	arena_free(arena);
	leftovers_remove_cgroups(settings);
	if (ok && purge) {
		leftovers_remove_database(settings->database);
		leftovers_remove_folders(settings);
	}
	return ok;
}
