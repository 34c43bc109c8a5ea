/* The roost command against a real controller and a node agent that speaks the real protocol: every
 * verb, names, waiting, following. */
#include "tests/support/cli.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	struct fake_agent *agent;
	const char *node;
	struct cli cli;
};

static void start_agent(struct fixture *fixture, bool manual)
{
	struct controllers *controllers = &fixture->controllers;
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 200,
	    .manual = manual,
	};
	fixture->agent = fake_agent_start(&settings);
	fake_agent_says_node_running(fixture->agent);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "here");
	fixture->cli = (struct cli){.loop = &fixture->controllers.loop,
				    .server = fixture->controllers.server,
				    .arena = arena_new(),
				    .owner = "alice"};
	*state = fixture;
	return 0;
}

static int set_up_with_agent(void **state)
{
	set_up(state);
	start_agent(*state, false);
	return 0;
}

static int set_up_with_manual_agent(void **state)
{
	set_up(state);
	start_agent(*state, true);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	arena_free(fixture->cli.arena);
	free(fixture);
	return 0;
}

/* The value of a field in a line of JSON. */
static const char *json_field_of(struct cli *cli, const char *json, const char *name)
{
	const char *found = strstr(json, arena_printf(cli->arena, "\"%s\":\"", name));
	if (found == NULL) {
		fail_msg("no %s in %s", name, json);
		return "";
	}
	const char *value = found + strlen(name) + 4;
	return arena_copy(cli->arena, value, strcspn(value, "\""));
}

/* S0-02, S0-03, S0-11, S0-12: one workspace's whole life. */
static void a_workspace_lives_by_its_name(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	const char *created =
	    cli_expect_done(cli, CLI_WORDS("workspace", "create", "api", "--repo", "https://example.org/x.git",
					   "--branch", "b", "--node", "here", "--env", "A=1", "--wait"));
	expect_in(created, "workspace_created");
	expect_in(created, "workspace_running");
	expect_in(created, "workspace api (");
	expect_in(created, ") is running");
	const char *nodes = cli_expect_done(cli, CLI_WORDS("node", "list"));
	expect_in(nodes, "running");
	expect_in(nodes, "1/");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "list")), "https://example.org/x.git");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "get", "API", "--json")), "\"displayName\":\"api\"");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "stop", "api", "--wait")), ") is stopped");
	cli_expect_refusal(cli, "workspace_not_running", CLI_WORDS("session", "start", "api", "--", "true"));
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "restart", "api", "--wait")), ") is running");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "get", "api")), "generation                       2");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "rename", "api", "backend", "--json")),
		  "\"displayName\":\"backend\"");
	cli_expect_refusal(cli, "workspace_not_found", CLI_WORDS("workspace", "get", "api"));
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "delete", "backend", "--wait")), "is deleted");
	assert_string_equal(cli_expect_done(cli, CLI_WORDS("workspace", "list", "--json")), "[]\n");
	expect_in(cli_expect_done(cli, CLI_WORDS("events")), "workspace_deleted");
}

/* S0-14, S0-16, S0-17 */
static void a_session_lives_by_its_label(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	cli_expect_done(cli, CLI_WORDS("workspace", "create", "api", "--wait"));
	const char *json = cli_expect_done(
	    cli, CLI_WORDS("session", "start", "api", "--label", "shell", "--json", "--", "bash", "-l"));
	const char *id = json_field_of(cli, json, "id");
	cli_expect_done(cli, CLI_WORDS("session", "send", "shell", "--enter", "echo", "hello"));
	assert_string_equal(fake_agent_session(fixture->agent, id)->typed, "echo hello\r");
	cli_expect_done(cli, CLI_WORDS("session", "output", "shell", "--lines", "5"));
	expect_in(cli_expect_done(cli, CLI_WORDS("session", "list", "api")), "shell");
	cli_expect_done(cli, CLI_WORDS("session", "start", "api", "--label", "second", "--wait"));
	expect_in(cli_expect_done(cli, CLI_WORDS("session", "stop", "shell", "--wait")), ") is stopped");
	expect_in(cli_expect_done(cli, CLI_WORDS("session", "wait", id)), "session shell (");
	cli_expect_refusal(cli, "session_not_running", CLI_WORDS("session", "send", "shell", "x"));
	expect_in(cli_expect_done(cli, CLI_WORDS("status")), "running");
	expect_in(cli_expect_done(cli, CLI_WORDS("status", "--json")), "\"sessions\":[{");
}

/* S0-08: two names that differ, one prefix that does not. */
static void names_prefixes_and_ids_mean_one_thing_or_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	const char *first = cli_expect_done(cli, CLI_WORDS("workspace", "create", "api", "--json"));
	const char *second = cli_expect_done(cli, CLI_WORDS("workspace", "create", "api", "--json"));
	const char *id = json_field_of(cli, first, "id");
	expect_in(second, "\"displayName\":\"api (2)\"");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "get", id, "--json")), id);
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "get", "api (2)", "--json")), "api (2)");
	expect_in(cli_expect_refusal(cli, "invalid_argument", CLI_WORDS("workspace", "get", "01")),
		  "may mean 2 workspaces");
	cli_expect_refusal(cli, "workspace_not_found", CLI_WORDS("workspace", "get", "../../etc/passwd"));
	cli_expect_refusal(cli, "node_not_found", CLI_WORDS("workspace", "create", "x", "--node", "elsewhere"));
	cli_expect_refusal(cli, "invalid_argument", CLI_WORDS("workspace", "create", "x", "--repo", "ext::sh -c id"));
}

