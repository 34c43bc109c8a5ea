/* People and kills. Every choice comes from rand(): a seed replays the choices, not the timing. */
#include "tests/fault/soak/town.h"

#include "bus/foundation/clock.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_PAUSE_MS = 1000, VICTIMS_MAX = 512, PACE_US = 5000 };

struct town town;

static const char *const surroundings[] = {"ROOST_COMMAND_TIMEOUT_MS=30000", "ROOST_LOG_LEVEL=info", NULL};

json_t *list_of(const char *resource)
{
	return roost(resource, "list", "--json") == 0 ? json_loads(roost_output, 0, NULL) : NULL;
}

const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));
	return text == NULL ? "" : text;
}

/* Lately made ones: the older ones are mostly gone. */
static struct workspace *any_answered(void)
{
	for (int tries = 0; tries < 20 && town.count > 0; tries++) {
		size_t back = (size_t)rand() % (town.count < 100 ? town.count : 100);
		struct workspace *workspace = &town.workspaces[town.count - 1 - back];
		if (workspace->id[0] != '\0' && !workspace->asked_delete)
			return workspace;
	}
	return NULL;
}

static void start(struct person *person, const char *const *words)
{
	const char *argv[16] = {installed_program()};
	for (int i = 0; words[i] != NULL; i++)
		argv[i + 1] = words[i];
	unlink(person->output);
	process_start(&person->process, argv, surroundings, person->output);
	town.commands++;
}

bool is_to_go(const struct workspace *workspace)
{
	for (; workspace != NULL; workspace = workspace->parent)
		if (workspace->asked_delete)
			return true;
	return false;
}

static void begin_create(struct person *person, const struct workspace *parent)
{
	struct workspace *workspace = &town.workspaces[town.count];
	snprintf(workspace->name, sizeof(workspace->name), "w%zu", town.count);
	snprintf(workspace->key, sizeof(workspace->key), "key-%zu", town.count);
	workspace->parent = parent;
	town.count++;
	person->creating = true;
	person->workspace = workspace;
	if (parent == NULL)
		start(person,
		      WORDS("workspace", "create", workspace->name, "--idempotency-key", workspace->key, "--json"));
	else
		start(person, WORDS("workspace", "create", workspace->name, "--idempotency-key", workspace->key,
				    "--json", "--parent", parent->id));
}

/* What people do with a workspace, and how often. */
static const struct deed {
	int weight;
	const char *words[8]; /* "$" stands for the workspace */
	bool deletes;
} deeds[] = {
    {4, {"workspace", "stop", "$"}, false},
    {4, {"workspace", "restart", "$"}, false},
    {2, {"workspace", "rebuild", "$"}, false},
    {6, {"workspace", "delete", "$"}, true},
    {6, {"session", "start", "$", "--", "sleep", "1000"}, false},
};

/* Of a whole node, so rarely. */
static const struct deed node_deeds[] = {
    {1, {"node", "stop", "$", "--yes"}, false},
    {4, {"node", "start", "$"}, false},
};

static const struct deed *choose(const struct deed *from, size_t count)
{
	int sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += from[i].weight;
	int draw = rand() % sum;
	while ((draw -= from->weight) >= 0)
		from++;
	return from;
}

static void do_to(struct person *person, const struct deed *deed, const char *id)
{
	const char *words[9] = {NULL};
	for (int i = 0; i < 8 && deed->words[i] != NULL; i++)
		words[i] = strcmp(deed->words[i], "$") == 0 ? id : deed->words[i];
	start(person, words);
}

