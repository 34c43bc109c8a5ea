/* The roost command over the whole lifecycle: what is asked before something ends, what is said when it
 * does not end, how long anything waits, logs, and tables that say why. */
#include "tests/integration/lifecycle_fixture.h"
#include "tests/support/cli.h"

#include "bus/foundation/clock.h"
#include "bus/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Alice's command line on the fixture's bus. */
static struct cli *cli_of(struct fixture *fixture)
{
	static struct cli cli;
	cli = (struct cli){.loop = &fixture->controllers.loop,
			   .server = fixture->controllers.server,
			   .arena = fixture->controllers.arena,
			   .owner = "alice",
			   .runs = cli.runs};
	return &cli;
}

/* S0-22, S0-23, D10 */
static void a_node_ends_only_when_it_is_said_so(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	running_workspace(fixture, "api", NULL);
	const char *errors = cli_expect_refusal(cli, "confirmation_required", CLI_WORDS("node", "stop", "first"));
	expect_in(errors, "api (running)");
	expect_in(errors, "workspaces: 1");
	expect_in(errors, "Nothing was done. Add --yes");
	const char *stopped = cli_expect_done(cli, CLI_WORDS("node", "stop", "first", "--yes", "--wait"));
	expect_in(stopped, "node_stopping");
	expect_in(stopped, "node first (");
	expect_in(stopped, ") is stopped");
	cli_expect_refusal(cli, "node_not_running", CLI_WORDS("workspace", "restart", "api"));
	expect_in(cli_expect_done(cli, CLI_WORDS("node", "start", "first", "--wait")), ") is running");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "restart", "api", "--wait")), ") is running");
	expect_in(cli_expect_done(cli, CLI_WORDS("node", "stop", "first", "--confirm", "--wait", "--json")),
		  "\"status\":\"stopped\"");
	cli_expect_refusal(cli, "confirmation_required", CLI_WORDS("node", "delete", "first"));
	expect_in(cli_expect_done(cli, CLI_WORDS("node", "delete", "first", "--yes", "--wait")), "is deleted");
	assert_string_equal(cli_expect_done(cli, CLI_WORDS("node", "list", "--json")), "[]\n");
}

static void a_node_that_never_returns_is_abandoned(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	running_workspace(fixture, "api", NULL);
	lifecycle_stop_agent(fixture);
	expect_in(cli_expect_refusal(cli, "confirmation_required", CLI_WORDS("node", "delete", "first", "--abandon")),
		  "api (running)");
	expect_in(cli_expect_done(cli, CLI_WORDS("node", "delete", "first", "--abandon", "--yes")), "is deleted");
}

/* What a person sees and types at a terminal. */
struct terminal {
	pid_t pid;
	int master;
	char seen[8192];
	size_t length;
	const char *wanted;
};

static bool has_seen(void *context)
{
	struct terminal *terminal = context;
	ssize_t got =
	    read(terminal->master, terminal->seen + terminal->length, sizeof(terminal->seen) - 1 - terminal->length);
	if (got > 0)
		terminal->length += (size_t)got;
	terminal->seen[terminal->length] = '\0';
	return strstr(terminal->seen, terminal->wanted) != NULL;
}

static void await_text(struct fixture *fixture, struct terminal *terminal, const char *text)
{
	terminal->wanted = text;
	loop_until(&fixture->controllers.loop, has_seen, terminal, PATIENCE_MS, text);
}

static bool has_ended(void *context)
{
	struct terminal *terminal = context;
	terminal->wanted = "";
	has_seen(terminal);
	return waitpid(terminal->pid, NULL, WNOHANG) == terminal->pid;
}

