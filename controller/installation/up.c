/* roost up: prepare the folder, take the lock, end what a killed supervisor left, bring everything up,
 * watch over it until a signal comes. */
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "controller/installation/arguments.h"
#include "controller/installation/bring_up.h"
#include "controller/installation/detach.h"
#include "controller/installation/installation.h"
#include "controller/installation/local_node.h"
#include "controller/installation/lock.h"
#include "controller/installation/log_file.h"
#include "controller/installation/nats_server.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { SIGNALS = 3, BALLAST_EVERY_MS = 10 * 1000 };

struct up {
	uv_loop_t loop;
	struct arguments arguments;
	struct installation installation;
	struct keys keys;
	struct arena *arena;
	struct supervisor *supervisor;
	struct bring_up *bring_up;
	uv_signal_t signals[SIGNALS];
	uv_timer_t ballast;
	char *programs;
	char *nats_program;
	char *nats_configuration;
	bool ready;
	bool stopping;
	int status;
};

/* Until everything is ready lines are for somebody who watches; later ones want a time. */
static bool with_time;

static void say(const char *line)
{
	char now[16] = "";
	time_t seconds = time(NULL);
	struct tm parts;
	if (with_time)
		strftime(now, sizeof(now), "%H:%M:%S ", localtime_r(&seconds, &parts));
	printf("%s%s\n", now, line);
	fflush(stdout);
}

static void say_error(const struct error *error)
{
	fflush(stdout);
	fprintf(stderr, "roost up: %s: %s\n", error_code_name(error->code), error->message);
}

/* ---- the end ---- */

static void close_handles(struct up *up)
{
	for (int i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&up->signals[i], NULL);
	uv_close((uv_handle_t *)&up->ballast, NULL);
}

static void stopped(void *context)
{
	close_handles(context);
}

static void stop(struct up *up)
{
	bool again = up->stopping;
	up->stopping = true;
	bring_up_free(up->bring_up);
	up->bring_up = NULL;
	if (!again)
		say(up->ready ? "stopping the daemons; workspaces and sessions go on" : "stopping what was started");
	supervisor_stop(up->supervisor, stopped, up);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	stop(handle->data);
}

/* ---- while it runs ---- */

static void tend_ballast(uv_timer_t *timer)
{
	struct up *up = timer->data;
	bool removed;
	if (nats_server_tend_ballast(&up->installation, &nats_server_ballast, &removed) && removed)
		say("the disk is full; the ballast was given up so that things can still be ended. Make room");
}

static void say_what_next(const struct up *up)
{
	say("ready. In another shell:");
	say("");
	say(arena_printf(up->arena, "    export PATH=%s:$PATH", up->programs));
	say(arena_printf(up->arena, "    export ROOST_DATA_DIR=%s", up->installation.folder));
	say("    roost node list");
	say("    roost workspace create api --repo <git url> --wait");
	say("    roost session start api --label shell -- bash");
	say("    roost status");
	say("");
	say(up->arguments.detach ? "It runs in the background; `roost down` ends it and all that runs in it."
				 : "Ctrl-C stops the daemons; `roost down` also ends all workspaces and sessions.");
}

static void ready(void *context)
{
	struct up *up = context;
	up->ready = true;
	bring_up_free(up->bring_up);
	up->bring_up = NULL;
	say_what_next(up);
	with_time = true;
	detach_ready(installation_path(&up->installation, up->arena, "logs/supervisor.log"));
}

static void failed(void *context, const struct error *error)
{
	struct up *up = context;
	say_error(error);
	fprintf(stderr, "roost up: the daemons' logs are in %s/logs\n", up->installation.folder);
	up->status = 1;
	stop(up);
}

/* ---- the beginning ---- */

static void said_leftover(const char *name, int pid)
{
	char line[128];
	snprintf(line, sizeof(line), "  ending %s (process %d), left by a supervisor that was killed", name, pid);
	say(line);
}

/* The folder in which this very program lies: the daemons' programs are beside it. */
static char *programs_folder(struct arena *arena, struct error *error)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length < 0) {
		error_errno(error, errno, "/proc/self/exe");
		return NULL;
	}
	path[length] = '\0';
	return arena_strdup(arena, dirname(path));
}

/* Daemons run in the installation's folder: what was relative to the caller's becomes absolute. */
static void make_absolute(enum option option)
{
	char path[PATH_MAX];
	const char *given = option_text(option);
	if (strchr(given, '/') != NULL && given[0] != '/' && realpath(given, path) != NULL)
		option_set(option, path);
}

