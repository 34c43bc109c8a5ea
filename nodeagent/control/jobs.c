/* Lanes over libuv's pool. All lists belong to the loop; a mutex guards the one queue that workers
 * write, that of progress lines. A finished job first delivers its own progress, since libuv may call
 * back for the end of the work before it does so for the wake-up. */
#include "nodeagent/control/jobs.h"

#include <stdlib.h>
#include <string.h>

struct progress {
	struct progress *next;
	struct job *job;
	struct arena *arena;
	const char *step;
	const char *message;
};

struct jobs {
	uv_loop_t *loop;
	uv_async_t wake;
	uv_mutex_t mutex;
	struct progress *first; /* guarded by mutex */
	struct progress **last;
	struct job *jobs; /* waiting and working, oldest first */
	void (*idle)(void *context);
	void *idle_context;
	void (*closed)(void *context);
	void *context;
};

static struct progress *take_progress(struct jobs *jobs)
{
	uv_mutex_lock(&jobs->mutex);
	struct progress *all = jobs->first;
	jobs->first = NULL;
	jobs->last = &jobs->first;
	uv_mutex_unlock(&jobs->mutex);
	return all;
}

static void deliver_progress(struct jobs *jobs)
{
	struct progress *next = NULL;
	for (struct progress *line = take_progress(jobs); line; line = next) {
		next = line->next;
		if (line->job->progress)
			line->job->progress(line->job, line->step, line->message);
		arena_free(line->arena);
	}
}

static void on_wake(uv_async_t *wake)
{
	deliver_progress(wake->data);
}

struct jobs *jobs_open(uv_loop_t *loop)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	if (!jobs || uv_mutex_init(&jobs->mutex) != 0 || uv_async_init(loop, &jobs->wake, on_wake) != 0)
		abort();
	jobs->loop = loop;
	jobs->wake.data = jobs;
	jobs->last = &jobs->first;
	return jobs;
}

static void on_closed(uv_handle_t *handle)
{
	struct jobs *jobs = handle->data;
	void (*closed)(void *) = jobs->closed;
	void *context = jobs->context;
	uv_mutex_destroy(&jobs->mutex);
	free(jobs);
	if (closed)
		closed(context);
}

void jobs_close(struct jobs *jobs, void (*closed)(void *context), void *context)
{
	jobs->closed = closed;
	jobs->context = context;
	uv_close((uv_handle_t *)&jobs->wake, on_closed);
}

static void start_ready(struct jobs *jobs);

static void on_work(uv_work_t *request)
{
	struct job *job = request->data;
	job->work(job);
}

static void unlink_job(struct jobs *jobs, struct job *job)
{
	struct job **link = &jobs->jobs;
	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

static void tell_idle(struct jobs *jobs)
{
	void (*idle)(void *) = jobs->idle;
	if (jobs->jobs || !idle)
		return;
	jobs->idle = NULL;
	idle(jobs->idle_context);
}

static void on_worked(uv_work_t *request, int status)
{
	(void)status; /* nobody cancels requests in libuv's queue */
	struct job *job = request->data;
	struct jobs *jobs = job->jobs;
	deliver_progress(jobs);
	unlink_job(jobs, job);
	struct arena *arena = job->arena;
	job->done(job);
	arena_free(arena);
	start_ready(jobs);
	tell_idle(jobs);
}

static bool slow_have_all(const struct jobs *jobs)
{
	int working = 0;
	for (const struct job *job = jobs->jobs; job; job = job->next)
		working += job->slow && job->working;
	return working >= JOBS_SLOW_MOST;
}

/* True when an older job of its lane is still there. */
static bool lane_is_taken(struct jobs *jobs, const struct job *job)
{
	if (!job->lane[0])
		return false;
	for (struct job *older = jobs->jobs; older != job; older = older->next)
		if (strcmp(older->lane, job->lane) == 0)
			return true;
	return false;
}

static void start_ready(struct jobs *jobs)
{
	for (struct job *job = jobs->jobs; job; job = job->next) {
		if (job->working || lane_is_taken(jobs, job) || (job->slow && slow_have_all(jobs)))
			continue;
		job->working = true;
		if (uv_queue_work(jobs->loop, &job->request, on_work, on_worked) != 0)
			abort();
	}
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
	job->jobs = jobs;
	job->request.data = job;
	struct job **link = &jobs->jobs;
	while (*link)
		link = &(*link)->next;
	*link = job;
	start_ready(jobs);
}

void job_tell(struct job *job, const char *step, const char *message)
{
	struct arena *arena = arena_new();
	struct progress *line = arena_new_of(arena, struct progress);
	*line = (struct progress){
	    .job = job, .arena = arena, .step = arena_strdup(arena, step), .message = arena_strdup(arena, message)};
	struct jobs *jobs = job->jobs;
	uv_mutex_lock(&jobs->mutex);
	*jobs->last = line;
	jobs->last = &line->next;
	uv_mutex_unlock(&jobs->mutex);
	uv_async_send(&jobs->wake);
}

size_t jobs_count(const struct jobs *jobs)
{
	size_t count = 0;
	for (const struct job *job = jobs->jobs; job; job = job->next)
		count++;
	return count;
}

void jobs_when_idle(struct jobs *jobs, void (*idle)(void *context), void *context)
{
	jobs->idle = idle;
	jobs->idle_context = context;
	tell_idle(jobs);
}

void jobs_each(struct jobs *jobs, void (*visit)(struct job *job, void *context), void *context)
{
	for (struct job *job = jobs->jobs; job; job = job->next)
		visit(job, context);
}
