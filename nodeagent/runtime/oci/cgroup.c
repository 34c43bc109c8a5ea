/* Trees are found once, from the mount table. A process is alive for us when it is no zombie: one whose
 * parent outside has not yet waited for it holds no resource that we could take away. */
#include "nodeagent/runtime/oci/cgroup.h"

#include "bus/foundation/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TREES_MAX = 24, PATH_BYTES = 768, DEPTH_MAX = 8, BECOMES_INIT_SECONDS = 5 };

static struct {
	uint32_t version;
	char paths[TREES_MAX][128]; /* mount points */
	size_t count;
	size_t sessions; /* the tree in which sessions are kept apart */
} trees;

static void find_trees(void)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[4096], path[128], kind[32], options[1024];
	bool unified_only = false;
	while (mounts != NULL && trees.count < TREES_MAX && fgets(line, sizeof(line), mounts) != NULL) {
		if (sscanf(line, "%*s %127s %31s %1023s", path, kind, options) != 3)
			continue;
		if (strcmp(kind, "cgroup") != 0 && strcmp(kind, "cgroup2") != 0)
			continue;
		if (strcmp(kind, "cgroup2") == 0 && strcmp(path, "/sys/fs/cgroup") == 0)
			unified_only = true;
		if (strstr(options, "freezer") != NULL || unified_only)
			trees.sessions = trees.count;
		snprintf(trees.paths[trees.count++], sizeof(trees.paths[0]), "%s", path);
	}
	if (mounts != NULL)
		fclose(mounts);
	trees.version = trees.count == 0 ? 0 : unified_only ? 2 : 1;
}

static void know_trees(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_trees);
}

uint32_t cgroup_version(void)
{
	know_trees();
	return trees.version;
}

bool cgroup_limits_swap(void)
{
	return cgroup_version() == 2 || access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

static void path_in(size_t tree, const char *name, const char *file, char *path)
{
	snprintf(path, PATH_BYTES, "%s/%s%s%s", trees.paths[tree], name, file[0] != '\0' ? "/" : "", file);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;
	if (fd >= 0)
		close(fd);
	return written;
}

bool cgroup_make(const char *name, struct error *error)
{
	char path[PATH_BYTES];
	know_trees();
	path_in(trees.sessions, name, "", path);
	return mkdir(path, 0755) == 0 || errno == EEXIST || error_errno(error, errno, "cannot make cgroup %s", name);
}

const char *cgroup_exec_argument(struct arena *arena, const char *group)
{
	return cgroup_version() == 2 ? arena_strdup(arena, group) : arena_printf(arena, "freezer:%s", group);
}

/* Calls `each` for every process in the folder and below it until it returns false. */
typedef bool each_process(void *context, pid_t pid);

static bool walk_processes(const char *folder, int depth, each_process *each, void *context)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	FILE *processes = fopen(path, "re");
	bool go_on = true;
	long pid;
	/* 0 stands for a process that has no number here; to kill(2) it would be our own group. */
	while (go_on && processes != NULL && fscanf(processes, "%ld", &pid) == 1)
		go_on = pid <= 0 || each(context, (pid_t)pid);
	if (processes != NULL)
		fclose(processes);
	DIR *below = depth < DEPTH_MAX && go_on ? opendir(folder) : NULL;
	const struct dirent *entry;
	while (go_on && below != NULL && (entry = readdir(below)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < PATH_BYTES)
			go_on = walk_processes(path, depth + 1, each, context);
	}
	if (below != NULL)
		closedir(below);
	return go_on;
}

static void walk_trees(const char *name, each_process *each, void *context)
{
	char path[PATH_BYTES];
	know_trees();
	for (size_t tree = 0; tree < trees.count; tree++) {
		path_in(tree, name, "", path);
		if (!walk_processes(path, 0, each, context))
			return;
	}
}

/* What /proc says of a process. */
struct process {
	bool lives;
	long inner_pid; /* its number in its innermost pid namespace */
	char name[32];
};

