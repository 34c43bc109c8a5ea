/* node.logs and workspace.logs, answered by the node that keeps them, and sweep.run, answered by the
 * sweeper; and what happens when the one who is asked is silent, or the controller stops meanwhile. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/wire/message.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	const char *node, *workspace;
	struct fake_agent *agent;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	controllers_open(controllers);
	controllers_setenv(controllers, "ROOST_NODE_CALL_TIMEOUT_MS", "500");
	controllers_setenv(controllers, "ROOST_COMMAND_TIMEOUT_MS", "1000");
	controllers_run(controllers, 0);
	fixture->node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = fixture->node,
	};
	fixture->agent = fake_agent_start(&settings);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	fixture->workspace = make_workspace(controllers, "alice", fixture->node, "api")->id;
	await_workspace(controllers, "alice", fixture->workspace, ROOST__WORKSPACE__STATUS__RUNNING);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static struct call ask_workspace(struct fixture *fixture, Roost__LogsWorkspaceRequest *request)
{
	roost__logs_workspace_request__init(request);
	request->id = fixture->workspace;
	return (struct call){.owner = "alice", .command = "workspace.logs", .request = &request->base};
}

/* S0-30 */
static void lines_come_from_the_node_page_by_page(void **state)
{
	struct fixture *fixture = *state;
	Roost__LogsWorkspaceRequest request;
	struct call call = ask_workspace(fixture, &request);
	fake_agent_writes_log(fixture->agent, fixture->workspace, "cloning");
	fake_agent_writes_log(fixture->agent, NULL, "of the node");
	fake_agent_writes_log(fixture->agent, fixture->workspace, "building");
	request.has_limit = true;
	request.limit = 1;
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__LogsWorkspaceResponse *page = reply_expect_success(&reply, "the first page");
	assert_int_equal(page->n_entries, 1);
	assert_string_equal(page->entries[0]->text, "cloning");
	request.cursor = page->next_cursor;
	reply = call_make(&fixture->controllers, &call);
	page = reply_expect_success(&reply, "the second page");
	assert_string_equal(page->entries[0]->text, "building");
	Roost__LogsNodeRequest of_node = ROOST__LOGS_NODE_REQUEST__INIT;
	of_node.id = fixture->node;
	struct call node = {.owner = "alice", .command = "node.logs", .request = &of_node.base};
	reply = call_make(&fixture->controllers, &node);
	const Roost__LogsNodeResponse *own = reply_expect_success(&reply, "the node's own");
	assert_int_equal(own->n_entries, 1);
	assert_string_equal(own->entries[0]->text, "of the node");
}

/* S0-30: a follower gets the next line when it is written, long after any other call would have ended. */
static void a_follower_waits_longer_than_any_other_call(void **state)
{
	struct fixture *fixture = *state;
	Roost__LogsWorkspaceRequest request;
	struct call call = ask_workspace(fixture, &request);
	struct reply reply;
	request.has_wait_ms = true;
	request.wait_ms = 20000;
	call.timeout_ms = 25000;
	call_send(&fixture->controllers, &call, &reply);
	loop_for(&fixture->controllers.loop, 1700); /* past the deadlines of a call and of a command */
	assert_false(reply.done);
	fake_agent_writes_log(fixture->agent, fixture->workspace, "at last");
	loop_until_true(&fixture->controllers.loop, &reply.done, "the line");
	const Roost__LogsWorkspaceResponse *page = reply_expect_success(&reply, "workspace.logs");
	assert_string_equal(page->entries[0]->text, "at last");
}

static void whoever_waits_for_a_line_is_told_when_the_controller_stops(void **state)
{
	struct fixture *fixture = *state;
	Roost__LogsWorkspaceRequest request;
	struct call call = ask_workspace(fixture, &request);
	struct reply reply;
	request.has_wait_ms = true;
	request.wait_ms = 20000;
	call.timeout_ms = 25000;
	call_send(&fixture->controllers, &call, &reply);
	loop_for(&fixture->controllers.loop, 200);
	int64_t began_ms = clock_monotonic_ms();
	controllers_stop(&fixture->controllers, 0);
	assert_true(clock_monotonic_ms() - began_ms < 5000);
	loop_until_true(&fixture->controllers.loop, &reply.done, "an answer at the end");
	reply_expect_error(&reply, ERROR_PLATFORM_UNAVAILABLE, "a line that nobody wrote");
}

/* D14, S0-29 */
static void what_is_wrong_with_a_question_is_said(void **state)
{
	struct fixture *fixture = *state;
	Roost__LogsWorkspaceRequest request;
	struct call call = ask_workspace(fixture, &request);
	call.owner = "bob";
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_FOUND, "somebody else's log");
	call.owner = "alice";
	request.has_wait_ms = true;
	request.wait_ms = 30001;
	reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "too long a wait");
	assert_non_null(strstr(reply.error.message, "waitMs"));
	request.wait_ms = 0;
	fake_agent_listen(fixture->agent, false);
	loop_for(&fixture->controllers.loop, 50); /* the server learns that nobody listens */
	reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_NODE_UNREACHABLE, "a node that does not listen");
	assert_non_null(strstr(reply_detail(&reply, "reason"), fixture->node));
}