/* `roost node stop first` at a terminal, up to its question, and what is typed as the answer. */
static void stop_at_a_terminal(struct fixture *fixture, struct terminal *terminal, const char *typed)
{
	struct arena *arena = fixture->controllers.arena;
	struct nats_server *server = fixture->controllers.server;
	char *argv[] = {ROOST_TEST_BIN "/roost", "node", "stop", "first", NULL};
	char *environment[] = {
	    arena_printf(arena, "ROOST_NATS_URL=%s", nats_server_url(server)),
	    arena_printf(arena, "ROOST_CREDENTIALS=%s", nats_server_credentials(server, "client", NULL)),
	    "ROOST_OWNER=alice", NULL};
	*terminal = (struct terminal){0};
	terminal->pid = forkpty(&terminal->master, NULL, NULL, NULL);
	assert_true(terminal->pid >= 0);
	if (terminal->pid == 0) {
		execve(argv[0], argv, environment);
		_exit(127);
	}
	fcntl(terminal->master, F_SETFL, O_NONBLOCK);
	await_text(fixture, terminal, "Type yes to go on: ");
	expect_in(terminal->seen, "api (running)");
	assert_int_equal(write(terminal->master, typed, strlen(typed)), strlen(typed));
	loop_until(&fixture->controllers.loop, has_ended, terminal, PATIENCE_MS, "the end of roost node stop");
	close(terminal->master);
}

/* S0-22: at a terminal it asks, and takes nothing but yes. */
static void at_a_terminal_it_asks(void **state)
{
	struct fixture *fixture = *state;
	struct terminal terminal;
	running_workspace(fixture, "api", NULL);
	stop_at_a_terminal(fixture, &terminal, "no\n");
	expect_in(terminal.seen, "Nothing was done");
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	stop_at_a_terminal(fixture, &terminal, "yes\n");
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__STOPPED);
}

/* S4-26: what is left is said, and an earlier failure is not waited for once more. */
static void a_delete_that_fails_says_what_is_left(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	struct cli_run run;
	const char *id = running_workspace(fixture, "api", NULL);
	cli_start(cli, &run, CLI_WORDS("workspace", "delete", "api", "--wait"));
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__DELETING);
	fake_agent_says_workspace_stop_failed(fixture->agent, id, 1, "3 processes do not end", 3, 0);
	struct cli_result result = cli_end(cli, &run);
	assert_int_equal(result.status, 1);
	expect_in(result.errors, "roost: stop_failed: ");
	expect_in(result.errors, "3 processes do not end");
	expect_in(result.errors, "processes: 3");
	expect_in(result.errors, "stopFailures: 1");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "list")), "3 processes do not end");
	cli_expect_refusal(cli, "stop_failed", CLI_WORDS("workspace", "delete", "api", "--wait"));
	fake_agent_says_workspace_removed(fixture->agent, id);
	await_gone(fixture, "workspace.get", id);
}

/* An exit status of its own: a script can tell it from a failure. */
static void expect_time_over(struct cli_result result, const char *text)
{
	assert_int_equal(result.status, 3);
	expect_in(result.errors, "roost: busy: ");
	expect_in(result.errors, text);
}

/* Every wait has an end, and says that the work goes on. */
static void waiting_ends_with_its_time(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	int64_t began_ms = clock_monotonic_ms();
	expect_time_over(cli_run(cli, CLI_WORDS("workspace", "create", "api", "--wait", "--timeout", "1")),
			 "is creating, and the time for waiting is over; it goes on");
	expect_time_over(cli_run(cli, CLI_WORDS("workspace", "stop", "api", "--wait", "--timeout", "1")),
			 "is stopping");
	expect_time_over(cli_run(cli, CLI_WORDS("workspace", "delete", "api", "--wait", "--timeout", "1")),
			 "is deleting");
	assert_true(clock_monotonic_ms() - began_ms < 20000);
	struct cli_result result = cli_run(cli, CLI_WORDS("workspace", "stop", "api", "--wait", "--timeout", "never"));
	assert_int_equal(result.status, 2);
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

static bool has_warned(void *context)
{
	struct heard *heard = context;
	return strstr(cli_so_far(heard->cli, heard->run).errors, heard->text) != NULL;
}

/* Runs until standard error has the text, then Ctrl-C; what it said. */
static const char *interrupted_after(struct cli *cli, const char *const *words, const char *text, bool of_output)
{
	struct cli_run run;
	struct heard heard = {cli, &run, text};
	cli_start(cli, &run, words);
	loop_until(cli->loop, of_output ? has_said : has_warned, &heard, PATIENCE_MS, text);
	kill(run.process.pid, SIGINT);
	struct cli_result result = cli_end(cli, &run);
	assert_int_not_equal(result.status, 0);
	return result.errors;
}

static void ctrl_c_says_that_it_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	const char *said =
	    interrupted_after(cli, CLI_WORDS("workspace", "create", "api", "--wait"), "workspace_", true);
	expect_in(said, "it goes on. See: roost workspace get 0");
}

