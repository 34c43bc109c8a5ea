/* The whole product under random kill -9: two controllers, a node agent with real sandboxes, nats-server
 * and session hosts are killed at random moments while people create, stop, restart and delete. When
 * the killing stops, nothing that was answered is lost, nothing exists twice, everything has come to a
 * final state, what runs can be used, and in the end nothing is left behind.
 * Proves S0-04, S0-05, S0-33, S1-02, S1-09, S1-10, S1-11, D5, D12.
 *
 * ROOST_SEED replays the same choices (not the same timing); ROOST_KILL_SECONDS sets how long. */
#include "bus/foundation/clock.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PEOPLE = 4,	   /* commands at once */
	KILL_SECONDS = 20, /* by default */
	KILL_PAUSE_MS = 400,
	WORKSPACES_MAX = 200,
	OUTPUT_MAX = 1024 * 1024,
	SETTLE_MS = 90000,
	COMMAND_MS = 60000,
};

/* What one person has asked for and been told. */
struct workspace {
	char name[32];
	char key[32];
	char id[27]; /* "" until a create was answered */
	bool asked_delete;
};

struct person {
	struct process process;
	struct workspace *workspace; /* that the running command is about */
	char output[512];
	bool creating;
};

struct town {
	char data[400];
	struct workspace workspaces[WORKSPACES_MAX];
	size_t count;
	struct person people[PEOPLE];
	int commands, refused, kills;
	char last_command[512];
};

static struct town town;

static const char *const surroundings[] = {"ROOST_COMMAND_TIMEOUT_MS=30000", NULL};

static void command_line(char program[512])
{
	snprintf(program, 512, "%s/roost", ROOST_PROGRAMS);
}

/* Runs a verb to its end; the output is JSON when asked for. */
static int roost(char *output, const char *const *words)
{
	char program[512];
	const char *argv[24] = {program};
	command_line(program);
	town.last_command[0] = '\0';
	for (int i = 0; words[i] != NULL; i++) {
		argv[i + 1] = words[i];
		size_t length = strlen(town.last_command);
		snprintf(town.last_command + length, sizeof(town.last_command) - length, " %s", words[i]);
	}
	return process_run(argv, surroundings, output, OUTPUT_MAX);
}

static json_t *list_workspaces(void)
{
	static char output[OUTPUT_MAX];
	int code = roost(output, (const char *[]){"workspace", "list", "--json", NULL});
	return code == 0 ? json_loads(output, 0, NULL) : NULL;
}

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));
	return text == NULL ? "" : text;
}

static struct workspace *any_answered(void)
{
	for (int tries = 0; tries < 20 && town.count > 0; tries++) {
		struct workspace *workspace = &town.workspaces[(size_t)rand() % town.count];
		if (workspace->id[0] != '\0' && !workspace->asked_delete)
			return workspace;
	}
	return NULL;
}

/* A person's next command: mostly creates, then whatever can be done with a workspace. */
static void begin_command(struct person *person)
{
	static const char *const verbs[] = {"stop", "restart", "delete", "start a session"};
	char program[512];
	const char *argv[16] = {program};
	int n = 1;
	struct workspace *workspace = rand() % 3 == 0 ? NULL : any_answered();
	command_line(program);
	person->creating = workspace == NULL && town.count < WORKSPACES_MAX;
	if (person->creating) {
		workspace = &town.workspaces[town.count];
		snprintf(workspace->name, sizeof(workspace->name), "w%zu", town.count);
		snprintf(workspace->key, sizeof(workspace->key), "key-%zu", town.count);
		town.count++;
		argv[n++] = "workspace";
		argv[n++] = "create";
		argv[n++] = workspace->name;
		argv[n++] = "--idempotency-key";
		argv[n++] = workspace->key;
		argv[n++] = "--json";
	} else if (workspace != NULL) {
		const char *verb = verbs[rand() % 4];
		bool session = strcmp(verb, "start a session") == 0;
		workspace->asked_delete = workspace->asked_delete || strcmp(verb, "delete") == 0;
		argv[n++] = session ? "session" : "workspace";
		argv[n++] = session ? "start" : verb;
		argv[n++] = workspace->id;
		if (session) {
			argv[n++] = "--";
			argv[n++] = "sleep";
			argv[n++] = "1000";
		}
	} else {
		return;
	}
	person->workspace = workspace;
	unlink(person->output);
	process_start(&person->process, argv, surroundings, person->output);
	town.commands++;
}

