/* The dispatcher: the only caller of drivers. Checks ids, keeps the cancel of every start that is going
 * on, runs the steps of a start in order and undoes them when one fails. */
#include "nodeagent/runtime/runtime.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/checkout.h"
#include "nodeagent/runtime/mirror.h"
#include "nodeagent/runtime/repository.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A start that is going on; lives on its worker's stack. */
struct call {
	struct call *next;
	const char *workspace_id;
	struct external_wait wait;
	bool hung;
};

struct runtime {
	const struct runtime_driver *driver;
	void *state;
	struct runtime_settings settings;
	struct mirrors *mirrors;
	pthread_mutex_t lock; /* guards all below */
	struct call *calls;
	bool unsettled; /* checkouts may be there whose marks do not last yet */
};

static bool no_driver(struct error *error)
{
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "This node has no driver that could run workspaces.");
}

static bool has_driver(const struct runtime *runtime)
{
	return runtime != NULL && runtime->driver != NULL;
}

bool runtime_valid_id(const char *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t length = id == NULL ? 0 : strlen(id);
	return length >= 1 && length <= 64 && strspn(id, allowed) == length;
}

uint32_t runtime_program_timeout_ms(const struct runtime_settings *settings)
{
	enum { SECONDS = 60 };
	return (settings->program_timeout_seconds != 0 ? settings->program_timeout_seconds : SECONDS) * 1000;
}

static bool check_id(const char *id, struct error *error)
{
	return (runtime_valid_id(id) && !mirror_is_id(id)) ||
	       error_set(error, ERROR_INVALID_ARGUMENT, "not an id of a workspace");
}

static bool is_complete(const struct runtime_driver *driver)
{
	return driver->name != NULL && driver->open != NULL && driver->close != NULL && driver->probe != NULL &&
	       driver->tend != NULL && driver->preflight != NULL && driver->make_disk != NULL &&
	       driver->make_network != NULL && driver->start != NULL && driver->is_running != NULL &&
	       driver->process_limit_reached != NULL && driver->watch != NULL && driver->stop != NULL &&
	       driver->remove != NULL && driver->sync != NULL && driver->count_left != NULL && driver->list != NULL &&
	       driver->command != NULL && driver->kill_processes != NULL && driver->bind != NULL &&
	       driver->unbind != NULL && driver->paths != NULL;
}

/* Nothing was ever started under no id, so there is nothing to stop (S4-28). */
static bool is_nothing(const char *id)
{
	return id == NULL || id[0] == '\0';
}

bool runtime_open(const struct runtime_driver *driver, const struct runtime_settings *settings,
		  struct runtime **runtime, struct error *error)
{
	struct runtime *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return error_set(error, ERROR_INTERNAL, "no memory");
	fresh->driver = driver;
	if (settings != NULL)
		fresh->settings = *settings;
	pthread_mutex_init(&fresh->lock, NULL);
	if (driver != NULL && !is_complete(driver)) {
		fresh->driver = NULL;
		runtime_close(fresh);
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The driver of this node lacks functions.");
	}
	if (driver != NULL && !driver->open(&fresh->settings, &fresh->state, error)) {
		fresh->driver = NULL;
		runtime_close(fresh);
		return false;
	}
	if (driver != NULL)
		fresh->mirrors = mirrors_open(driver, fresh->state, &fresh->settings);
	fresh->unsettled = true;
	*runtime = fresh;
	return true;
}

void runtime_close(struct runtime *runtime)
{
	if (runtime == NULL)
		return;
	mirrors_close(runtime->mirrors);
	if (runtime->driver != NULL)
		runtime->driver->close(runtime->state);
	pthread_mutex_destroy(&runtime->lock);
	free(runtime);
}

bool runtime_probe(struct runtime *runtime, struct arena *arena, struct runtime_facts *facts, struct error *error)
{
	struct external_wait wait = {.cancel_fd = -1};
	*facts = (struct runtime_facts){.driver = "", .binary = ""};
	if (!has_driver(runtime))
		return no_driver(error);
	bool usable = runtime->driver->probe(runtime->state, &wait, arena, facts, error);
	mirrors_allow(runtime->mirrors, usable && facts->disk_limit);
	return usable;
}

static bool set_unsettled(struct runtime *runtime, bool unsettled)
{
	pthread_mutex_lock(&runtime->lock);
	bool before = runtime->unsettled;
	runtime->unsettled = unsettled;
	pthread_mutex_unlock(&runtime->lock);
	return before;
}