/* Nothing will come of it soon, and whoever waits is told why; once. */
static void waiting_for_a_silent_node_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	static const char silent[] = "node first is silent";
	running_workspace(fixture, "api", NULL);
	lifecycle_stop_agent(fixture);
	const char *said =
	    interrupted_after(cli, CLI_WORDS("session", "start", "api", "--wait", "--", "sh"), silent, false);
	assert_null(strstr(strstr(said, silent) + 1, silent));
	interrupted_after(cli, CLI_WORDS("workspace", "restart", "api", "--wait"), silent, false);
	interrupted_after(cli, CLI_WORDS("workspace", "stop", "api", "--wait"), silent, false);
}

/* S0-30 */
static void logs_are_read_and_followed(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	struct cli_run run;
	const char *id = running_workspace(fixture, "api", NULL);
	fake_agent_writes_log(fixture->agent, id, "cloning");
	fake_agent_writes_log(fixture->agent, id, "building");
	fake_agent_writes_log(fixture->agent, NULL, "of the node");
	const char *lines = cli_expect_done(cli, CLI_WORDS("workspace", "logs", "api"));
	expect_in(lines, "cloning");
	expect_in(lines, "building");
	assert_null(strstr(lines, "of the node"));
	lines = cli_expect_done(cli, CLI_WORDS("workspace", "logs", "api", "--lines", "1", "--json"));
	expect_in(lines, "\"text\":\"building\"");
	assert_null(strstr(lines, "cloning"));
	expect_in(cli_expect_done(cli, CLI_WORDS("node", "logs", "first")), "of the node");
	cli_start(cli, &run, CLI_WORDS("workspace", "logs", "api", "--follow"));
	struct heard heard = {cli, &run, "building"};
	loop_until(cli->loop, has_said, &heard, PATIENCE_MS, "what is there");
	fake_agent_writes_log(fixture->agent, id, "and on it goes");
	heard.text = "and on it goes";
	loop_until(cli->loop, has_said, &heard, PATIENCE_MS, "the next line");
	process_kill(&run.process);
}

/* What cannot be deleted keeps no other from it. */
static void several_are_deleted_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	running_workspace(fixture, "one", NULL);
	running_workspace(fixture, "two", NULL);
	struct cli_result result =
	    cli_run(cli, CLI_WORDS("workspace", "delete", "one", "two", "--idempotency-key", "mine"));
	assert_int_equal(result.status, 2);
	expect_in(cli_expect_refusal(cli, "workspace_not_found",
				     CLI_WORDS("workspace", "delete", "one", "nobody", "two", "--wait")),
		  "nobody");
	assert_string_equal(cli_expect_done(cli, CLI_WORDS("workspace", "list", "--json")), "[]\n");
}

static void hears_and_does_nothing(void *context, const struct incoming *message)
{
	(void)message;
	++*(int *)context;
}

