/* waitMs on stops and deletes: the answer is the outcome, whichever controller was asked and whichever took
 * the node's word; what could not be stopped is counted; and whoever hangs up changes nothing. */
#include "tests/integration/lifecycle_fixture.h"

#include "bus/foundation/clock.h"

#include <stdlib.h>
#include <string.h>

/* S1-11, S4-26: over two controllers the one that is asked is often not the one that hears of the end. */
static void a_stop_is_answered_when_the_node_says_so(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 8; i++) {
		struct reply reply;
		const char *id = running_workspace(fixture, "api", NULL);
		ask_later(fixture, &reply, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":20000}", id);
		await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPING);
		assert_false(reply.done);
		fake_agent_says_workspace_stopped(fixture->agent, id, 1);
		loop_until_true(&fixture->controllers.loop, &reply.done, "the end of the stop");
		expect_answer(&reply, "\"status\":\"stopped\"");
		reply = ask(fixture, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":20000}", id);
		expect_answer(&reply, "\"status\":\"stopped\""); /* nothing to wait for */
	}
}

/* S4-25, S4-26, D12 */
static void what_could_not_be_removed_is_counted_and_a_retry_says_the_same_until_it_is_gone(void **state)
{
	struct fixture *fixture = *state;
	const char *id = running_workspace(fixture, "api", NULL);
	struct reply reply;
	ask_later(fixture, &reply, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":20000}", id);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__DELETING);
	fake_agent_says_workspace_stop_failed(fixture->agent, id, 1, "3 processes do not end", 3, 1);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the failure");
	for (int again = 0; again < 2; again++) {
		reply_expect_error(&reply, ERROR_STOP_FAILED, "a delete that failed");
		assert_non_null(strstr(reply.error.message, "3 processes do not end"));
		assert_string_equal(reply_detail(&reply, "removedCount"), "0");
		assert_string_equal(reply_detail(&reply, "stopFailures"), "1");
		assert_string_equal(reply_detail(&reply, "processes"), "3");
		assert_string_equal(reply_detail(&reply, "mounts"), "1");
		assert_string_equal(reply_detail(&reply, "failed"), "api");
		reply = ask(fixture, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":20000}", id);
	}
	fake_agent_says_workspace_removed(fixture->agent, id);
	await_gone(fixture, "workspace.get", id);
}

static void a_stop_that_failed_can_be_tried_again_and_then_succeeds(void **state)
{
	struct fixture *fixture = *state;
	const char *id = running_workspace(fixture, "api", NULL);
	struct reply reply;
	ask_later(fixture, &reply, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":20000}", id);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPING);
	fake_agent_says_workspace_stop_failed(fixture->agent, id, 1, "A process does not end", 1, 0);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the failure");
	reply_expect_error(&reply, ERROR_STOP_FAILED, "a stop that failed");
	ask_later(fixture, &reply, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":20000}", id);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPING);
	fake_agent_says_workspace_stopped(fixture->agent, id, 1);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the end of the second stop");
	expect_answer(&reply, "\"status\":\"stopped\"");
}

/* S4-25: over all descendants, with how many went. */
static void a_family_is_waited_for_as_a_whole(void **state)
{
	struct fixture *fixture = *state;
	const char *parent = running_workspace(fixture, "parent", NULL);
	const char *child = running_workspace(fixture, "child", parent);
	const char *grandchild = running_workspace(fixture, "grandchild", child);
	struct reply reply;
	ask_later(fixture, &reply, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":20000}", parent);
	await_workspace(&fixture->controllers, "alice", grandchild, ROOST__WORKSPACE__STATUS__DELETING);
	fake_agent_says_workspace_removed(fixture->agent, parent);
	fake_agent_says_workspace_stop_failed(fixture->agent, grandchild, 1, "It is mounted", 0, 2);
	await_gone(fixture, "workspace.get", parent);
	assert_false(reply.done); /* the child is still under way */
	fake_agent_says_workspace_removed(fixture->agent, child);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the family's end");
	reply_expect_error(&reply, ERROR_STOP_FAILED, "a family of which one stays");
	assert_string_equal(reply_detail(&reply, "removedCount"), "2");
	assert_string_equal(reply_detail(&reply, "stopFailures"), "1");
	assert_string_equal(reply_detail(&reply, "mounts"), "2");
	assert_string_equal(reply_detail(&reply, "failed"), "grandchild");
}

static void a_family_that_goes_is_counted(void **state)
{
	struct fixture *fixture = *state;
	const char *parent = running_workspace(fixture, "parent", NULL);
	running_workspace(fixture, "one", parent);
	running_workspace(fixture, "two", parent);
	struct reply reply = ask(fixture, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":20000}", parent);
	expect_answer(&reply, "\"cascadeDeleted\":2");
	expect_answer(&reply, "\"status\":\"deleted\"");
	reply = ask(fixture, "workspace.list", "{}");
	expect_answer(&reply, "\"workspaces\":[]");
}

static void when_the_time_is_over_the_present_state_is_the_answer(void **state)
{
	struct fixture *fixture = *state;
	const char *id = running_workspace(fixture, "api", NULL);
	int64_t began_ms = clock_monotonic_ms();
	struct reply reply = ask(fixture, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":300}", id);
	expect_answer(&reply, "\"status\":\"stopping\"");
	assert_in_range(clock_monotonic_ms() - began_ms, 300, 5000);
	reply = ask(fixture, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":300}", id);
	expect_answer(&reply, "\"status\":\"deleting\"");
	reply = ask(fixture, "workspace.delete", "{\"id\":\"%s\",\"waitMs\":60001}", id);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "too long a wait");
}

