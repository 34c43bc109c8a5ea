/* kill -9 of the controller between the log and the node, and between a claim and its node, with nobody
 * who asks again: what was answered, and what was only claimed, is carried through by whoever comes
 * after (S1-09, S1-11). */
#include "tests/support/cleanup.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	struct fake_agent *agent;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->agent != NULL)
		fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

/* Restarts the controller so that it dies once at the place. */
static void arm(struct fixture *fixture, enum cutpoint place)
{
	struct controllers *controllers = &fixture->controllers;
	const char *environment[] = {arena_printf(controllers->arena, "ROOST_CUTPOINT=%s", cutpoint_name(place)),
				     arena_printf(controllers->arena, "ROOST_CUTPOINT_ONCE=%s/once", cleanup_folder()),
				     NULL};
	controllers_stop(controllers, 0);
	controllers_start(controllers, 0, environment);
	controllers_wait_ready(controllers);
}

static bool has_died(void *context)
{
	return process_ended(&((struct fixture *)context)->controllers.processes[0]);
}

static void die_between_the_log_and_the_node(struct fixture *fixture, enum cutpoint place)
{
	struct controllers *controllers = &fixture->controllers;
	controllers_run(controllers, 0);
	const char *node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = node,
	    .beat_ms = 100,
	};
	fixture->agent = fake_agent_start(&settings);
	await_node(controllers, "alice", node, ROOST__NODE__STATUS__RUNNING);
	arm(fixture, place);
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "api";
	request.node_id = node;
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base, .key = "k"};
	struct reply reply;
	call_send(controllers, &call, &reply);
	loop_until(&controllers->loop, has_died, fixture, PATIENCE_MS, "the controller's death");
	controllers_start(controllers, 0, NULL);
	struct reply again = call_until_final(controllers, &call, PATIENCE_MS);
	const Roost__CreateWorkspaceResponse *response = reply_expect_success(&again, "workspace.create");
	const char *id = response->workspace->id;
	await_workspace(controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(fake_agent_workspace_count(fixture->agent), 1);
	assert_int_equal(fake_agent_workspace(fixture->agent, id)->starts, 1);
	while (!reply.done)
		loop_for(&controllers->loop, 10);
}

static void a_controller_dies_before_it_tells_the_node(void **state)
{
	die_between_the_log_and_the_node(*state, CUTPOINT_CONTROLLER_BEFORE_APPLY);
}

static void a_controller_dies_when_the_node_has_stored_it(void **state)
{
	die_between_the_log_and_the_node(*state, CUTPOINT_CONTROLLER_APPLY_STORED);
}

/* The client gives up at once; the claim would hold its place for ever. */
static void a_claim_whose_maker_died_is_completed_by_another_controller(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	controllers_run(controllers, 0);
	arm(fixture, CUTPOINT_CONTROLLER_CLAIM_ACKNOWLEDGED);
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "claimed";
	struct call call = {.owner = "alice", .command = "node.create", .request = &request.base, .key = "k"};
	struct reply reply;
	call_send(controllers, &call, &reply);
	loop_until(&controllers->loop, has_died, fixture, PATIENCE_MS, "the controller's death");
	controllers_run(controllers, 1);
	Roost__ListNodesRequest list = ROOST__LIST_NODES_REQUEST__INIT;
	struct call ask = {.owner = "alice", .command = "node.list", .request = &list.base};
	const Roost__ListNodesResponse *nodes;
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	do {
		assert_true(clock_monotonic_ms() < deadline);
		loop_for(&controllers->loop, 50);
		struct reply answer = call_make(controllers, &ask);
		nodes = reply_expect_success(&answer, "node.list");
	} while (nodes->n_nodes == 0);
	assert_int_equal(nodes->n_nodes, 1);
	/* A late retry gets what was made for it. */
	struct reply late = call_until_final(controllers, &call, PATIENCE_MS);
	const Roost__CreateNodeResponse *response = reply_expect_success(&late, "node.create");
	assert_string_equal(response->node->id, nodes->nodes[0]->id);
	while (!reply.done)
		loop_for(&controllers->loop, 10);
}

static const char *create_node(struct controllers *controllers)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "one";
	struct call call = {.owner = "alice", .command = "node.create", .request = &request.base, .timeout_ms = 1000};
	int64_t deadline = clock_monotonic_ms() + 2 * PATIENCE_MS;
	for (;;) {
		struct reply reply = call_until_final(controllers, &call, PATIENCE_MS);
		if (reply.error.code == ERROR_NONE)
			return ((const Roost__CreateNodeResponse *)reply.message)->node->id;
		reply_expect_error(&reply, ERROR_LIMIT_REACHED, "node.create");
		if (clock_monotonic_ms() > deadline)
			fail_msg("the roster does not let go\n%s", controllers_log(controllers, 1));
		loop_for(&controllers->loop, 20);
	}
}

/* An owner who may have one node makes and deletes nodes until the controller has died between a deletion
 * and the roster's letting go. The other one, which lived all the time, gets the record again. */
static void a_deleted_node_is_let_go_by_the_controller_that_lives(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	controllers_setenv(controllers, "MAX_NODES_PER_USER", "1");
	controllers_run(controllers, 0);
	controllers_run(controllers, 1);
	arm(fixture, CUTPOINT_CONTROLLER_BEFORE_RELEASE);
	for (int i = 0; i < 50 && !has_died(fixture); i++) {
		Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
		char key[16];
		request.id = create_node(controllers);
		snprintf(key, sizeof(key), "delete-%d", i);
		struct call call = {.owner = "alice",
				    .command = "node.delete",
				    .request = &request.base,
				    .key = key,
				    .timeout_ms = 1000};
		struct reply reply = call_until_final(controllers, &call, PATIENCE_MS);
		reply_expect_success(&reply, "node.delete");
		loop_for(&controllers->loop, 20);
	}
	loop_until(&controllers->loop, has_died, fixture, PATIENCE_MS, "the controller's death");
	create_node(controllers);
}

/* Nobody else lived: the next controller looks through the rosters. */
static void a_deleted_node_is_let_go_by_the_controller_that_comes(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	controllers_setenv(controllers, "MAX_NODES_PER_USER", "1");
	controllers_run(controllers, 0);
	arm(fixture, CUTPOINT_CONTROLLER_BEFORE_RELEASE);
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = create_node(controllers);
	struct call call = {.owner = "alice", .command = "node.delete", .request = &request.base, .key = "delete"};
	struct reply reply;
	call_send(controllers, &call, &reply);
	loop_until(&controllers->loop, has_died, fixture, PATIENCE_MS, "the controller's death");
	controllers_remove_database(controllers, 0);
	controllers_run(controllers, 0);
	int64_t began = clock_monotonic_ms();
	create_node(controllers);
	assert_true(clock_monotonic_ms() - began < 5000); /* long before the record comes again */
	while (!reply.done)
		loop_for(&controllers->loop, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_controller_dies_before_it_tells_the_node),
	    TEST(a_controller_dies_when_the_node_has_stored_it),
	    TEST(a_claim_whose_maker_died_is_completed_by_another_controller),
	    TEST(a_deleted_node_is_let_go_by_the_controller_that_lives),
	    TEST(a_deleted_node_is_let_go_by_the_controller_that_comes),
	};
	return cmocka_run_group_tests_name("effects at cut-points", tests, NULL, NULL);
}