/* What was answered to a create is noted: it must never be lost. */
static void end_command(struct person *person)
{
	json_t *answer = json_load_file(person->output, 0, NULL);
	bool done = WIFEXITED(person->process.status) && WEXITSTATUS(person->process.status) == 0;
	if (person->creating && done) {
		assert_non_null(answer);
		snprintf(person->workspace->id, sizeof(person->workspace->id), "%s", text_of(answer, "id"));
		assert_string_equal(text_of(answer, "displayName"), person->workspace->name);
	}
	if (!done)
		town.refused++;
	json_decref(answer);
	person->workspace = NULL;
}

static void let_people_work(bool go_on)
{
	for (int i = 0; i < PEOPLE; i++) {
		struct person *person = &town.people[i];
		if (person->process.pid != 0 && process_ended(&person->process))
			end_command(person);
		if (person->process.pid == 0 && go_on)
			begin_command(person);
	}
}

static bool everybody_is_idle(void *context)
{
	(void)context;
	let_people_work(false);
	for (int i = 0; i < PEOPLE; i++)
		if (town.people[i].process.pid != 0)
			return false;
	return true;
}

/* The program behind a pid, when it belongs to this installation. */
static bool victim_name(const char *pid, char name[64])
{
	char path[64], environment[65536];
	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	FILE *file = fopen(path, "re");
	size_t size = file == NULL ? 0 : fread(environment, 1, sizeof(environment) - 1, file);
	if (file != NULL)
		fclose(file);
	environment[size] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(name, 64, file) == NULL)
		name[0] = '\0';
	if (file != NULL)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return memmem(environment, size, town.data, strlen(town.data)) != NULL;
}

/* One of the daemons or session hosts, each with the same chance; never the supervisor. */
static void kill_somebody(void)
{
	pid_t victims[512];
	size_t count = 0;
	char name[64];
	DIR *processes = opendir("/proc");
	assert_non_null(processes);
	for (struct dirent *entry; (entry = readdir(processes)) != NULL && count < 512;) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !victim_name(entry->d_name, name))
			continue;
		bool host = strncmp(name, "roost-sessionh", 14) == 0;
		bool daemon = strncmp(name, "roost-", 6) == 0 || strcmp(name, "nats-server") == 0;
		if (daemon && !(host && rand() % 4 != 0))
			victims[count++] = (pid_t)atoi(entry->d_name);
	}
	closedir(processes);
	if (count == 0)
		return;
	kill(victims[(size_t)rand() % count], SIGKILL);
	town.kills++;
}

static bool is_final(const char *status)
{
	return strcmp(status, "running") == 0 || strcmp(status, "stopped") == 0 || strcmp(status, "error") == 0;
}

static bool everything_is_settled(void *context)
{
	(void)context;
	json_t *list = list_workspaces();
	bool settled = list != NULL;
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) settled = settled && is_final(text_of(item, "status"));
	json_decref(list);
	return settled;
}

static const json_t *find(const json_t *list, const char *field, const char *value, int *times)
{
	const json_t *found = NULL;
	size_t i;
	json_t *item;
	*times = 0;
	json_array_foreach(list, i, item)
	{
		if (strcmp(text_of(item, field), value) == 0) {
			found = item;
			(*times)++;
		}
	}
	return found;
}

/* Every create that was answered is there once, unless its end was asked for; a key made one at most. */
static void nothing_is_lost_or_doubled(void)
{
	json_t *list = list_workspaces();
	assert_non_null(list);
	for (size_t i = 0; i < town.count; i++) {
		struct workspace *workspace = &town.workspaces[i];
		int times;
		find(list, "displayName", workspace->name, &times);
		assert_in_range(times, 0, 1);
		if (workspace->id[0] == '\0' || workspace->asked_delete)
			continue;
		find(list, "id", workspace->id, &times);
		if (times != 1)
			fail_msg("workspace %s (%s) was answered and is not there", workspace->name, workspace->id);
	}
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) assert_null(strchr(text_of(item, "displayName"), '('));
	json_decref(list);
}

/* What says that it runs does run. */
static void what_runs_can_be_used(void)
{
	static char output[OUTPUT_MAX];
	json_t *list = list_workspaces();
	assert_non_null(list);
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *id = text_of(item, "id");
		if (strcmp(text_of(item, "status"), "running") != 0)
			continue;
		const char *const start[] = {"session", "start", id, "--json", "--", "echo", "alive", NULL};
		if (roost(output, start) != 0)
			fail_msg("no session in %s: %s", id, output);
		json_t *session = json_loads(output, 0, NULL);
		assert_non_null(session);
		const char *session_id = text_of(session, "id");
		if (roost(output, (const char *[]){"session", "wait", session_id, NULL}) != 0)
			fail_msg("the session in %s does not end well: %s", id, output);
		assert_int_equal(roost(output, (const char *[]){"session", "output", session_id, NULL}), 0);
		if (strstr(output, "alive") == NULL)
			fail_msg("the session in %s shows: %s", id, output);
		json_decref(session);
	}
	json_decref(list);
}