/* S0-18, D5 */
static void the_same_key_gives_the_same_workspace_and_another_request_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	const char *const *words = CLI_WORDS("workspace", "create", "api", "--idempotency-key", "k1", "--json");
	const char *id = json_field_of(cli, cli_expect_done(cli, words), "id");
	assert_string_equal(json_field_of(cli, cli_expect_done(cli, words), "id"), id);
	cli_expect_refusal(cli, "idempotency_key_reused",
			   CLI_WORDS("workspace", "create", "web", "--idempotency-key", "k1"));
}

struct heard {
	struct cli *cli;
	const struct cli_run *run;
	const char *text;
};

static bool has_said(void *context)
{
	struct heard *heard = context;
	return strstr(cli_so_far(heard->cli, heard->run).output, heard->text) != NULL;
}

static void await_output(struct cli *cli, const struct cli_run *run, const char *text)
{
	struct heard heard = {cli, run, text};
	loop_until(cli->loop, has_said, &heard, PATIENCE_MS, text);
}

/* S0-29, S0-30, S0-33, S1-04: the steps are shown while they happen, and the reason when it fails. */
static void waiting_shows_the_steps_and_the_reason_of_a_failure(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	struct cli_run run;
	cli_start(cli, &run, CLI_WORDS("workspace", "create", "api", "--wait"));
	await_output(cli, &run, "workspace_created");
	const char *id = json_field_of(cli, cli_expect_done(cli, CLI_WORDS("workspace", "get", "api", "--json")), "id");
	fake_agent_says_workspace_step(fixture->agent, id, 1, "clone");
	await_output(cli, &run, "workspace_step");
	fake_agent_says_workspace_failed(fixture->agent, id, 1, "The repository does not exist");
	struct cli_result result = cli_end(cli, &run);
	assert_int_equal(result.status, 1);
	expect_in(result.errors, "roost: provisioning_failed: ");
	expect_in(result.errors, "The repository does not exist");
	expect_in(result.output, "fatal: repository not found");
}

/* S1-09: whoever waits is not disturbed by the controller's end. */
static void waiting_outlives_the_controller(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	struct cli_run run;
	cli->timeout_ms = "1000";
	cli_start(cli, &run, CLI_WORDS("workspace", "create", "api", "--wait"));
	await_output(cli, &run, "workspace_created");
	const char *id = json_field_of(cli, cli_expect_done(cli, CLI_WORDS("workspace", "get", "api", "--json")), "id");
	controllers_kill(&fixture->controllers, 0);
	fake_agent_says_workspace_running(fixture->agent, id, 1);
	controllers_run(&fixture->controllers, 0);
	struct cli_result result = cli_end(cli, &run);
	assert_int_equal(result.status, 0);
	expect_in(result.output, ") is running");
}

static int count_of(const char *text, const char *word)
{
	int count = 0;
	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		count++;
	return count;
}

static void following_shows_each_event_once_over_a_restart_of_everything(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = &fixture->cli;
	struct cli_run run;
	cli_expect_done(cli, CLI_WORDS("workspace", "create", "api", "--wait"));
	cli_start(cli, &run, CLI_WORDS("events", "--follow", "--json"));
	await_output(cli, &run, "workspace_running");
	controllers_kill(&fixture->controllers, 0);
	nats_server_restart(fixture->controllers.server);
	controllers_run(&fixture->controllers, 0);
	for (int i = 0; i < 5; i++)
		cli_expect_done(cli, CLI_WORDS("workspace", "rename", "01", arena_printf(cli->arena, "api-%d", i)));
	await_output(cli, &run, "api-4");
	const char *output = cli_so_far(cli, &run).output;
	assert_int_equal(count_of(output, "\"type\":\"workspace_renamed\""), 5);
	assert_int_equal(count_of(output, "\"type\":\"workspace_created\""), 1);
	process_kill(&run.process);
}

#define WITH(set_up_function, test) cmocka_unit_test_setup_teardown(test, set_up_function, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(set_up_with_agent, a_workspace_lives_by_its_name),
	    WITH(set_up_with_agent, a_session_lives_by_its_label),
	    WITH(set_up_with_agent, names_prefixes_and_ids_mean_one_thing_or_are_refused),
	    WITH(set_up_with_agent, the_same_key_gives_the_same_workspace_and_another_request_is_refused),
	    WITH(set_up_with_manual_agent, waiting_shows_the_steps_and_the_reason_of_a_failure),
	    WITH(set_up_with_manual_agent, waiting_outlives_the_controller),
	    WITH(set_up_with_agent, following_shows_each_event_once_over_a_restart_of_everything),
	};
	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
