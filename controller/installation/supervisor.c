/* A daemon is RUNNING (it has a child), RESTING (its timer runs until the next start) or ENDED (for good, or
 * since the supervisor stops). Each change of who runs is noted on disk before anything else happens. */
#include "controller/installation/supervisor.h"

#include "bus/foundation/clock.h"
#include "controller/installation/child.h"
#include "controller/installation/lock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct daemon {
	struct supervisor *supervisor;
	const char *name;
	const char *const *argv;
	char *const *environment;
	const char *log_path;
	bool (*over)(void *context, int status);
	void *context;
	struct child *child; /* NULL unless it runs */
	uv_timer_t timer;    /* the next start, or the end of the grace */
	uint64_t wait_ms;
	int64_t started_ms;
};

struct supervisor {
	uv_loop_t *loop;
	const struct installation *installation;
	struct arena *arena;
	void (*say)(const char *line);
	struct daemon daemons[DAEMONS_MAX];
	int count;
	uint64_t restarts;
	bool stopping;
	int timers_open;
	void (*stopped)(void *context);
	void *context;
};

static void say(const struct supervisor *supervisor, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct supervisor *supervisor, const char *format, ...)
{
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	supervisor->say(line);
}

static void note_processes(const struct supervisor *supervisor)
{
	struct noted_process noted[DAEMONS_MAX];
	struct error error;
	size_t count = 0;
	for (int i = 0; i < supervisor->count; i++) {
		const struct daemon *daemon = &supervisor->daemons[i];
		if (daemon->child == NULL)
			continue;
		snprintf(noted[count].name, sizeof(noted[count].name), "%s", daemon->name);
		noted[count++].identity = child_identity(daemon->child);
	}
	if (!processes_note(supervisor->installation, noted, count, &error))
		say(supervisor, "the list of daemons cannot be kept: %s", error.message);
}

static void ended(void *context, int status);

static bool start(struct daemon *daemon, struct error *error)
{
	struct child_settings settings = {
	    .argv = daemon->argv,
	    .environment = daemon->environment,
	    .log_path = daemon->log_path,
	    .ended = ended,
	    .context = daemon,
	};
	daemon->started_ms = clock_monotonic_ms();
	daemon->child = child_start(daemon->supervisor->loop, &settings, error);
	if (daemon->child == NULL)
		return false;
	note_processes(daemon->supervisor);
	return true;
}

static void start_again(uv_timer_t *timer);

static void rest(struct daemon *daemon, const char *why)
{
	say(daemon->supervisor, "%s %s; starting it again in %.1f s (log: %s)", daemon->name, why,
	    (double)daemon->wait_ms / 1000, daemon->log_path);
	uv_timer_start(&daemon->timer, start_again, daemon->wait_ms, 0);
	daemon->wait_ms = daemon->wait_ms * 2 > RESTART_MAX_MS ? RESTART_MAX_MS : daemon->wait_ms * 2;
}

static void start_again(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct error error;
	daemon->supervisor->restarts++;
	if (start(daemon, &error))
		say(daemon->supervisor, "%s runs again (process %d)", daemon->name,
		    (int)child_identity(daemon->child).pid);
	else
		rest(daemon, error.message);
}

static void stop_last(struct supervisor *supervisor);

static void ended(void *context, int status)
{
	struct daemon *daemon = context;
	char why[64];
	daemon->child = NULL;
	note_processes(daemon->supervisor);
	if (daemon->supervisor->stopping) {
		uv_timer_stop(&daemon->timer);
		stop_last(daemon->supervisor);
		return;
	}
	if (daemon->over != NULL && daemon->over(daemon->context, status))
		return;
	if (clock_monotonic_ms() - daemon->started_ms >= RESTART_FORGIVEN_MS)
		daemon->wait_ms = RESTART_FIRST_MS;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "was ended by signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
	rest(daemon, why);
}

