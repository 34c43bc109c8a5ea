/* Environment, folder and signals of the program under test. */
#include "tests/integration/nodeagent/agent_program.h"

#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VARIABLES = 16, VARIABLE_BYTES = 700 };

void agent_program_init(struct agent_program *agent, const char *path, const char *parent, const char *url,
			const char *credentials, const char *node_id)
{
	memset(agent, 0, sizeof(*agent));
	agent->path = path;
	snprintf(agent->folder, sizeof(agent->folder), "%s/data", parent);
	snprintf(agent->url, sizeof(agent->url), "%s", url);
	snprintf(agent->credentials, sizeof(agent->credentials), "%s", credentials);
	snprintf(agent->node_id, sizeof(agent->node_id), "%s", node_id);
	assert_int_equal(mkdir(agent->folder, 0700), 0);
}

struct environment {
	char text[VARIABLES][VARIABLE_BYTES];
	const char *pointers[VARIABLES + 1];
	int count;
};

static void add(struct environment *environment, const char *name, const char *value)
{
	assert_true(environment->count < VARIABLES);
	char *text = environment->text[environment->count];
	snprintf(text, VARIABLE_BYTES, "%s=%s", name, value);
	environment->pointers[environment->count++] = text;
}

static void fill(const struct agent_program *agent, struct environment *environment)
{
	char once[300];
	char repositories[300];
	memset(environment, 0, sizeof(*environment));
	snprintf(once, sizeof(once), "%s/cut", agent->folder);
	add(environment, "ROOST_DATA_DIR", agent->folder);
	add(environment, "ROOST_NATS_URL", agent->url);
	add(environment, "ROOST_CREDENTIALS", agent->credentials);
	add(environment, "ROOST_NODE_ID", agent->node_id);
	snprintf(repositories, sizeof(repositories), "%.*s/repos", (int)(strrchr(agent->folder, '/') - agent->folder),
		 agent->folder);
	add(environment, "ROOST_LOCAL_REPOS", repositories);
	add(environment, "NODE_HEARTBEAT_SECONDS", "1");
	add(environment, "WORKSPACE_STOP_GRACE_MS", "500");
	add(environment, "WORKSPACE_MEMORY_MB", "256");
	add(environment, "WORKSPACE_DISK_MB", "64");
	add(environment, "DISK_RESERVE_MB", getenv("TEST_DISK_RESERVE_MB") ? getenv("TEST_DISK_RESERVE_MB") : "16");
	if (agent->cutpoint[0]) {
		add(environment, "ROOST_CUTPOINT", agent->cutpoint);
		add(environment, "ROOST_CUTPOINT_ONCE", once);
	}
}

void agent_program_start(struct agent_program *agent)
{
	struct environment environment;
	char output[300];
	const char *const argv[] = {agent->path, NULL};
	fill(agent, &environment);
	snprintf(output, sizeof(output), "%s/agent.log", agent->folder);
	process_start(&agent->process, argv, environment.pointers, output);
}

void agent_program_stop(struct agent_program *agent)
{
	process_signal(&agent->process, SIGTERM);
	assert_int_equal(process_wait(&agent->process, PATIENCE_MS), 0);
}

void agent_program_kill(struct agent_program *agent)
{
	process_kill(&agent->process);
}

int agent_program_stop_all(const struct agent_program *agent, bool purge)
{
	struct environment environment;
	char text[16384];
	const char *const argv[] = {agent->path, "--stop-all", purge ? "--purge" : NULL, NULL};
	fill(agent, &environment);
	int code = process_run(argv, environment.pointers, text, sizeof(text));
	if (code != 0)
		print_message("%s\n", text);
	return code;
}

void agent_program_delete_database(const struct agent_program *agent)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < 3; i++) {
		char path[300];
		snprintf(path, sizeof(path), "%s/nodeagent.db%s", agent->folder, suffixes[i]);
		unlink(path);
	}
}

int agent_program_log_lines(const struct agent_program *agent, const char *beginning)
{
	char path[300];
	char line[256];
	int count = 0;
	snprintf(path, sizeof(path), "%s/fake-runtime.log", agent->folder);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		count += strncmp(line, beginning, strlen(beginning)) == 0;
	if (file)
		fclose(file);
	return count;
}