static bool take_lock(const struct installation *installation, struct error *error)
{
	if (lock_take(installation, error) >= 0)
		return true;
	struct error reason = *error;
	if (reason.code == ERROR_CONFLICT && local_node_was_deleted(installation))
		error_set(error, ERROR_CONFLICT,
			  "%s, but its node was deleted: roost down, then roost up, make this machine a node again",
			  reason.message);
	return false;
}

static bool prepare(struct up *up, struct error *error)
{
	bool port_changed;
	bool removed;
	up->programs = programs_folder(up->arena, error);
	up->nats_program = up->programs == NULL ? NULL : nats_server_program(up->programs, up->arena, error);
	if (up->nats_program == NULL || !installation_load_or_make(up->arguments.folder, &up->installation, error))
		return false;
	say(arena_printf(up->arena, "roost %s in %s", ROOST_VERSION, up->installation.folder));
	if (!take_lock(&up->installation, error) || !processes_end(&up->installation, said_leftover, error) ||
	    !keys_load_or_make(&up->installation, &up->keys, error) ||
	    !nats_server_choose_port(&up->installation, &port_changed, error))
		return false;
	if (local_node_was_deleted(&up->installation) && !local_node_forget(&up->installation, error))
		return false;
	if (port_changed)
		say("  somebody else has the port that this installation used; it has another one now");
	nats_server_tend_ballast(&up->installation, &nats_server_ballast, &removed);
	up->nats_configuration = nats_server_configure(&up->installation, &up->keys, up->arena, error);
	make_absolute(OPTION_ROOST_LOCAL_REPOS);
	make_absolute(OPTION_ROOST_IMAGES);
	make_absolute(OPTION_ROOST_RUNTIME_BINARY);
	if (up->nats_configuration != NULL && chdir(up->installation.folder) != 0)
		return error_errno(error, errno, "%s", up->installation.folder);
	return up->nats_configuration != NULL;
}

static void watch_signals(struct up *up)
{
	static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SIGNALS; i++) {
		uv_signal_init(&up->loop, &up->signals[i]);
		up->signals[i].data = up;
		uv_signal_start(&up->signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&up->loop, &up->ballast);
	up->ballast.data = up;
	uv_timer_start(&up->ballast, tend_ballast, BALLAST_EVERY_MS, BALLAST_EVERY_MS);
}

/* To start it again would not help; its last words say why. Once all was ready it is tried again all the same. */
static bool agent_refused(struct up *up, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EX_CONFIG || up->bring_up == NULL)
		return false;
	const char *log = installation_path(&up->installation, up->arena, "logs/nodeagent.log");
	bring_up_agent_refused(up->bring_up, log_file_last_words(log, up->arena));
	return true;
}

/* Whoever deleted the node wants it gone, so it is not made again before the next start. */
static bool agent_over(void *context, int status)
{
	struct up *up = context;
	if (agent_refused(up, status))
		return true;
	if (status != 0 || !local_node_was_deleted(&up->installation))
		return false;
	if (up->bring_up != NULL)
		bring_up_node_deleted(up->bring_up);
	else
		say("this machine's node was deleted and nothing of it is left; `roost down`, then `roost up` make a "
		    "new one");
	return true;
}

static void start(struct up *up)
{
	struct error error = {.code = ERROR_INTERNAL};
	up->supervisor = supervisor_new(&up->loop, &up->installation, say);
	struct bring_up_settings settings = {
	    .installation = &up->installation,
	    .keys = &up->keys,
	    .supervisor = up->supervisor,
	    .programs = up->programs,
	    .nats_program = up->nats_program,
	    .nats_configuration = up->nats_configuration,
	    .owner = option_text(OPTION_ROOST_OWNER),
	    .controllers = up->arguments.controllers,
	    .say = say,
	    .ready = ready,
	    .failed = failed,
	    .agent_over = agent_over,
	    .context = up,
	};
	up->bring_up = bring_up_start(&up->loop, &settings, &error);
	if (up->bring_up == NULL)
		failed(up, &error);
}

/* In the foreground or as the background's process. */
static int run(struct up *up)
{
	struct error error = {.code = ERROR_INTERNAL};
	up->arena = arena_new();
	if (!prepare(up, &error)) {
		say_error(&error);
		arena_free(up->arena);
		return 1;
	}
	log_open("up", LOG_ERROR);
	uv_loop_init(&up->loop);
	watch_signals(up);
	start(up);
	uv_run(&up->loop, UV_RUN_DEFAULT);
	uv_loop_close(&up->loop);
	supervisor_free(up->supervisor);
	if (up->status == 0)
		say("stopped");
	arena_free(up->arena);
	return up->status;
}

int up_main(int argc, char **argv)
{
	static struct up up;
	int status = arguments_read(argc, argv, &up.arguments);
	if (status < 0 && up.arguments.detach)
		status = detach();
	return status >= 0 ? status : run(&up);
}