static void hears_and_does_nothing(void *context, const struct incoming *message)
{
	(void)message;
	++*(int *)context;
}

/* Its process hangs: the line is there, and nobody answers. Who asks hears of it within his time, also when a
 * call to a node may take longer than that. */
static void a_node_that_hangs_is_named_before_the_time_is_over(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	Roost__LogsWorkspaceRequest request;
	struct call call = ask_workspace(fixture, &request);
	struct connection *hanging = controllers_connection(controllers, "hanging");
	int heard = 0;
	controllers_stop(controllers, 0);
	controllers_setenv(controllers, "ROOST_NODE_CALL_TIMEOUT_MS", "5000");
	controllers_run(controllers, 0);
	fake_agent_listen(fixture->agent, false);
	connection_subscribe(hanging, arena_printf(controllers->arena, "roost.node.%s.log", fixture->node), NULL,
			     hears_and_does_nothing, &heard);
	loop_for(&controllers->loop, 100); /* the server has noted it */
	call.timeout_ms = 1000;
	struct reply reply = call_make(controllers, &call);
	assert_int_equal(heard, 1);
	reply_expect_error(&reply, ERROR_NODE_UNREACHABLE, "a node that hangs");
	assert_non_null(strstr(reply_detail(&reply, "reason"), "node first ("));
	assert_non_null(strstr(reply_detail(&reply, "reason"), "does not answer"));
}

struct sweeper {
	struct connection *connection;
	char owner[32];
	bool dry_run;
};

static void swept(void *context, const struct incoming *message)
{
	struct sweeper *sweeper = context;
	struct arena *arena = arena_new();
	struct error error;
	const Roost__SweepRequest *request = (const Roost__SweepRequest *)message_unpack(
	    &roost__sweep_request__descriptor, message->data, arena, &error);
	snprintf(sweeper->owner, sizeof(sweeper->owner), "%s", request->owner);
	sweeper->dry_run = request->dry_run;
	Roost__SweepResponse response = ROOST__SWEEP_RESPONSE__INIT;
	Roost__SweepFinding finding = ROOST__SWEEP_FINDING__INIT, *findings[] = {&finding};
	finding.has_pass = true;
	finding.pass = ROOST__SWEEP_FINDING__PASS__STUCK;
	finding.reason = "stopping for an hour";
	response.n_findings = 1;
	response.findings = findings;
	struct outgoing answer = {.subject = message->reply, .data = message_pack(&response.base, arena)};
	connection_publish(sweeper->connection, &answer, NULL);
	arena_free(arena);
}

static void a_sweep_is_the_sweepers_or_there_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	struct call call = {.owner = "alice", .command = "sweep.run", .text = "{\"dryRun\":true}", .json = true};
	struct reply reply = call_make(controllers, &call);
	reply_expect_error(&reply, ERROR_PLATFORM_UNAVAILABLE, "no sweeper");
	assert_non_null(strstr(reply_detail(&reply, "reason"), "the sweeper"));
	struct sweeper sweeper = {.connection = controllers_connection(controllers, "sweeper")};
	connection_subscribe(sweeper.connection, "roost.sweep", "sweepers", swept, &sweeper);
	reply = call_until_final(controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "sweep.run");
	assert_string_equal(sweeper.owner, "alice");
	assert_true(sweeper.dry_run);
	assert_non_null(strstr((const char *)reply.body.data, "\"reason\":\"stopping for an hour\""));
}

/* D15: a session that is starting exists. */
static void the_screen_of_a_starting_session_is_not_said_to_be_missing(void **state)
{
	struct fixture *fixture = *state;
	fake_agent_listen(fixture->agent, false);
	const Roost__AgentSession *session = make_session(&fixture->controllers, "alice", fixture->workspace);
	Roost__OutputSessionRequest request = ROOST__OUTPUT_SESSION_REQUEST__INIT;
	request.id = session->id;
	struct call call = {.owner = "alice", .command = "session.output", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_SESSION_NOT_RUNNING, "session.output");
	assert_non_null(strstr(reply.error.message, "starting"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(lines_come_from_the_node_page_by_page),
	    TEST(a_follower_waits_longer_than_any_other_call),
	    TEST(whoever_waits_for_a_line_is_told_when_the_controller_stops),
	    TEST(a_node_that_hangs_is_named_before_the_time_is_over),
	    TEST(what_is_wrong_with_a_question_is_said),
	    TEST(a_sweep_is_the_sweepers_or_there_is_none),
	    TEST(the_screen_of_a_starting_session_is_not_said_to_be_missing),
	};
	return cmocka_run_group_tests_name("controller_logs", tests, NULL, NULL);
}