/* S1-09: neither the end of the controller that is asked nor its being away holds anybody. */
static void whoever_waits_is_answered_when_the_controller_stops(void **state)
{
	struct fixture *fixture = *state;
	const char *id = running_workspace(fixture, "api", NULL);
	struct reply reply;
	controllers_stop(&fixture->controllers, 1);
	ask_later(fixture, &reply, "workspace.stop", "{\"id\":\"%s\",\"waitMs\":20000}", id);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPING);
	controllers_stop(&fixture->controllers, 0);
	loop_until_true(&fixture->controllers.loop, &reply.done, "an answer at the end");
	expect_answer(&reply, "\"status\":\"stopping\"");
}

/* S4-23, S4-26: the client goes away in the middle; what it began ends, and so does what failed. */
static void a_client_that_hangs_up_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	struct error error;
	const char *id = running_workspace(fixture, "api", NULL);
	struct connection_settings settings = {
	    .name = "hasty",
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "client", NULL),
	    .inbox_user = "alice",
	};
	struct connection *hasty = connection_open(&controllers->loop, &settings, &error);
	const char *text = arena_printf(controllers->arena, "{\"id\":\"%s\",\"waitMs\":20000}", id);
	struct header json = {"Content-Type", "application/json"};
	char *inbox = connection_new_inbox(hasty, controllers->arena);
	struct outgoing message = {.subject = "roost.cmd.alice.workspace.delete",
				   .reply = inbox,
				   .data = {(const unsigned char *)text, strlen(text)},
				   .headers = &json,
				   .header_count = 1};
	while (!connection_publish(hasty, &message, &error))
		loop_for(&controllers->loop, 10);
	await_workspace(controllers, "alice", id, ROOST__WORKSPACE__STATUS__DELETING);
	connection_close(hasty, NULL, NULL);
	fake_agent_says_workspace_stop_failed(fixture->agent, id, 1, "A process does not end", 1, 0);
	struct reply events;
	do {
		loop_for(&controllers->loop, 10);
		events = ask(fixture, "event.list", "{\"workspaceId\":\"%s\"}", id);
		reply_expect_success(&events, "event.list");
	} while (strstr((const char *)events.body.data, "workspace_stop_failed") == NULL);
	fake_agent_says_workspace_removed(fixture->agent, id);
	await_gone(fixture, "workspace.get", id);
}

/* D5: how long somebody waits is no part of what is asked. */
static void a_retry_may_be_more_patient(void **state)
{
	struct fixture *fixture = *state;
	const char *id = running_workspace(fixture, "api", NULL);
	struct call call = {.owner = "alice", .command = "workspace.delete", .json = true, .key = "k"};
	call.text = arena_printf(fixture->controllers.arena, "{\"id\":\"%s\"}", id);
	struct reply reply = call_make(&fixture->controllers, &call);
	expect_answer(&reply, "\"status\":\"deleting\"");
	call.text = arena_printf(fixture->controllers.arena, "{\"id\":\"%s\",\"waitMs\":20000}", id);
	call.timeout_ms = 30000;
	call_send(&fixture->controllers, &call, &reply);
	fake_agent_says_workspace_removed(fixture->agent, id);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the retry");
	expect_answer(&reply, "\"status\":\"deleted\"");
}

/* S4-25, S4-26: a node counts what is left on its whole machine. */
static void a_node_that_cannot_be_cleared_says_what_is_left(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply;
	const char *id = running_workspace(fixture, "api", NULL);
	ask_later(fixture, &reply, "node.delete", "{\"id\":\"%s\",\"confirm\":true,\"waitMs\":20000}", fixture->node);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__DELETING);
	fake_agent_says_workspace_stop_failed(fixture->agent, id, 1, "A process does not end", 2, 0);
	fake_agent_says_node_stop_failed(fixture->agent, "2 processes are left", 2, 1);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the failure");
	reply_expect_error(&reply, ERROR_STOP_FAILED, "a node that is not clear");
	assert_non_null(strstr(reply.error.message, "2 processes are left"));
	assert_string_equal(reply_detail(&reply, "processes"), "2");
	assert_string_equal(reply_detail(&reply, "workspaces"), "1");
	ask_later(fixture, &reply, "node.delete", "{\"id\":\"%s\",\"waitMs\":100}", fixture->node);
	loop_until_true(&fixture->controllers.loop, &reply.done, "the same once more");
	reply_expect_error(&reply, ERROR_STOP_FAILED, "a node that still is not clear");
	fake_agent_says_workspace_removed(fixture->agent, id);
	fake_agent_says_node_removed(fixture->agent);
	await_gone(fixture, "node.get", fixture->node);
}

int main(void)
{
#define MANUAL(name)  cmocka_unit_test_setup_teardown(name, lifecycle_set_up_manual, lifecycle_tear_down)
#define OBEYING(name) cmocka_unit_test_setup_teardown(name, lifecycle_set_up, lifecycle_tear_down)
	const struct CMUnitTest tests[] = {
	    MANUAL(a_stop_is_answered_when_the_node_says_so),
	    MANUAL(what_could_not_be_removed_is_counted_and_a_retry_says_the_same_until_it_is_gone),
	    MANUAL(a_stop_that_failed_can_be_tried_again_and_then_succeeds),
	    MANUAL(a_family_is_waited_for_as_a_whole),
	    OBEYING(a_family_that_goes_is_counted),
	    MANUAL(when_the_time_is_over_the_present_state_is_the_answer),
	    MANUAL(whoever_waits_is_answered_when_the_controller_stops),
	    MANUAL(a_client_that_hangs_up_changes_nothing),
	    MANUAL(a_retry_may_be_more_patient),
	    MANUAL(a_node_that_cannot_be_cleared_says_what_is_left),
	};
	return cmocka_run_group_tests_name("controller_waiting", tests, NULL, NULL);
}
