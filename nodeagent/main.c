/* roost-nodeagent: the one process per machine that makes its workspaces and sessions be as wanted.
 *
 *   roost-nodeagent                      serve the node ROOST_NODE_ID until SIGTERM or SIGINT, and leave
 *                                        what runs running
 *   roost-nodeagent --stop-all [--purge] stop everything that this installation runs on this machine,
 *                                        without the bus; with --purge remove the files too
 *
 * One at a time per installation: a lock in ROOST_DATA_DIR, given back by the kernel however the process
 * ends. Settings with which no agent can work end it with EX_CONFIG (78), before anything is written: to start
 * it again would not help. */
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/control/agent.h"
#include "nodeagent/control/claim.h"
#include "nodeagent/control/leftovers.h"
#include "nodeagent/control/machine.h"
#include "nodeagent/control/stop_all.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { END_DEADLINE_MS = 15000, EXIT_USAGE = 2 };

struct program {
	bool stop_all;
	bool purge;
	bool help;
	bool deleted; /* the node: the agent ends for good */
	struct arena *arena;
	struct agent_settings settings;
	struct claim claim;
	struct agent agent;
	uv_signal_t signals[2];
	uv_timer_t deadline;
};

static bool read_arguments(struct program *program, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--stop-all") == 0)
			program->stop_all = true;
		else if (strcmp(argv[i], "--purge") == 0)
			program->purge = true;
		else if (strcmp(argv[i], "--help") == 0)
			program->help = true;
		else
			return false;
	}
	return !program->purge || program->stop_all;
}

static void print_help(void)
{
	puts("roost-nodeagent [--stop-all [--purge]] [options]\n\n"
	     "Serves one node until it is told to end; workspaces and sessions run on.\n"
	     "  --stop-all  stop every session and workspace of this installation, and exit\n"
	     "  --purge     remove their files too\n\nOptions:");
	options_print("nodeagent");
}

static enum log_level log_level_from_option(void)
{
	static const char *const words[] = {"debug", "info", "warning", "error"};
	for (int i = 0; i < 4; i++)
		if (strcmp(option_text(OPTION_ROOST_LOG_LEVEL), words[i]) == 0)
			return (enum log_level)i;
	return LOG_INFO;
}

/* A program that lies beside this one. */
static const char *sibling(const char *name, struct arena *arena)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = 0;
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return arena_printf(arena, "%s/%s", path, name);
}

/* Everything made on the machine carries the node's id, so it must be known without the bus too. */
static bool choose_node(struct program *program, struct error *error)
{
	struct agent_settings *settings = &program->settings;
	struct claim *claim = &program->claim;
	claim_read(claim, settings->folder);
	settings->node_id = option_text(OPTION_ROOST_NODE_ID);
	if (!settings->node_id[0])
		settings->node_id = claim->has_installation ? claim->of_installation : claim->remembered;
	if (program->stop_all && !settings->node_id[0])
		return true;
	if (!ulid_valid(settings->node_id))
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be the id of a node, not \"%s\"",
				 option_variable(OPTION_ROOST_NODE_ID), settings->node_id);
	return claim_check(claim, settings->node_id, error);
}

static bool choose_bus(struct program *program, struct error *error)
{
	struct agent_settings *settings = &program->settings;
	settings->nats_url = option_text(OPTION_ROOST_NATS_URL);
	settings->credentials = option_text(OPTION_ROOST_CREDENTIALS);
	if (!settings->credentials[0])
		settings->credentials = NULL;
	if (!program->stop_all && !settings->nats_url[0])
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: is needed",
				 option_variable(OPTION_ROOST_NATS_URL));
	return true;
}

