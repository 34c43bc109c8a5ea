/* Bundles are read from the running workspace's, and lose the paths of its namespaces and its cgroup. */
#include "tests/bench/by_hand.h"

#include "bus/foundation/clock.h"
#include "tests/bench/measure.h"
#include "tests/support/cleanup.h"
#include "tests/support/process.h"

#include <glob.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void prepare_bundle(const char *node, int number, char bundle[BY_HAND_PATH_BYTES])
{
	char pattern[BY_HAND_PATH_BYTES], group[64];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "/run/roost/%s/*/bundle/config.json", node);
	if (glob(pattern, 0, NULL, &found) != 0)
		bench_die("no bundle to take after", pattern);
	json_t *config = json_load_file(found.gl_pathv[0], 0, NULL);
	globfree(&found);
	json_t *linux_part = json_object_get(config, "linux"), *one;
	size_t i;
	json_array_foreach(json_object_get(linux_part, "namespaces"), i, one) json_object_del(one, "path");
	snprintf(group, sizeof(group), "/roost-bench-%d/%d", (int)getpid(), number);
	json_object_set_new(linux_part, "cgroupsPath", json_string(group));
	snprintf(bundle, BY_HAND_PATH_BYTES, "%s/bundle-%d", cleanup_folder(), number);
	if (mkdir(bundle, 0755) != 0 || chdir(bundle) != 0 ||
	    json_dump_file(config, "config.json", JSON_COMPACT) != 0 || chdir("/") != 0)
		bench_die("bundle", bundle);
	json_decref(config);
}

void by_hand_prepare(struct by_hand *by_hand, const char *node, const char *runtime)
{
	by_hand->runtime = runtime;
	snprintf(by_hand->root, sizeof(by_hand->root), "%s/runtime", cleanup_folder());
	for (int i = 0; i < BY_HAND_MAX; i++)
		prepare_bundle(node, i, by_hand->bundles[i]);
}

static void name_of(int number, char name[64])
{
	snprintf(name, 64, "bench-%d-%d", (int)getpid(), number);
}

static void delete (const struct by_hand *by_hand, int number)
{
	char name[64];
	name_of(number, name);
	const char *const argv[] = {by_hand->runtime, "--root", by_hand->root, "delete", "--force", name, NULL};
	process_run(argv, NULL, NULL, 0);
}

static void start(const struct by_hand *by_hand, int number, struct process *process)
{
	char name[64], pid_file[BY_HAND_PATH_BYTES + 8];
	name_of(number, name);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", by_hand->bundles[number]);
	const char *const argv[] = {
	    by_hand->runtime,	      "--root", by_hand->root, "run", "--detach", "--pid-file", pid_file, "--bundle",
	    by_hand->bundles[number], name,	NULL};
	process_start(process, argv, NULL, NULL);
}

static void await_start(const struct by_hand *by_hand, struct process *process)
{
	if (process_wait(process, 30000) != 0)
		bench_die(by_hand->runtime, "could not start the prepared bundle");
}

double by_hand_start_ms(struct by_hand *by_hand, int at_once)
{
	struct process processes[BY_HAND_MAX];
	int64_t started = clock_monotonic_ns();
	for (int i = 0; i < at_once; i++)
		start(by_hand, i, &processes[i]);
	for (int i = 0; i < at_once; i++)
		await_start(by_hand, &processes[i]);
	double ms = (double)(clock_monotonic_ns() - started) / 1e6;
	for (int i = 0; i < at_once; i++)
		delete (by_hand, i);
	return ms;
}

static pid_t read_pid(const struct by_hand *by_hand, const char *file_name)
{
	char path[BY_HAND_PATH_BYTES + 16];
	int pid = 0;
	snprintf(path, sizeof(path), "%s/%s", by_hand->bundles[0], file_name);
	FILE *file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%d", &pid) != 1)
		bench_die("no pid", path);
	fclose(file);
	return pid;
}

/* Runs the program in the first bundle, as a child of ours: whoever starts a program reaps it. */
static pid_t enter(const struct by_hand *by_hand, const char *const *program)
{
	enum { ARGUMENTS = 32, OWN_ARGUMENTS = 8 };
	char name[64], pid_file[BY_HAND_PATH_BYTES + 16];
	struct process process;
	name_of(0, name);
	snprintf(pid_file, sizeof(pid_file), "%s/entered", by_hand->bundles[0]);
	const char *argv[ARGUMENTS] = {by_hand->runtime, "--root",     by_hand->root, "exec",
				       "--detach",	 "--pid-file", pid_file,      name};
	for (int i = 0; program[i] != NULL; i++)
		argv[OWN_ARGUMENTS + i] = program[i];
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	process_start(&process, argv, NULL, NULL);
	await_start(by_hand, &process);
	return read_pid(by_hand, "entered");
}

double by_hand_stop_ms(struct by_hand *by_hand, const char *const *program)
{
	enum { PATIENCE_MS = 30000 };
	struct process process;
	char name[64];
	name_of(0, name);
	start(by_hand, 0, &process);
	await_start(by_hand, &process);
	pid_t entered = enter(by_hand, program);
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, read_pid(by_hand, "pid"), 0), .events = POLLIN};
	const char *const ask[] = {by_hand->runtime, "--root", by_hand->root, "kill", name, "TERM", NULL};
	int64_t asked = clock_monotonic_ns();
	process_run(ask, NULL, NULL, 0);
	waitpid(entered, NULL, 0);
	if (poll(&ended, 1, PATIENCE_MS) != 1)
		bench_die(by_hand->runtime, "the polite workload does not end");
	waitpid(read_pid(by_hand, "pid"), NULL, 0);
	delete (by_hand, 0);
	double ms = (double)(clock_monotonic_ns() - asked) / 1e6;
	close(ended.fd);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return ms;
}