static void begin_command(struct person *person)
{
	struct workspace *workspace = rand() % 3 == 0 ? NULL : any_answered();
	person->creating = false;
	person->workspace = NULL;
	if (rand() % 60 == 0) {
		do_to(person, choose(node_deeds, sizeof(node_deeds) / sizeof(node_deeds[0])), town.node_id);
	} else if (workspace == NULL && town.count < WORKSPACES_MAX) {
		begin_create(person, rand() % 4 == 0 ? any_answered() : NULL);
	} else if (workspace != NULL) {
		const struct deed *deed = choose(deeds, sizeof(deeds) / sizeof(deeds[0]));
		workspace->asked_delete = workspace->asked_delete || deed->deletes;
		person->workspace = workspace;
		do_to(person, deed, workspace->id);
	}
}

/* "roost: <code>: <sentence>" */
static void note_refusal(const char *output)
{
	char code[48] = "no answer";
	FILE *file = fopen(output, "re");
	if (file != NULL) {
		if (fscanf(file, "roost: %47[a-z_]", code) != 1)
			snprintf(code, sizeof(code), "other words");
		fclose(file);
	}
	town.refused++;
	for (int i = 0; i < REFUSALS_MAX; i++) {
		struct refusal *refusal = &town.refusals[i];
		if (refusal->times == 0)
			memcpy(refusal->code, code, sizeof(code));
		if (strcmp(refusal->code, code) == 0) {
			refusal->times++;
			return;
		}
	}
}

void town_tell_work(void)
{
	print_message("%d commands, %d refused, %d kills;", town.commands, town.refused, town.kills);
	for (int i = 0; i < REFUSALS_MAX && town.refusals[i].times > 0; i++)
		print_message(" %s %d", town.refusals[i].code, town.refusals[i].times);
	print_message("\n");
}

/* What was answered to a create is noted: it must never be lost. */
static void end_command(struct person *person)
{
	bool done = WIFEXITED(person->process.status) && WEXITSTATUS(person->process.status) == 0;
	json_t *answer = json_load_file(person->output, 0, NULL);
	if (person->creating && done) {
		assert_non_null(answer);
		snprintf(person->workspace->id, sizeof(person->workspace->id), "%s", text_of(answer, "id"));
		assert_string_equal(text_of(answer, "displayName"), person->workspace->name);
	}
	if (!done)
		note_refusal(person->output);
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

static void name_of(const char *pid, char name[64])
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");
	if (file == NULL || fgets(name, 64, file) == NULL)
		name[0] = '\0';
	if (file != NULL)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
}

/* One of the daemons or session hosts, each with the same chance; never the supervisor. */
static void kill_somebody(void)
{
	pid_t victims[VICTIMS_MAX];
	size_t count = 0;
	char name[64];
	DIR *processes = opendir("/proc");
	assert_non_null(processes);
	for (struct dirent *entry; (entry = readdir(processes)) != NULL && count < VICTIMS_MAX;) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !installed_owns(entry->d_name))
			continue;
		name_of(entry->d_name, name);
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

void town_under_fire(int64_t duration_ms)
{
	int64_t end = clock_monotonic_ms() + duration_ms, next_kill = clock_monotonic_ms() + KILL_PAUSE_MS;
	while (clock_monotonic_ms() < end) {
		let_people_work(true);
		if (clock_monotonic_ms() >= next_kill) {
			kill_somebody();
			next_kill = clock_monotonic_ms() + rand() % (2 * KILL_PAUSE_MS);
		}
		usleep(PACE_US); /* the town's own pace, not a wait for anything */
	}
	wait_until(everybody_is_idle, NULL, COMMAND_MS, "the end of all commands");
}

void town_begin(void)
{
	town.data = installed_in(NULL);
	installed_surroundings(surroundings);
	for (int i = 0; i < PEOPLE; i++)
		snprintf(town.people[i].output, sizeof(town.people[i].output), "%s/person-%d", cleanup_folder(), i);
	must("up", "--detach", "--controllers", "2");
	town.node_id = installed_node_id();
}

void town_end(void)
{
	struct stat there;
	if (stat(town.data, &there) != 0)
		return;
	setenv("ROOST_DATA_DIR", town.data, 1);
	must("down", "--purge");
}
