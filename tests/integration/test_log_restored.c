/* A log restored from an older backup under running nodes: nothing that runs is destroyed, the log learns
 * what the nodes know, and what it does not know is kept. Real controllers and the real node agent, with a
 * runtime that needs no sandboxes. */
#include "tests/integration/nodeagent/agent_program.h"
#include "tests/support/controllers.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNNING ROOST__WORKSPACE__STATUS__RUNNING

struct fixture {
	struct controllers controllers;
	struct agent_program agent;
	const char *node;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	struct nats_server *server = fixture->controllers.server;
	controllers_run(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 1);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	agent_program_init(&fixture->agent, ROOST_TEST_PROGRAMS "/nodeagent-without-sandboxes",
			   nats_server_folder(server), nats_server_url(server),
			   nats_server_credentials(server, "node", NULL), fixture->node);
	agent_program_start(&fixture->agent);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	agent_program_kill(&fixture->agent);
	agent_program_stop_all(&fixture->agent, true);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

/* ---- shorthands ---- */

static const char *run_workspace(struct fixture *fixture, const char *name)
{
	const char *id = make_workspace(&fixture->controllers, "alice", fixture->node, name)->id;
	await_workspace(&fixture->controllers, "alice", id, RUNNING);
	return id;
}

static void await_generation(struct fixture *fixture, const char *id, uint32_t generation)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Workspace *workspace = get_workspace(&fixture->controllers, "alice", id);
		if (workspace->generation == generation && workspace->status == RUNNING)
			return;
		if (clock_monotonic_ms() > deadline)
			fail_msg("workspace %s has generation %u and status %d\n%s\n%s", id, workspace->generation,
				 (int)workspace->status, controllers_log(&fixture->controllers, 0),
				 controllers_log(&fixture->controllers, 1));
		loop_for(&fixture->controllers.loop, 20);
	}
}

static void restart(struct fixture *fixture, const char *id, uint32_t generation)
{
	Roost__RestartWorkspaceRequest request = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = "alice", .command = "workspace.restart", .request = &request.base, .key = "r"};
	char key[64];
	snprintf(key, sizeof(key), "restart-%s-%u", id, generation);
	call.key = key;
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "workspace.restart");
	await_generation(fixture, id, generation);
}

static bool is_known(struct fixture *fixture, const char *id)
{
	Roost__GetWorkspaceRequest request = ROOST__GET_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = "alice", .command = "workspace.get", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	if (reply.error.code == ERROR_NONE)
		return true;
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_FOUND, "workspace.get");
	return false;
}

static int count_events(struct fixture *fixture, const char *type)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.node_id = fixture->node;
	request.has_limit = true;
	request.limit = 500;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	int count = 0;
	for (size_t i = 0; i < response->n_events; i++)
		count += strcmp(response->events[i]->type, type) == 0;
	return count;
}

static void await_event(struct fixture *fixture, const char *type)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (count_events(fixture, type) == 0) {
		if (clock_monotonic_ms() > deadline)
			fail_msg("waited in vain for %s\n%s", type, controllers_log(&fixture->controllers, 0));
		loop_for(&fixture->controllers.loop, 50);
	}
}

static int count_lines(struct fixture *fixture, const char *what, const char *id)
{
	char beginning[64];
	snprintf(beginning, sizeof(beginning), "%s %s", what, id);
	return agent_program_log_lines(&fixture->agent, beginning);
}

static void save(struct fixture *fixture)
{
	nats_server_save(fixture->controllers.server);
	nats_server_resume(fixture->controllers.server);
	controllers_wait_ready(&fixture->controllers);
	count_events(fixture, "");
}

static void restore(struct fixture *fixture)
{
	nats_server_restore(fixture->controllers.server);
	nats_server_resume(fixture->controllers.server);
	controllers_wait_ready(&fixture->controllers);
	count_events(fixture, ""); /* until the owner's own connection is there again, too */
}

/* What one of the two controllers alone says of all workspaces. */
static struct bytes tells(struct fixture *fixture, int index)
{
	controllers_kill(&fixture->controllers, 1 - index);
	struct call call = {
	    .owner = "alice", .command = "workspace.list", .text = "{\"limit\":500}", .json = true, .timeout_ms = 1000};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "workspace.list");
	controllers_run(&fixture->controllers, 1 - index);
	return reply.body;
}

static void expect_one_truth(struct fixture *fixture)
{
	struct bytes one = tells(fixture, 0), other = tells(fixture, 1);
	assert_string_equal((const char *)one.data, (const char *)other.data);
}

/* ---- */

static void nothing_that_runs_is_destroyed_and_generations_go_on_above(void **state)
{
	struct fixture *fixture = *state;
	const char *further = run_workspace(fixture, "further"), *same = run_workspace(fixture, "same");
	save(fixture);
	restart(fixture, further, 2);
	restart(fixture, further, 3);
	const char *lost = run_workspace(fixture, "lost");
	restore(fixture);
	await_event(fixture, "log_rolled_back");
	await_generation(fixture, further, 3); /* the node's word */
	await_generation(fixture, same, 1);
	assert_true(count_events(fixture, "workspace_generation_raised") >= 1);
	assert_false(is_known(fixture, lost));
	assert_int_equal(count_lines(fixture, "start", further), 3);
	assert_int_equal(count_lines(fixture, "start", same), 1);
	assert_int_equal(count_lines(fixture, "start", lost), 1);
	assert_int_equal(count_lines(fixture, "stop", same) + count_lines(fixture, "remove", same), 0);
	assert_int_equal(count_lines(fixture, "stop", lost) + count_lines(fixture, "remove", lost), 0);
	assert_int_equal(count_lines(fixture, "stop", further), 2); /* for its two restarts */
	restart(fixture, further, 4);
	expect_one_truth(fixture);
}