/* Makes the marks of all checkouts last, those too that an agent which was killed has left. */
static void settle_all(struct runtime *runtime)
{
	struct arena *arena = arena_new();
	struct runtime_found *found;
	size_t count = 0;
	struct error error = {.code = ERROR_NONE};
	if (set_unsettled(runtime, false) && !runtime->driver->list(runtime->state, arena, &found, &count, &error))
		set_unsettled(runtime, true);
	for (size_t i = 0; i < count; i++) {
		if (!found[i].checkout_made ||
		    checkout_settle(runtime->driver, runtime->state, arena, found[i].id, &error))
			continue;
		log_warning("workspace %s: %s", found[i].id, error.message);
		set_unsettled(runtime, true);
	}
	arena_free(arena);
}

bool runtime_tend(struct runtime *runtime, struct error *error)
{
	if (!has_driver(runtime))
		return true;
	settle_all(runtime);
	mirrors_tend(runtime->mirrors);
	return runtime->driver->tend(runtime->state, error);
}

static bool call_begin(struct runtime *runtime, struct call *call, const char *workspace_id)
{
	call->workspace_id = workspace_id;
	call->wait.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	call->wait.hung = &call->hung;
	if (call->wait.cancel_fd < 0)
		return false;
	pthread_mutex_lock(&runtime->lock);
	call->next = runtime->calls;
	runtime->calls = call;
	pthread_mutex_unlock(&runtime->lock);
	return true;
}

static void call_end(struct runtime *runtime, struct call *call)
{
	pthread_mutex_lock(&runtime->lock);
	for (struct call **at = &runtime->calls; *at != NULL; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			break;
		}
	pthread_mutex_unlock(&runtime->lock);
	close(call->wait.cancel_fd);
}

void runtime_cancel(struct runtime *runtime, const char *workspace_id)
{
	if (runtime == NULL || is_nothing(workspace_id))
		return;
	pthread_mutex_lock(&runtime->lock);
	for (struct call *call = runtime->calls; call != NULL; call = call->next)
		if (strcmp(call->workspace_id, workspace_id) == 0 && eventfd_write(call->wait.cancel_fd, 1) != 0)
			log_warning("workspace %s: cannot cancel: %s", workspace_id, strerror(errno));
	pthread_mutex_unlock(&runtime->lock);
}

/* All that the steps of one start share. */
struct start {
	struct runtime *runtime;
	struct arena *arena;
	const struct runtime_workspace *workspace;
	struct external_wait *wait;
	const struct runtime_listener *listener;
	const char *step;
	const char *detail;
	bool had_files; /* from before: they are never taken away by a start that fails */
};

static bool begin_step(struct start *start, const char *step, const char *message, struct error *error)
{
	start->step = step;
	if (external_wait_cancelled(start->wait))
		return error_set(error, ERROR_PROVISIONING_FAILED, "The start was cancelled.");
	if (start->listener->progress != NULL)
		start->listener->progress(start->listener->context, step, message);
	return true;
}

static void pass_on(void *context, const char *line)
{
	const struct start *start = context;
	start->listener->output(start->listener->context, start->step, line);
}

static bool run_steps(struct start *start, struct error *error)
{
	const struct runtime_driver *driver = start->runtime->driver;
	void *state = start->runtime->state;
	struct checkout checkout = {.driver = driver,
				    .state = state,
				    .settings = &start->runtime->settings,
				    .workspace = start->workspace,
				    .wait = start->wait,
				    .mirrors = start->runtime->mirrors};
	start->had_files = true; /* until the disk tells */
	if (!begin_step(start, "disk", "Preparing the workspace's disk", error) ||
	    !driver->make_disk(state, start->wait, start->workspace, error))
		return false;
	start->had_files = checkout_complete(&checkout, start->arena);
	if (!begin_step(start, "network", "Connecting the workspace's network", error) ||
	    !driver->make_network(state, start->wait, start->workspace, error))
		return false;
	if (!begin_step(start, "sandbox", "Starting the sandbox", error) ||
	    !driver->start(state, start->wait, start->workspace, error))
		return false;
	if (!start->had_files && start->workspace->repository[0] != '\0' &&
	    !begin_step(start, "clone", "Cloning the repository", error))
		return false;
	if (!checkout_make(&checkout, start->arena, &start->detail, error))
		return false;
	set_unsettled(start->runtime, true);
	return true;
}