static void choose_limits(struct agent_settings *settings)
{
	settings->heartbeat_ms = (uint32_t)option_number(OPTION_NODE_HEARTBEAT_SECONDS) * 1000;
	settings->stop_grace_ms = (uint32_t)option_number(OPTION_WORKSPACE_STOP_GRACE_MS);
	settings->disk_reserve_mb = (uint64_t)option_number(OPTION_DISK_RESERVE_MB);
	settings->cpu_percent = (uint32_t)option_number(OPTION_WORKSPACE_CPU_PERCENT);
	settings->memory_mb = (uint64_t)option_number(OPTION_WORKSPACE_MEMORY_MB);
	settings->processes_max = (uint32_t)option_number(OPTION_WORKSPACE_PIDS);
	settings->disk_mb = (uint64_t)option_number(OPTION_WORKSPACE_DISK_MB);
	settings->clone_timeout_seconds = (uint32_t)option_number(OPTION_CLONE_TIMEOUT_SECONDS);
	settings->program_timeout_seconds = (uint32_t)option_number(OPTION_RUNTIME_TIMEOUT_SECONDS);
	settings->log_kb = (uint64_t)option_number(OPTION_WORKSPACE_LOG_KB);
	settings->mirrors_mb = (uint64_t)option_number(OPTION_MIRRORS_MB);
}

static void choose_paths(struct program *program)
{
	struct agent_settings *settings = &program->settings;
	struct arena *arena = program->arena;
	settings->folder = option_text(OPTION_ROOST_DATA_DIR);
	settings->sessions_folder = arena_printf(arena, "%s/sessions", settings->folder);
	settings->logs_folder = arena_printf(arena, "%s/nodelogs", settings->folder);
	settings->workspaces_folder = arena_printf(arena, "%s/workspaces", settings->folder);
	settings->database = option_text(OPTION_ROOST_DATABASE);
	if (!settings->database[0])
		settings->database = arena_printf(arena, "%s/nodeagent.db", settings->folder);
	settings->host_program = sibling("roost-sessionhost", arena);
	settings->init_program = sibling("roost-workspaceinit", arena);
	settings->runtime_binary = option_text(OPTION_ROOST_RUNTIME_BINARY);
	settings->images = option_text(OPTION_ROOST_IMAGES);
	if (!settings->images[0])
		settings->images = arena_printf(arena, "%s/images", settings->folder);
	settings->local_repos = option_text(OPTION_ROOST_LOCAL_REPOS);
	settings->boot_id = machine_boot_id(arena);
	settings->driver = &runtime_driver_oci;
}

/* Held until the process ends. A record lock is the process's own: a child that was forked, and has not yet
 * become another program when this process is killed, does not hold it. */