static struct process look_at(pid_t pid)
{
	char path[64], line[256];
	struct process process = {.lives = false};
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "Name:\t", 6) == 0)
			snprintf(process.name, sizeof(process.name), "%.30s", line + 6);
		if (strncmp(line, "State:\t", 7) == 0)
			process.lives = strchr("ZX", line[7]) == NULL;
		if (strncmp(line, "NSpid:", 6) == 0) {
			const char *last = strrchr(line, '\t');
			process.inner_pid = last != NULL ? strtol(last, NULL, 10) : 0;
			break;
		}
	}
	if (status != NULL)
		fclose(status);
	return process;
}

/* How long ago it began, in seconds; 0 when that cannot be read. */
static double age_of(pid_t pid)
{
	char path[64], line[1024] = "";
	unsigned long long began = 0;
	double up = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	const char *rest = file != NULL && fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	if (file != NULL)
		fclose(file);
	/* The 22nd field; the third is the first one after the name. */
	for (int field = 2; rest != NULL && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	if (rest == NULL || sscanf(rest, "%llu", &began) != 1)
		return 0;
	file = fopen("/proc/uptime", "re");
	if (file != NULL && fscanf(file, "%lf", &up) != 1)
		up = 0;
	if (file != NULL)
		fclose(file);
	return up - (double)began / (double)sysconf(_SC_CLK_TCK);
}

/* The runtime program's own child is the first process until it becomes our init, in no time; one that has
 * stood there for long never will, and nothing runs. */
static bool is_stuck(pid_t pid, const struct process *process)
{
	return strcmp(process->name, "init\n") != 0 && age_of(pid) > BECOMES_INIT_SECONDS;
}

static bool is_first(void *context, pid_t pid)
{
	struct process process = look_at(pid);
	if (!process.lives || process.inner_pid != 1 || is_stuck(pid, &process))
		return true;
	*(pid_t *)context = pid;
	return false;
}

pid_t cgroup_first_process(const char *name)
{
	pid_t first = 0;
	walk_trees(name, is_first, &first);
	return first;
}

static bool is_alive(void *context, pid_t pid)
{
	*(bool *)context = look_at(pid).lives;
	return !*(bool *)context;
}

bool cgroup_populated(const char *name)
{
	bool alive = false;
	walk_trees(name, is_alive, &alive);
	return alive;
}

static bool count_one(void *context, pid_t pid)
{
	*(uint32_t *)context += look_at(pid).lives ? 1 : 0;
	return true;
}

uint32_t cgroup_count(const char *name)
{
	char path[PATH_BYTES];
	uint32_t count = 0;
	know_trees();
	path_in(trees.sessions, name, "", path);
	walk_processes(path, 0, count_one, &count);
	return count;
}

/* 0 when it cannot be read, or is "max". */
static unsigned long read_number(size_t tree, const char *name, const char *file)
{
	char path[PATH_BYTES];
	unsigned long number = 0;
	path_in(tree, name, file, path);
	FILE *stream = fopen(path, "re");
	if (stream != NULL && fscanf(stream, "%lu", &number) != 1)
		number = 0;
	if (stream != NULL)
		fclose(stream);
	return number;
}

bool cgroup_at_process_limit(const char *name)
{
	/* The threads with which a runtime program enters a sandbox. */
	enum { ENTERING = 16 };
	know_trees();
	for (size_t tree = 0; tree < trees.count; tree++) {
		unsigned long limit = read_number(tree, name, "pids.max");
		if (limit > 0 && read_number(tree, name, "pids.current") + ENTERING >= limit)
			return true;
	}
	return false;
}

static bool signal_one(void *context, pid_t pid)
{
	kill(pid, *(int *)context);
	return true;
}

void cgroup_signal(const char *name, int number)
{
	char path[PATH_BYTES];
	know_trees();
	path_in(trees.sessions, name, "", path);
	walk_processes(path, 0, signal_one, &number);
}

/* Version 2 kills a whole tree at once; version 1 freezes it first, so that a fork bomb cannot outrun the
 * reading of the list. */
static void kill_once(const char *name)
{
	char kill_file[PATH_BYTES], state_file[PATH_BYTES];
	path_in(trees.sessions, name, "cgroup.kill", kill_file);
	path_in(trees.sessions, name, "freezer.state", state_file);
	if (write_file(kill_file, "1"))
		return;
	write_file(state_file, "FROZEN");
	cgroup_signal(name, SIGKILL);
	write_file(state_file, "THAWED");
	/* A process may be in the workspace's other trees alone, while the runtime moves it in. */
	int number = SIGKILL;
	walk_trees(name, signal_one, &number);
}

static void pause_ms(long milliseconds)
{
	struct timespec pause = {.tv_nsec = milliseconds * 1000000};
	nanosleep(&pause, NULL);
}

bool cgroup_wait_empty(const char *name, uint32_t patience_ms)
{
	int64_t deadline = clock_monotonic_ms() + patience_ms;
	for (long milliseconds = 1; cgroup_populated(name); milliseconds += milliseconds < 16 ? milliseconds : 0) {
		if (clock_monotonic_ms() >= deadline)
			return false;
		pause_ms(milliseconds);
	}
	return true;
}

bool cgroup_kill(const char *name, uint32_t patience_ms, struct error *error)
{
	int64_t deadline = clock_monotonic_ms() + patience_ms;
	know_trees();
	while (cgroup_populated(name)) {
		kill_once(name);
		if (!cgroup_wait_empty(name, 50) && clock_monotonic_ms() >= deadline)
			return error_set(error, ERROR_STOP_FAILED, "processes in cgroup %s do not end", name);
	}
	return true;
}

static int remove_tree(const char *folder, int depth)
{
	char path[PATH_BYTES];
	DIR *below = depth < DEPTH_MAX ? opendir(folder) : NULL;
	const struct dirent *entry;
	while (below != NULL && (entry = readdir(below)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < PATH_BYTES)
			remove_tree(path, depth + 1);
	if (below != NULL)
		closedir(below);
	return rmdir(folder) == 0 || errno == ENOENT ? 0 : errno;
}

/* The kernel needs a moment to let go of a group whose last process has just ended. */
bool cgroup_remove(const char *name, struct error *error)
{
	char path[PATH_BYTES];
	int64_t deadline = clock_monotonic_ms() + 2000;
	know_trees();
	for (size_t tree = 0; tree < trees.count; tree++) {
		path_in(tree, name, "", path);
		int failed;
		for (long milliseconds = 1; (failed = remove_tree(path, 0)) == EBUSY; milliseconds *= 2) {
			if (clock_monotonic_ms() >= deadline)
				break;
			pause_ms(milliseconds < 16 ? milliseconds : 16);
		}
		if (failed != 0)
			return error_errno(error, failed, "cannot remove cgroup %s", path);
	}
	return true;
}

bool cgroup_exists(const char *name)
{
	char path[PATH_BYTES];
	bool exists = false;
	know_trees();
	for (size_t tree = 0; tree < trees.count && !exists; tree++) {
		path_in(tree, name, "", path);
		exists = access(path, F_OK) == 0;
	}
	return exists;
}

bool cgroup_remove_empty(const char *name)
{
	char path[PATH_BYTES];
	know_trees();
	for (size_t tree = 0; tree < trees.count; tree++) {
		path_in(tree, name, "", path);
		rmdir(path);
	}
	return !cgroup_exists(name);
}

void cgroup_children(struct arena *arena, const char *name, const char ***children, size_t *count)
{
	size_t room = 0;
	*children = NULL;
	*count = 0;
	know_trees();
	for (size_t tree = 0; tree < trees.count; tree++) {
		char path[PATH_BYTES];
		path_in(tree, name, "", path);
		DIR *below = opendir(path);
		const struct dirent *entry;
		while (below != NULL && (entry = readdir(below)) != NULL) {
			bool known = entry->d_type != DT_DIR || entry->d_name[0] == '.';
			for (size_t i = 0; !known && i < *count; i++)
				known = strcmp((*children)[i], entry->d_name) == 0;
			if (known)
				continue;
			if (*count == room) {
				const char **more = arena_array_of(arena, const char *, room = room * 2 + 16);
				for (size_t i = 0; i < *count; i++)
					more[i] = (*children)[i];
				*children = more;
			}
			(*children)[(*count)++] = arena_strdup(arena, entry->d_name);
		}
		if (below != NULL)
			closedir(below);
	}
}