static void undo(const struct start *start)
{
	const struct runtime *runtime = start->runtime;
	struct error error;
	const char *id = start->workspace->id;
	if (!runtime->driver->stop(runtime->state, NULL, id, 0, &error) ||
	    (!start->had_files && !runtime->driver->remove(runtime->state, NULL, id, &error)))
		log_error("workspace %s: cleaning up after a failed start: %s", id, error.message);
}

/* What a user is told of a failure that is not theirs to understand. */
static const char *sentence_for(const struct error *error)
{
	if (error->code != ERROR_INTERNAL)
		return error->message;
	if (strstr(error->message, strerrordesc_np(ENOSPC)) != NULL)
		return "The node's disk is full.";
	return error_code_sentence(ERROR_PROVISIONING_FAILED);
}

static enum runtime_cause cause_of(const struct start *start, const struct error *error)
{
	if (external_wait_cancelled(start->wait))
		return RUNTIME_CAUSE_WORKSPACE;
	if (*start->wait->hung || error->code == ERROR_BUSY)
		return RUNTIME_CAUSE_HANG;
	return error->code == ERROR_PROVISIONING_FAILED || error->code == ERROR_INVALID_ARGUMENT
		   ? RUNTIME_CAUSE_WORKSPACE
		   : RUNTIME_CAUSE_MACHINE;
}

static void explain(const struct start *start, const struct error *error, struct runtime_failure *failure)
{
	size_t size = strlen(start->detail);
	if (error->code == ERROR_INTERNAL)
		log_error("workspace %s: %s: %s", start->workspace->id, start->step, error->message);
	failure->cause = cause_of(start, error);
	failure->step = start->step;
	failure->message = arena_strdup(start->arena, sentence_for(error));
	failure->detail = start->detail + (size > STEP_OUTPUT_TAIL_BYTES ? size - STEP_OUTPUT_TAIL_BYTES : 0);
	failure->cancelled = external_wait_cancelled(start->wait);
}

static bool fail_at_once(struct arena *arena, const struct error *error, struct runtime_failure *failure)
{
	*failure = (struct runtime_failure){.cause = error->code == ERROR_INVALID_ARGUMENT ? RUNTIME_CAUSE_WORKSPACE
											   : RUNTIME_CAUSE_MACHINE,
					    .step = "runtime",
					    .message = arena_strdup(arena, error->message),
					    .detail = ""};
	return false;
}

static bool fail_preflight(struct arena *arena, const char *step, const struct error *error,
			   struct runtime_failure *failure)
{
	bool ours = error->code != ERROR_PROVISIONING_FAILED && error->code != ERROR_INVALID_ARGUMENT;
	*failure = (struct runtime_failure){.cause = ours ? RUNTIME_CAUSE_MACHINE : RUNTIME_CAUSE_WORKSPACE,
					    .step = step,
					    .message = arena_strdup(arena, sentence_for(error)),
					    .detail = ""};
	return false;
}

bool runtime_preflight(struct runtime *runtime, struct arena *arena, const struct runtime_workspace *workspace,
		       bool first, struct runtime_failure *failure)
{
	struct error error = {.code = ERROR_NONE};
	if (!check_id(workspace->id, &error) || (!has_driver(runtime) && !no_driver(&error)))
		return fail_preflight(arena, "runtime", &error, failure);
	if (!runtime->driver->preflight(runtime->state, workspace, &error))
		return fail_preflight(arena, "runtime", &error, failure);
	if (first && !repository_check(runtime->settings.local_repos, workspace->repository, workspace->branch, &error))
		return fail_preflight(arena, "clone", &error, failure);
	return true;
}

bool runtime_start(struct runtime *runtime, struct arena *arena, const struct runtime_workspace *workspace,
		   const struct runtime_listener *listener, struct runtime_failure *failure)
{
	static const struct runtime_listener nobody = {0};
	struct error error = {.code = ERROR_NONE};
	struct call call = {.hung = false};
	if (!check_id(workspace->id, &error) || (!has_driver(runtime) && !no_driver(&error)))
		return fail_at_once(arena, &error, failure);
	if (!call_begin(runtime, &call, workspace->id)) {
		error_set(&error, ERROR_BUSY, "%s", error_code_sentence(ERROR_BUSY));
		return fail_at_once(arena, &error, failure);
	}
	struct start start = {.runtime = runtime,
			      .arena = arena,
			      .workspace = workspace,
			      .wait = &call.wait,
			      .listener = listener != NULL ? listener : &nobody,
			      .detail = ""};
	if (start.listener->output != NULL) {
		call.wait.output = pass_on;
		call.wait.output_context = &start;
	}
	bool started = run_steps(&start, &error);
	if (!started) {
		explain(&start, &error, failure);
		undo(&start);
	}
	call_end(runtime, &call);
	return started;
}