/* ---- the end ---- */

static void timer_closed(uv_handle_t *handle)
{
	struct supervisor *supervisor = ((struct daemon *)handle->data)->supervisor;
	if (--supervisor->timers_open == 0)
		supervisor->stopped(supervisor->context);
}

static void all_ended(struct supervisor *supervisor)
{
	if (supervisor->count == 0) {
		supervisor->stopped(supervisor->context);
		return;
	}
	if (supervisor->timers_open > 0)
		return; /* already on the way */
	supervisor->timers_open = supervisor->count;
	for (int i = 0; i < supervisor->count; i++)
		uv_close((uv_handle_t *)&supervisor->daemons[i].timer, timer_closed);
}

static void grace_over(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	say(daemon->supervisor, "%s does not end; killing it", daemon->name);
	child_signal(daemon->child, SIGKILL);
}

static void stop_last(struct supervisor *supervisor)
{
	for (int i = supervisor->count - 1; i >= 0; i--) {
		struct daemon *daemon = &supervisor->daemons[i];
		if (daemon->child == NULL)
			continue;
		child_signal(daemon->child, SIGTERM);
		uv_timer_start(&daemon->timer, grace_over, STOP_GRACE_MS, 0);
		return;
	}
	all_ended(supervisor);
}

static void kill_all(struct supervisor *supervisor)
{
	for (int i = 0; i < supervisor->count; i++)
		if (supervisor->daemons[i].child != NULL)
			child_signal(supervisor->daemons[i].child, SIGKILL);
}

void supervisor_stop(struct supervisor *supervisor, void (*stopped)(void *context), void *context)
{
	supervisor->stopped = stopped;
	supervisor->context = context;
	if (supervisor->stopping) {
		kill_all(supervisor);
		return;
	}
	supervisor->stopping = true;
	for (int i = 0; i < supervisor->count; i++)
		uv_timer_stop(&supervisor->daemons[i].timer);
	stop_last(supervisor);
}

/* ---- the beginning ---- */

struct supervisor *supervisor_new(uv_loop_t *loop, const struct installation *installation,
				  void (*say_line)(const char *line))
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	if (supervisor == NULL)
		abort();
	supervisor->loop = loop;
	supervisor->installation = installation;
	supervisor->arena = arena_new();
	supervisor->say = say_line;
	return supervisor;
}

static char **copy_texts(struct arena *arena, const char *const *texts)
{
	size_t count = 0;
	while (texts[count] != NULL)
		count++;
	char **copies = arena_array_of(arena, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		copies[i] = arena_strdup(arena, texts[i]);
	return copies;
}

bool supervisor_add(struct supervisor *supervisor, const struct daemon_settings *settings, struct error *error)
{
	if (supervisor->count == DAEMONS_MAX || supervisor->stopping)
		return error_set(error, ERROR_LIMIT_REACHED, "no room for %s", settings->name);
	struct daemon *daemon = &supervisor->daemons[supervisor->count++];
	daemon->supervisor = supervisor;
	daemon->name = arena_strdup(supervisor->arena, settings->name);
	daemon->argv = (const char *const *)copy_texts(supervisor->arena, settings->argv);
	daemon->environment = copy_texts(supervisor->arena, (const char *const *)settings->environment);
	daemon->log_path = installation_path(supervisor->installation, supervisor->arena,
					     arena_printf(supervisor->arena, "logs/%s.log", settings->name));
	daemon->over = settings->over;
	daemon->context = settings->context;
	daemon->wait_ms = RESTART_FIRST_MS;
	uv_timer_init(supervisor->loop, &daemon->timer);
	daemon->timer.data = daemon;
	return start(daemon, error);
}

uint64_t supervisor_restarts(const struct supervisor *supervisor)
{
	return supervisor->restarts;
}

void supervisor_free(struct supervisor *supervisor)
{
	arena_free(supervisor->arena);
	free(supervisor);
}