static bool lock_folder(struct program *program, struct error *error)
{
	const char *folder = program->settings.folder;
	const char *path = arena_printf(program->arena, "%s/nodeagent.lock", folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return error_errno(error, errno, "make %s", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(error, errno, "open %s", path);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return true;
	close(fd);
	return error_set(error, ERROR_CONFLICT, "another node agent works in %s", folder);
}

static void on_agent_ended(void *context)
{
	struct program *program = context;
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&program->signals[i], NULL);
	uv_close((uv_handle_t *)&program->deadline, NULL);
}

static void on_deadline(uv_timer_t *timer)
{
	(void)timer;
	log_warning("a piece of work does not end; the next agent will find it");
	_exit(EXIT_SUCCESS);
}

/* Nobody shall start it again: the mark says why it ended, and what the agent remembers goes. */
static void leave_mark(struct program *program)
{
	struct agent_settings *settings = &program->settings;
	struct error error = {0};
	char *mark = arena_printf(program->arena, "%s/nodeagent.deleted", settings->folder);
	if (!claim_write(mark, settings->node_id, &error)) {
		log_error("%s", error.message);
		return;
	}
	leftovers_remove_database(settings->database);
	unlink(arena_printf(program->arena, "%s/nodeagent.id", settings->folder));
}

static void end_deleted(uv_timer_t *timer)
{
	struct program *program = timer->data;
	uv_timer_start(timer, on_deadline, END_DEADLINE_MS, 0);
	agent_end(&program->agent, on_agent_ended, program);
}

/* Said from deep within the agent, so the end waits for the loop's next turn. */
static void on_deleted(void *context)
{
	struct program *program = context;
	if (program->deleted || program->agent.ending)
		return;
	log_info("this node was deleted; nothing of it is left here, so its agent ends");
	program->deleted = true;
	uv_timer_start(&program->deadline, end_deleted, 0, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;
	if (program->agent.ending)
		return;
	log_info("ending on %s; workspaces and sessions run on", strsignal(number));
	uv_timer_start(&program->deadline, on_deadline, END_DEADLINE_MS, 0);
	agent_end(&program->agent, on_agent_ended, program);
}

static bool serve(struct program *program, uv_loop_t *loop, struct error *error)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	program->settings.deleted = on_deleted;
	program->settings.deleted_context = program;
	if (!agent_open(&program->agent, loop, &program->settings, error))
		return false;
	uv_timer_init(loop, &program->deadline);
	program->deadline.data = program;
	for (int i = 0; i < 2; i++) {
		uv_signal_init(loop, &program->signals[i]);
		program->signals[i].data = program;
		uv_signal_start(&program->signals[i], on_signal, numbers[i]);
	}
	log_info("serving node %s", program->settings.node_id);
	uv_run(loop, UV_RUN_DEFAULT);
	if (program->deleted)
		leave_mark(program);
	return true;
}

/* What the folder holds of a node that it does not belong to any more goes too. Everything is stopped before
 * anything is removed: their files lie side by side. */
static bool stop_everything(struct program *program, uv_loop_t *loop, struct error *error)
{
	const char *nodes[2];
	size_t count = claim_nodes(&program->claim, program->settings.node_id, nodes);
	struct agent_settings settings = program->settings;
	const char *own = program->settings.node_id;
	bool ok = true;
	if (count == 0)
		log_info("no node was ever served from %s: nothing to stop", settings.folder);
	for (int purge = count > 1 ? 0 : program->purge; ok && purge <= program->purge; purge++)
		for (size_t i = 0; ok && i < count; i++) {
			settings.node_id = nodes[i];
			ok = stop_all(loop, &settings, purge, strcmp(nodes[i], own) != 0, error);
		}
	return ok;
}

/* The exit status. */
static int run(struct program *program, struct error *error)
{
	uv_loop_t loop;
	if (!lock_folder(program, error))
		return EXIT_FAILURE;
	if (!program->stop_all && !claim_take(&program->claim, &program->settings, error))
		return EX_CONFIG;
	uv_loop_init(&loop);
	if (program->stop_all ? !stop_everything(program, &loop, error) : !serve(program, &loop, error))
		return EXIT_FAILURE;
	uv_loop_close(&loop);
	return EXIT_SUCCESS;
}

/* Nothing is touched before all settings are good. */
static bool choose(struct program *program, struct error *error)
{
	choose_paths(program);
	choose_limits(&program->settings);
	return choose_node(program, error) && choose_bus(program, error);
}

int main(int argc, char **argv)
{
	static struct program program;
	struct error error = {0};
	if (!options_read(&argc, argv) || !read_arguments(&program, argc, argv)) {
		fputs("usage: roost-nodeagent [--stop-all [--purge]] [options]; see --help\n", stderr);
		return EXIT_USAGE;
	}
	if (program.help) {
		print_help();
		return EXIT_SUCCESS;
	}
	log_open("nodeagent", log_level_from_option());
	/* Workers mostly wait; many small heaps would only keep memory. */
	mallopt(M_ARENA_MAX, 2);
	char threads[16];
	snprintf(threads, sizeof(threads), "%d", JOBS_THREADS);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
	signal(SIGPIPE, SIG_IGN);
	program.arena = arena_new();
	int status = choose(&program, &error) ? run(&program, &error) : EX_CONFIG;
	if (status != EXIT_SUCCESS)
		log_error("%s", error.message);
	arena_free(program.arena);
	return status;
}