/* The agent's process hangs: what is asked of it is heard by somebody who never answers. */
static int *the_agent_hangs(struct fixture *fixture)
{
	static int heard;
	struct connection *hanging = controllers_connection(&fixture->controllers, "hanging");
	heard = 0;
	fake_agent_listen(fixture->agent, false);
	connection_subscribe(hanging, arena_printf(fixture->controllers.arena, "roost.node.%s.log", fixture->node),
			     NULL, hears_and_does_nothing, &heard);
	loop_for(&fixture->controllers.loop, 200); /* the server has noted it */
	return &heard;
}

/* D14: with the times that everything has by default, who asks a node that hangs is told so, once. */
static void a_node_that_hangs_is_named(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	running_workspace(fixture, "api", NULL);
	int *heard = the_agent_hangs(fixture);
	cli->timeout_ms = "5000";
	int64_t began_ms = clock_monotonic_ms();
	expect_in(cli_expect_refusal(cli, "node_unreachable", CLI_WORDS("workspace", "logs", "api")), "node first (");
	assert_true(clock_monotonic_ms() - began_ms < 4500);
	assert_int_equal(*heard, 1);
	expect_in(cli_expect_refusal(cli, "node_unreachable", CLI_WORDS("node", "logs", "first")), "does not answer");
}

/* S2-01, D6: the smaller verbs. */
static void families_rebuilds_and_views(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	cli_expect_done(cli, CLI_WORDS("workspace", "create", "parent", "--wait"));
	cli_expect_done(cli, CLI_WORDS("workspace", "create", "child", "--parent", "parent", "--wait"));
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "collapse", "parent", "--json")), "\"collapsed\":true");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "expand", "parent", "--json")), "\"collapsed\":false");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "list")), "\n  child ");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "get", "parent")), "child (");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "collapse", "parent")), "parent is collapsed");
	const char *listed = cli_expect_done(cli, CLI_WORDS("workspace", "list"));
	expect_in(listed, "parent (1 hidden)");
	assert_null(strstr(listed, "child"));
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "list", "--all")), "\n  child ");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "expand", "parent")), "parent is expanded");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "rebuild", "parent", "--wait")), ") is running");
	cli_expect_done(cli, CLI_WORDS("session", "start", "child", "--label", "shell", "--wait"));
	expect_in(cli_expect_done(cli, CLI_WORDS("session", "get", "shell")), "running");
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "delete", "parent", "--wait")), "is deleted");
	assert_string_equal(cli_expect_done(cli, CLI_WORDS("workspace", "list", "--json")), "[]\n");
	const char *unknown = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
	fake_agent_has_unknown(fixture->agent, unknown, "alice", clock_wall_ms());
	assert_int_equal(cli_run(cli, CLI_WORDS("workspace", "reap", unknown)).status, 2);
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "reap", unknown, "--node", "first")), "is deleting");
	await_gone(fixture, "workspace.get", unknown);
}

/* S4-19: a table says what is wrong. */
static void a_degraded_node_shows_with_its_reason(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	fake_agent_says_node_degraded(fixture->agent, "crun does not answer");
	loop_for(cli->loop, 200);
	const char *nodes = cli_expect_done(cli, CLI_WORDS("node", "list"));
	expect_in(nodes, "degraded");
	expect_in(nodes, "crun does not answer");
	fake_agent_says_node_recovered(fixture->agent);
	loop_for(cli->loop, 200);
	assert_null(strstr(cli_expect_done(cli, CLI_WORDS("node", "list")), "degraded"));
}

static void a_sweep_without_a_sweeper_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	cli->timeout_ms = "1000";
	expect_in(cli_expect_refusal(cli, "platform_unavailable", CLI_WORDS("sweep", "--dry-run")), "the sweeper");
}

struct slow_sweeper {
	struct connection *connection;
	char reply[256];
	uv_timer_t timer;
	int asked;
};

