/* A runtime driver without sandboxes: a workspace is a folder, and what runs in it is one sleeping
 * process. It keeps the contract of runtime_driver.h, a kill -9 of the agent included, and is told by the
 * workspace's image what shall go wrong: "fail:disk", "fail:network", "fail:sandbox", "slow" (starts until
 * it is called off), "short" (its process ends by itself). A file `refuse-stop` in a workspace's folder
 * makes stopping fail, `keep-all` makes removing a lie. Every start, stop and remove is a line in fake-runtime.log
 * beside the folder.
 *
 * It is linked in place of the oci driver, so the program under test is otherwise the real one. */
#include "bus/foundation/cutpoint.h"
#include "nodeagent/runtime/runtime_driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, SLOW_MS = 60000, LOCK_FD = 9 };

extern char **environ;

struct fake {
	char folder[PATH_BYTES - 512];
};

static void path_of(const struct fake *fake, const char *id, const char *name, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "%s/%s%s%s", fake->folder, id, name[0] ? "/" : "", name);
}

static void note(const struct fake *fake, const char *what, const char *id, uint32_t generation)
{
	char path[PATH_BYTES];
	char line[128];
	snprintf(path, sizeof(path), "%s/../fake-runtime.log", fake->folder);
	int length = snprintf(line, sizeof(line), "%s %s %u\n", what, id, generation);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)length) != length)
		abort();
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

static long read_number(const char *path)
{
	char text[32] = "";
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtol(text, NULL, 10);
}

static bool open_driver(const struct runtime_settings *settings, void **state, struct error *error)
{
	(void)error;
	struct fake *fake = calloc(1, sizeof(*fake));
	snprintf(fake->folder, sizeof(fake->folder), "%s", settings->folder);
	*state = fake;
	return true;
}

static void close_driver(void *state)
{
	free(state);
}

static bool probe(void *state, struct external_wait *wait, struct arena *arena, struct runtime_facts *facts,
		  struct error *error)
{
	(void)wait;
	(void)arena;
	const struct fake *fake = state;
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/../broken", fake->folder);
	if (access(path, F_OK) == 0)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The runtime is broken.");
	*facts = (struct runtime_facts){.driver = "fake", .binary = "none", .cgroup_version = 1};
	return true;
}

static bool asked_to_fail(const struct runtime_workspace *workspace, const char *step, struct error *error)
{
	if (strncmp(workspace->image, "fail:", 5) != 0 || strcmp(workspace->image + 5, step) != 0)
		return true;
	return error_set(error, ERROR_PROVISIONING_FAILED, "The %s could not be made.", step);
}

static bool make_disk(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		      struct error *error)
{
	(void)wait;
	static const char *const parts[] = {"", "checkout", "marks"};
	const struct fake *fake = state;
	char path[PATH_BYTES];
	char generation[16];
	if (!asked_to_fail(workspace, "disk", error))
		return false;
	for (size_t i = 0; i < 3; i++) {
		path_of(fake, workspace->id, parts[i], path);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return error_errno(error, errno, "make %s", path);
	}
	path_of(fake, workspace->id, "generation", path);
	snprintf(generation, sizeof(generation), "%u", workspace->generation);
	write_text(path, generation);
	cutpoint(CUTPOINT_AGENT_DISK_MADE);
	return true;
}

static bool make_network(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
			 struct error *error)
{
	(void)state;
	(void)wait;
	if (!asked_to_fail(workspace, "network", error))
		return false;
	cutpoint(CUTPOINT_AGENT_NETWORK_MADE);
	return true;
}

/* The pid that was noted, 0 when it is not the sandbox's process: its command line names the folder. */
static pid_t noted_process(const struct fake *fake, const char *id)
{
	char path[PATH_BYTES];
	char command[PATH_BYTES] = "";
	path_of(fake, id, "pid", path);
	pid_t pid = (pid_t)read_number(path);
	if (pid <= 0)
		return 0;
	waitpid(pid, NULL, WNOHANG); /* when it is a child of this very agent */
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, command, sizeof(command) - 1);
	if (fd >= 0)
		close(fd);
	return length > 0 && memmem(command, (size_t)length, id, strlen(id)) ? pid : 0;
}

/* A lock that the sandbox's process holds from before it is spawned: one that a killed agent left behind
 * while it was coming up is waited for, not doubled. -1 when it is held. */