/* What there still is of a workspace that could not be ended; nothing of one that could. */
static bool tell_left(struct runtime *runtime, const char *workspace_id, bool done, struct runtime_left *left)
{
	if (left != NULL && !done)
		runtime->driver->count_left(runtime->state, workspace_id, left);
	return done;
}

/* A stop takes the disk away, and with it the chance to make the mark last. */
static void settle_one(struct runtime *runtime, const char *workspace_id)
{
	struct arena *arena = arena_new();
	struct error error;
	if (!checkout_settle(runtime->driver, runtime->state, arena, workspace_id, &error))
		log_warning("workspace %s: %s", workspace_id, error.message);
	arena_free(arena);
}

bool runtime_stop(struct runtime *runtime, const char *workspace_id, uint32_t grace_ms, struct runtime_left *left,
		  struct error *error)
{
	if (left != NULL)
		*left = (struct runtime_left){0};
	if (is_nothing(workspace_id))
		return true;
	if (!check_id(workspace_id, error))
		return false;
	/* Nobody runs it (S2-04, D7). */
	if (!has_driver(runtime))
		return true;
	settle_one(runtime, workspace_id);
	bool stopped = tell_left(runtime, workspace_id,
				 runtime->driver->stop(runtime->state, NULL, workspace_id, grace_ms, error), left);
	if (left != NULL)
		left->files = false;
	return stopped;
}

bool runtime_remove(struct runtime *runtime, const char *workspace_id, struct runtime_left *left, struct error *error)
{
	if (left != NULL)
		*left = (struct runtime_left){0};
	if (is_nothing(workspace_id))
		return true;
	if (!check_id(workspace_id, error))
		return false;
	return !has_driver(runtime) || tell_left(runtime, workspace_id,
						 runtime->driver->stop(runtime->state, NULL, workspace_id, 0, error) &&
						     runtime->driver->remove(runtime->state, NULL, workspace_id, error),
						 left);
}

bool runtime_remove_mirrors(struct runtime *runtime, struct error *error)
{
	return !has_driver(runtime) || mirrors_remove(runtime->mirrors, error);
}

bool runtime_is_running(struct runtime *runtime, const char *workspace_id, bool *running, struct error *error)
{
	*running = false;
	if (is_nothing(workspace_id))
		return true;
	if (!check_id(workspace_id, error))
		return false;
	return !has_driver(runtime) || runtime->driver->is_running(runtime->state, workspace_id, running, error);
}

uint32_t runtime_process_limit_reached(struct runtime *runtime, const char *workspace_id)
{
	return has_driver(runtime) && check_id(workspace_id, NULL)
		   ? runtime->driver->process_limit_reached(runtime->state, workspace_id)
		   : 0;
}

bool runtime_watch(struct runtime *runtime, const char *workspace_id, int *pidfd, struct error *error)
{
	*pidfd = -1;
	if (!check_id(workspace_id, error))
		return false;
	if (!has_driver(runtime))
		return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	return runtime->driver->watch(runtime->state, workspace_id, pidfd, error);
}

bool runtime_list(struct runtime *runtime, struct arena *arena, struct runtime_found **found, size_t *count,
		  struct error *error)
{
	*found = NULL;
	*count = 0;
	size_t all = 0, kept = 0;
	if (has_driver(runtime) && !runtime->driver->list(runtime->state, arena, found, &all, error))
		return false;
	for (size_t i = 0; i < all; i++)
		if (!mirror_is_id((*found)[i].id))
			(*found)[kept++] = (*found)[i];
	*count = kept;
	return true;
}

bool runtime_command(struct runtime *runtime, struct arena *arena, const struct runtime_program *program, char ***argv,
		     struct error *error)
{
	if (!check_id(program->workspace_id, error))
		return false;
	if (!has_driver(runtime))
		return no_driver(error);
	return runtime->driver->command(runtime->state, arena, program, argv, error);
}

bool runtime_kill_processes(struct runtime *runtime, const char *workspace_id, const char *group, uint32_t grace_ms,
			    struct error *error)
{
	if (!check_id(workspace_id, error))
		return false;
	return !has_driver(runtime) ||
	       runtime->driver->kill_processes(runtime->state, workspace_id, group, grace_ms, error);
}
