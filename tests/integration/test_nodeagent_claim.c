/* Whose a data folder is: an agent that is started wrongly leaves no trace in it, and a trace that was left all
 * the same keeps nobody from starting or ending the installation. */
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { SECONDS = 1000, VARIABLES = 5 };

static const char program[] = ROOST_TEST_PROGRAMS "/nodeagent-without-sandboxes";

struct fixture {
	char folder[200];
	struct ulid ours, other;
	char variables[VARIABLES][300];
	const char *environment[VARIABLES + 1];
	char output[8192];
};

static void set(struct fixture *fixture, int number, const char *name, const char *value)
{
	snprintf(fixture->variables[number], sizeof(fixture->variables[number]), "%s=%s", name, value);
	fixture->environment[number] = fixture->variables[number];
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	snprintf(fixture->folder, sizeof(fixture->folder), "%s", cleanup_folder());
	fixture->ours = ulid_new(clock_wall_ms());
	fixture->other = ulid_new(clock_wall_ms());
	set(fixture, 0, "ROOST_DATA_DIR", fixture->folder);
	set(fixture, 1, "ROOST_NODE_ID", fixture->ours.text);
	set(fixture, 2, "ROOST_NATS_URL", "nats://127.0.0.1:1"); /* nobody listens there */
	set(fixture, 3, "ROOST_CREDENTIALS", "");
	set(fixture, 4, "ROOST_DATABASE", "");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	test_free(*state);
	return 0;
}

static void path_of(const struct fixture *fixture, const char *name, char path[300])
{
	snprintf(path, 300, "%s/%s", fixture->folder, name);
}

static void write_text(const struct fixture *fixture, const char *name, const char *format, const char *id)
{
	char path[300];
	path_of(fixture, name, path);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, format, id);
	fclose(file);
}

static void write_installation(const struct fixture *fixture, const char *node_id)
{
	write_text(fixture, "installation.json", "{\"nodeId\": \"%s\"}", node_id);
}

static bool exists(const struct fixture *fixture, const char *name)
{
	char path[300];
	path_of(fixture, name, path);
	return access(path, F_OK) == 0;
}

static int run(struct fixture *fixture, const char *first, const char *second)
{
	return process_run((const char *const[]){program, first, second, NULL}, fixture->environment, fixture->output,
			   sizeof(fixture->output));
}

static bool remembers_ours(void *context)
{
	const struct fixture *fixture = context;
	char path[300];
	char text[64] = "";
	path_of(fixture, "nodeagent.id", path);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	bool read = fgets(text, sizeof(text), file) != NULL;
	fclose(file);
	return read && strncmp(text, fixture->ours.text, sizeof(fixture->ours.text) - 1) == 0;
}

static void serves(struct fixture *fixture)
{
	struct process agent = {0};
	char output[300];
	path_of(fixture, "agent.log", output);
	process_start(&agent, (const char *const[]){program, NULL}, fixture->environment, output);
	wait_until(remembers_ours, fixture, 10 * SECONDS, "the agent to take the folder");
	process_signal(&agent, SIGTERM);
	process_wait(&agent, 30 * SECONDS);
}

static void an_agent_without_its_settings_leaves_no_trace(void **state)
{
	struct fixture *fixture = *state;
	set(fixture, 2, "ROOST_NATS_URL", "");
	assert_int_equal(run(fixture, NULL, NULL), EX_CONFIG);
	assert_non_null(strstr(fixture->output, "ROOST_NATS_URL: is needed"));
	assert_false(exists(fixture, "nodeagent.id"));
	assert_false(exists(fixture, "nodeagent.lock"));
}

static void an_installation_is_for_its_own_node_only(void **state)
{
	struct fixture *fixture = *state;
	static const char *const nodes[] = {NULL, ""};
	for (size_t i = 0; i < 2; i++) {
		write_installation(fixture, nodes[i] == NULL ? fixture->other.text : nodes[i]);
		assert_int_equal(run(fixture, NULL, NULL), EX_CONFIG);
		assert_non_null(strstr(fixture->output, "a data folder of its own"));
		assert_false(exists(fixture, "nodeagent.id"));
	}
}

static void a_folder_without_installation_keeps_its_node(void **state)
{
	struct fixture *fixture = *state;
	write_text(fixture, "nodeagent.id", "%s\n", fixture->other.text);
	assert_int_equal(run(fixture, NULL, NULL), EX_CONFIG);
	assert_non_null(strstr(fixture->output, fixture->other.text));
	assert_int_equal(run(fixture, "--stop-all", NULL), EX_CONFIG);
}

static void a_stale_trace_of_another_node_gives_way_to_the_installations_own(void **state)
{
	struct fixture *fixture = *state;
	write_installation(fixture, fixture->ours.text);
	write_text(fixture, "nodeagent.id", "%s\n", fixture->other.text);
	serves(fixture);
	serves(fixture);
}

static void a_stale_trace_of_another_node_does_not_hinder_the_end(void **state)
{
	struct fixture *fixture = *state;
	static const char *const nodes[] = {NULL, ""};
	for (size_t i = 0; i < 2; i++) {
		const char *node = nodes[i] == NULL ? fixture->ours.text : nodes[i];
		write_installation(fixture, node);
		set(fixture, 1, "ROOST_NODE_ID", node);
		write_text(fixture, "nodeagent.id", "%s\n", fixture->other.text);
		if (run(fixture, "--stop-all", NULL) != 0 || run(fixture, "--stop-all", "--purge") != 0)
			fail_msg("%s", fixture->output);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(an_agent_without_its_settings_leaves_no_trace),
	    TEST(an_installation_is_for_its_own_node_only),
	    TEST(a_folder_without_installation_keeps_its_node),
	    TEST(a_stale_trace_of_another_node_gives_way_to_the_installations_own),
	    TEST(a_stale_trace_of_another_node_does_not_hinder_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