/* The same backup twice: the second time the log does not even know the first new epoch. */
static void a_log_that_goes_back_again_is_noticed_again(void **state)
{
	struct fixture *fixture = *state;
	const char *id = run_workspace(fixture, "api");
	save(fixture);
	restart(fixture, id, 2);
	for (uint32_t i = 0; i < 2; i++) {
		restore(fixture);
		await_event(fixture, "log_rolled_back");
		await_generation(fixture, id, 2 + i);
		restart(fixture, id, 3 + i);
	}
	assert_int_equal(count_lines(fixture, "start", id), 4);
	expect_one_truth(fixture);
}

/* Commands that come before the node has said a word to the log that went back. */
static void commands_at_once_are_carried_out(void **state)
{
	struct fixture *fixture = *state;
	const char *id = run_workspace(fixture, "api");
	save(fixture);
	for (uint32_t generation = 2; generation <= 6; generation++)
		restart(fixture, id, generation);
	restore(fixture);
	const char *first = make_workspace(&fixture->controllers, "alice", fixture->node, "first")->id;
	const char *second = make_workspace(&fixture->controllers, "alice", fixture->node, "second")->id;
	await_workspace(&fixture->controllers, "alice", first, RUNNING);
	await_workspace(&fixture->controllers, "alice", second, RUNNING);
	await_generation(fixture, id, 6);
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = "alice", .command = "workspace.stop", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "workspace.stop");
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_int_equal(count_lines(fixture, "start", first), 1);
	assert_int_equal(count_lines(fixture, "start", second), 1);
	expect_one_truth(fixture);
}

/* Nobody was there to see the log go back: controllers and agent start afterwards, controllers with
 * projections of a future that never was. */
static void everything_may_be_down_when_the_log_goes_back(void **state)
{
	struct fixture *fixture = *state;
	const char *id = run_workspace(fixture, "api");
	save(fixture);
	restart(fixture, id, 2);
	const char *lost = run_workspace(fixture, "lost");
	controllers_kill(&fixture->controllers, 0);
	controllers_kill(&fixture->controllers, 1);
	agent_program_kill(&fixture->agent);
	nats_server_restore(fixture->controllers.server);
	nats_server_resume(fixture->controllers.server);
	controllers_run(&fixture->controllers, 0);
	count_events(fixture, "");
	controllers_remove_database(&fixture->controllers, 1);
	controllers_run(&fixture->controllers, 1);
	agent_program_start(&fixture->agent);
	await_event(fixture, "log_rolled_back");
	await_generation(fixture, id, 2);
	assert_false(is_known(fixture, lost));
	assert_int_equal(count_lines(fixture, "start", id), 2);
	assert_int_equal(count_lines(fixture, "start", lost), 1);
	assert_int_equal(count_lines(fixture, "stop", lost) + count_lines(fixture, "remove", lost), 0);
	expect_one_truth(fixture);
}

/* D17: whoever abandons a node that was away while the log went back wants its machine cleared, though it
 * knows more than the log ever will. */
static void a_node_that_knows_more_and_was_abandoned_clears_itself(void **state)
{
	struct fixture *fixture = *state;
	const char *id = run_workspace(fixture, "api");
	save(fixture);
	for (uint32_t generation = 2; generation <= 6; generation++)
		restart(fixture, id, generation);
	agent_program_kill(&fixture->agent);
	restore(fixture);
	struct call call = {.owner = "alice", .command = "node.delete", .json = true, .key = "delete"};
	call.text = arena_printf(fixture->controllers.arena, "{\"id\":\"%s\",\"abandon\":true,\"confirm\":true}",
				 fixture->node);
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "node.delete");
	agent_program_start(&fixture->agent);
	assert_int_equal(process_wait(&fixture->agent.process, 2 * PATIENCE_MS), 0);
	assert_int_equal(count_lines(fixture, "remove", id), 1);
}

/* What the log lost is kept until its owner says that it shall go; and the node goes on as before. */
static void what_was_lost_is_reaped_on_its_owners_word(void **state)
{
	struct fixture *fixture = *state;
	save(fixture);
	const char *lost = run_workspace(fixture, "lost");
	restart(fixture, lost, 2);
	restore(fixture);
	await_event(fixture, "log_rolled_back");
	struct call call = {.owner = "alice", .command = "workspace.reap", .json = true, .key = "reap"};
	call.text = arena_printf(fixture->controllers.arena, "{\"id\":\"%s\",\"nodeId\":\"%s\"}", lost, fixture->node);
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "workspace.reap");
	await_event(fixture, "workspace_deleted");
	assert_int_equal(count_lines(fixture, "remove", lost), 1);
	assert_int_equal(count_events(fixture, "report_rejected"), 0);
	run_workspace(fixture, "next");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_that_runs_is_destroyed_and_generations_go_on_above),
	    TEST(a_log_that_goes_back_again_is_noticed_again),
	    TEST(commands_at_once_are_carried_out),
	    TEST(everything_may_be_down_when_the_log_goes_back),
	    TEST(what_was_lost_is_reaped_on_its_owners_word),
	    TEST(a_node_that_knows_more_and_was_abandoned_clears_itself),
	};
	return cmocka_run_group_tests_name("log restored", tests, NULL, NULL);
}