static int take_lock(const struct fake *fake, const char *id)
{
	char path[PATH_BYTES];
	path_of(fake, id, "lock", path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The pid of the sandbox's process, 0 when it does not run. */
static pid_t find_process(const struct fake *fake, const char *id)
{
	char path[PATH_BYTES];
	path_of(fake, id, "", path);
	if (access(path, F_OK) != 0)
		return 0;
	for (;;) {
		pid_t pid = noted_process(fake, id);
		int lock = pid ? -1 : take_lock(fake, id);
		if (lock >= 0)
			close(lock);
		if (pid || lock >= 0)
			return pid;
		usleep(1000);
	}
}

/* The process itself notes its start, since an agent may be killed before or after it. */
static bool spawn(const struct fake *fake, const struct runtime_workspace *workspace, struct error *error)
{
	/* It ends with its folder, so that a test that dies leaves nothing. */
	static const char script[] = "echo start $2 >> $0/../../fake-runtime.log;"
				     " echo $$ > $0/pid.new; mv $0/pid.new $0/pid; n=0;"
				     " while [ -d $0 ] && [ $n -lt $1 ]; do sleep 0.1; n=$((n+1)); done";
	const char *id = workspace->id;
	const char *tenths = strcmp(workspace->image, "short") == 0 ? "3" : "100000";
	char folder[PATH_BYTES];
	char start[64];
	path_of(fake, id, "", folder);
	snprintf(start, sizeof(start), "%s %u", id, workspace->generation);
	const char *const argv[] = {"setsid", "--fork", "sh", "-c", script, folder, tenths, start, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;
	int lock = -1;
	/* Held for a moment only: by a child of another thread that has yet to become its program. */
	while ((lock = take_lock(fake, id)) < 0)
		if (find_process(fake, id) != 0)
			return true;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, lock, LOCK_FD);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	int code = posix_spawnp(&pid, "setsid", &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(lock);
	if (code != 0)
		return error_errno(error, code, "spawn");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return find_process(fake, id) != 0 || error_set(error, ERROR_INTERNAL, "the process does not come up");
}

static bool start(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		  struct error *error)
{
	const struct fake *fake = state;
	if (!asked_to_fail(workspace, "sandbox", error))
		return false;
	cutpoint(CUTPOINT_AGENT_ROOT_CONDEMNED);
	if (strcmp(workspace->image, "slow") == 0) {
		struct pollfd cancelled = {.fd = wait->cancel_fd, .events = POLLIN};
		poll(&cancelled, 1, SLOW_MS);
		return error_set(error, ERROR_PROVISIONING_FAILED, "The start was called off.");
	}
	if (find_process(fake, workspace->id) != 0)
		return true;
	if (!spawn(fake, workspace, error))
		return false;
	cutpoint(CUTPOINT_AGENT_SANDBOX_STARTED);
	return true;
}

static bool is_running(void *state, const char *workspace_id, bool *running, struct error *error)
{
	(void)error;
	*running = find_process(state, workspace_id) != 0;
	return true;
}

static uint32_t process_limit_reached(void *state, const char *workspace_id)
{
	(void)state, (void)workspace_id;
	return 0;
}

static bool watch(void *state, const char *workspace_id, int *pidfd, struct error *error)
{
	pid_t pid = find_process(state, workspace_id);
	*pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (*pidfd < 0)
		return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	return true;
}

static bool stop(void *state, struct external_wait *wait, const char *workspace_id, uint32_t grace_ms,
		 struct error *error)
{
	(void)wait;
	(void)grace_ms;
	const struct fake *fake = state;
	char path[PATH_BYTES];
	path_of(fake, workspace_id, "refuse-stop", path);
	if (access(path, F_OK) == 0)
		return error_set(error, ERROR_STOP_FAILED, "One process cannot be ended.");
	pid_t pid = find_process(fake, workspace_id);
	if (pid) {
		note(fake, "stop", workspace_id, 0);
		kill(-pid, SIGKILL);
	}
	while (find_process(fake, workspace_id) != 0)
		usleep(1000);
	cutpoint(CUTPOINT_AGENT_SANDBOX_STOPPED);
	return true;
}

static void remove_tree(const char *path)
{
	char child[PATH_BYTES];
	DIR *folder = opendir(path);
	const struct dirent *entry = NULL;
	while (folder && (entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%.3800s/%.255s", path, entry->d_name);
		if (unlink(child) != 0)
			remove_tree(child);
	}
	if (folder)
		closedir(folder);
	rmdir(path);
}

static bool remove_all(void *state, struct external_wait *wait, const char *workspace_id, struct error *error)
{
	(void)wait;
	(void)error;
	const struct fake *fake = state;
	char path[PATH_BYTES];
	path_of(fake, workspace_id, "", path);
	if (access(path, F_OK) == 0)
		note(fake, "remove", workspace_id, 0);
	char lie[PATH_BYTES];
	path_of(fake, workspace_id, "keep-all", lie);
	if (access(lie, F_OK) == 0)
		return true;
	remove_tree(path);
	cutpoint(CUTPOINT_AGENT_DISK_REMOVED);
	return true;
}

static bool sync_disk(void *state, const char *workspace_id, const char *mark, struct error *error)
{
	(void)state, (void)workspace_id, (void)error;
	write_text(mark, "");
	return true;
}

static void count_left(void *state, const char *workspace_id, struct runtime_left *left)
{
	char path[PATH_BYTES];
	path_of(state, workspace_id, "", path);
	left->processes = find_process(state, workspace_id) != 0;
	left->files = access(path, F_OK) == 0;
}

static void describe(const struct fake *fake, struct arena *arena, const char *id, struct runtime_found *found)
{
	char path[PATH_BYTES];
	path_of(fake, id, "generation", path);
	*found = (struct runtime_found){.id = arena_strdup(arena, id),
					.owner = "",
					.generation = (uint32_t)read_number(path),
					.running = find_process(fake, id) != 0,
					.has_disk = true};
	path_of(fake, id, "marks/checkout", path);
	found->checkout_made = access(path, F_OK) == 0;
}

static bool list(void *state, struct arena *arena, struct runtime_found **found, size_t *count, struct error *error)
{
	enum { MOST = 1024 };
	const struct fake *fake = state;
	const struct dirent *entry = NULL;
	DIR *folder = opendir(fake->folder);
	if (!folder)
		return error_errno(error, errno, "open %s", fake->folder);
	*found = arena_array_of(arena, struct runtime_found, MOST);
	*count = 0;
	while ((entry = readdir(folder)) && *count < MOST)
		if (entry->d_name[0] != '.')
			describe(fake, arena, entry->d_name, &(*found)[(*count)++]);
	closedir(folder);
	return true;
}

static bool command(void *state, struct arena *arena, const struct runtime_program *program, char ***argv,
		    struct error *error)
{
	size_t count = 0;
	if (find_process(state, program->workspace_id) == 0)
		return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	while (program->arguments[count])
		count++;
	*argv = arena_array_of(arena, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		(*argv)[i] = arena_strdup(arena, program->arguments[i]);
	note(state, "command", program->group, 0);
	return true;
}

static bool kill_processes(void *state, const char *workspace_id, const char *group, uint32_t grace_ms,
			   struct error *error)
{
	(void)workspace_id;
	(void)grace_ms;
	(void)error;
	note(state, "kill", group, 0);
	return true;
}

static bool bind_folder(void *state, const char *workspace_id, int fd, const char *path, struct error *error)
{
	(void)state;
	(void)workspace_id;
	(void)fd;
	(void)path;
	return error_set(error, ERROR_INTERNAL, "the fake driver binds nothing");
}

static bool unbind_folder(void *state, const char *workspace_id, const char *path, struct error *error)
{
	return bind_folder(state, workspace_id, -1, path, error);
}

static bool paths(void *state, struct arena *arena, const char *workspace_id, const char **checkout, const char **marks,
		  struct error *error)
{
	(void)error;
	const struct fake *fake = state;
	*checkout = arena_printf(arena, "%s/%s/checkout", fake->folder, workspace_id);
	*marks = arena_printf(arena, "%s/%s/marks", fake->folder, workspace_id);
	return true;
}

static bool preflight(void *state, const struct runtime_workspace *workspace, struct error *error)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/../broken", ((const struct fake *)state)->folder);
	if (access(path, F_OK) == 0)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The runtime is broken.");
	if (strcmp(workspace->image, "absent") == 0)
		return error_set(error, ERROR_PROVISIONING_FAILED, "There is no such image.");
	return true;
}

static bool tend(void *state, struct error *error)
{
	(void)state, (void)error;
	return true;
}

const struct runtime_driver runtime_driver_oci = {
    .name = "fake",
    .open = open_driver,
    .close = close_driver,
    .probe = probe,
    .tend = tend,
    .preflight = preflight,
    .make_disk = make_disk,
    .make_network = make_network,
    .start = start,
    .is_running = is_running,
    .process_limit_reached = process_limit_reached,
    .watch = watch,
    .stop = stop,
    .remove = remove_all,
    .sync = sync_disk,
    .count_left = count_left,
    .list = list,
    .command = command,
    .kill_processes = kill_processes,
    .bind = bind_folder,
    .unbind = unbind_folder,
    .paths = paths,
};