static void sweep_at_last(uv_timer_t *timer)
{
	struct slow_sweeper *sweeper = timer->data;
	struct arena *arena = arena_new();
	Roost__SweepResponse response = ROOST__SWEEP_RESPONSE__INIT;
	struct outgoing answer = {.subject = sweeper->reply, .data = message_pack(&response.base, arena)};
	connection_publish(sweeper->connection, &answer, NULL);
	arena_free(arena);
}

static void sweep_slowly(void *context, const struct incoming *message)
{
	struct slow_sweeper *sweeper = context;
	sweeper->asked++;
	snprintf(sweeper->reply, sizeof(sweeper->reply), "%s", message->reply);
	uv_timer_start(&sweeper->timer, sweep_at_last, 1500, 0);
}

/* A sweep asks every node: it is waited for longer than other commands, and not begun twice. */
static void a_slow_sweep_is_waited_for(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	struct slow_sweeper sweeper = {.connection = controllers_connection(&fixture->controllers, "sweeper")};
	uv_timer_init(cli->loop, &sweeper.timer);
	sweeper.timer.data = &sweeper;
	connection_subscribe(sweeper.connection, "roost.sweep", "sweepers", sweep_slowly, &sweeper);
	loop_for(cli->loop, 200); /* the server has noted it */
	cli->timeout_ms = "2000";
	assert_string_equal(cli_expect_done(cli, CLI_WORDS("sweep", "--json")), "[]\n");
	assert_int_equal(sweeper.asked, 1);
	uv_close((uv_handle_t *)&sweeper.timer, NULL);
	loop_for(cli->loop, 20);
}

static void a_group_explains_its_verbs(void **state)
{
	struct fixture *fixture = *state;
	struct cli *cli = cli_of(fixture);
	expect_in(cli_expect_done(cli, CLI_WORDS("workspace", "--help")), "workspace rebuild <workspace>");
	expect_in(cli_expect_done(cli, CLI_WORDS("help", "node")), "node delete <node>");
	struct cli_result result = cli_run(cli, CLI_WORDS("session"));
	assert_int_equal(result.status, 2);
	expect_in(result.errors, "session get <session>");
	assert_null(strstr(result.errors, "workspace rebuild"));
	result = cli_run(cli, CLI_WORDS("workspace", "explode", "api"));
	assert_int_equal(result.status, 2);
	assert_string_equal(result.errors,
			    "roost: there is no verb \"workspace explode\". See: roost workspace --help\n");
	result = cli_run(cli, CLI_WORDS("explode"));
	assert_string_equal(result.errors, "roost: there is no verb \"explode\". See: roost --help\n");
	expect_in(cli_expect_done(cli, CLI_WORDS("session", "start", "--help")), "600 without it");
}

int main(void)
{
#define MANUAL(name)  cmocka_unit_test_setup_teardown(name, lifecycle_set_up_manual, lifecycle_tear_down)
#define OBEYING(name) cmocka_unit_test_setup_teardown(name, lifecycle_set_up, lifecycle_tear_down)
	const struct CMUnitTest tests[] = {
	    OBEYING(a_node_ends_only_when_it_is_said_so),
	    OBEYING(a_node_that_never_returns_is_abandoned),
	    OBEYING(at_a_terminal_it_asks),
	    MANUAL(a_delete_that_fails_says_what_is_left),
	    MANUAL(waiting_ends_with_its_time),
	    MANUAL(ctrl_c_says_that_it_goes_on),
	    OBEYING(waiting_for_a_silent_node_says_so),
	    OBEYING(logs_are_read_and_followed),
	    OBEYING(a_node_that_hangs_is_named),
	    OBEYING(several_are_deleted_at_once),
	    OBEYING(families_rebuilds_and_views),
	    MANUAL(a_degraded_node_shows_with_its_reason),
	    OBEYING(a_sweep_without_a_sweeper_says_so),
	    OBEYING(a_slow_sweep_is_waited_for),
	    OBEYING(a_group_explains_its_verbs),
	};
	return cmocka_run_group_tests_name("cli_lifecycle", tests, NULL, NULL);
}