static void all_can_be_deleted(void)
{
	static char output[OUTPUT_MAX];
	json_t *list = list_workspaces();
	assert_non_null(list);
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *const words[] = {"workspace", "delete", text_of(item, "id"), "--wait", NULL};
		if (roost(output, words) != 0)
			fail_msg("%s cannot be deleted: %s", text_of(item, "id"), output);
	}
	json_decref(list);
	list = list_workspaces();
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void node_id_of_installation(char id[32])
{
	char path[512];
	snprintf(path, sizeof(path), "%s/installation.json", town.data);
	json_t *installation = json_load_file(path, 0, NULL);
	assert_non_null(installation);
	snprintf(id, 32, "%s", text_of(installation, "nodeId"));
	assert_true(strlen(id) > 0);
	json_decref(installation);
}

/* Looks for the installation's id among cgroups, mounts, nft tables and processes. */
static void nothing_is_left(const char *id)
{
	static char output[OUTPUT_MAX];
	static const char script[] =
	    "find /sys/fs/cgroup -type d -name \"*$1*\"; grep -e \"$1\" -e \"$2\" /proc/self/mountinfo;"
	    "nft list tables | grep \"$1\"; ls -d /run/roost/$1 2>/dev/null; ls -d \"$2\" 2>/dev/null;"
	    "for p in /proc/[0-9]*; do"
	    "  [ $p != /proc/$$ ] || continue;"
	    "  cat $p/environ $p/cmdline 2>/dev/null | grep -qaF \"$2\" && tr '\\0' ' ' <$p/cmdline;"
	    "done; true";
	/* The data folder's name would be found in this script's own surroundings. */
	unsetenv("ROOST_DATA_DIR");
	const char *const argv[] = {"sh", "-c", script, "left", id, town.data, NULL};
	assert_int_equal(process_run(argv, NULL, output, OUTPUT_MAX), 0);
	if (output[0] != '\0')
		fail_msg("left behind: %s", output);
}

static void random_kills_lose_nothing(void **state)
{
	(void)state;
	static char output[OUTPUT_MAX];
	const char *seed = getenv("ROOST_SEED"), *seconds = getenv("ROOST_KILL_SECONDS");
	unsigned number = seed != NULL ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)clock_wall_ms();
	int64_t duration_ms = 1000 * (seconds != NULL ? strtol(seconds, NULL, 10) : KILL_SECONDS);
	print_message("ROOST_SEED=%u\n", number);
	srand(number);

	snprintf(town.data, sizeof(town.data), "%s/data", cleanup_folder());
	setenv("ROOST_DATA_DIR", town.data, 1);
	for (int i = 0; i < PEOPLE; i++)
		snprintf(town.people[i].output, sizeof(town.people[i].output), "%s/person-%d", cleanup_folder(), i);
	int code = roost(output, (const char *[]){"up", "--detach", "--controllers", "2", NULL});
	if (code != 0)
		fail_msg("roost up: %s", output);
	char id[32];
	node_id_of_installation(id);

	int64_t end = clock_monotonic_ms() + duration_ms, next_kill = clock_monotonic_ms() + KILL_PAUSE_MS;
	while (clock_monotonic_ms() < end) {
		let_people_work(true);
		if (clock_monotonic_ms() >= next_kill) {
			kill_somebody();
			next_kill = clock_monotonic_ms() + rand() % (2 * KILL_PAUSE_MS);
		}
		usleep(5000); /* the test's own pace, not a wait for anything */
	}
	wait_until(everybody_is_idle, NULL, COMMAND_MS, "the end of all commands");
	wait_until(everything_is_settled, NULL, SETTLE_MS, "a final state of everything");
	print_message("%d commands, %d refused, %d kills\n", town.commands, town.refused, town.kills);
	nothing_is_lost_or_doubled();
	what_runs_can_be_used();
	all_can_be_deleted();
	code = roost(output, (const char *[]){"down", "--purge", NULL});
	if (code != 0)
		fail_msg("roost down: %s", output);
	nothing_is_left(id);
}

static int tear_down(void **state)
{
	(void)state;
	static char output[OUTPUT_MAX];
	struct stat there;
	if (stat(town.data, &there) == 0) { /* it failed: what do the daemons say? */
		setenv("ROOST_DATA_DIR", town.data, 1);
		const char *const tail[] = {"sh", "-c", "tail -n 25 \"$ROOST_DATA_DIR\"/logs/*.log", NULL};
		print_message("the last command was: roost%s\n", town.last_command);
		process_run(tail, NULL, output, OUTPUT_MAX);
		print_message("%s\n", output);
		roost(output, (const char *[]){"down", "--purge", NULL});
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_kills_lose_nothing, tear_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
