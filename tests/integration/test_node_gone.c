/* What comes after a node's deletion: its owner's roster lets go of it, and an agent that still speaks for
 * it hears that it shall go, and nothing else (D17, S0-23). */
#include "tests/integration/nodeagent/agent_program.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;
	struct agent_program program; /* the real agent, when a test has one */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_setenv(&fixture->controllers, "MAX_NODES_PER_USER", "1");
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->agent != NULL)
		fake_agent_stop(fixture->agent);
	if (fixture->program.path != NULL) {
		agent_program_kill(&fixture->program);
		agent_program_stop_all(&fixture->program, true);
	}
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static void start_fake(struct fixture *fixture, bool manual)
{
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 50,
	    .manual = manual,
	};
	fixture->agent = fake_agent_start(&settings);
}

static void start_real(struct fixture *fixture)
{
	struct nats_server *server = fixture->controllers.server;
	agent_program_init(&fixture->program, ROOST_TEST_PROGRAMS "/nodeagent-without-sandboxes",
			   nats_server_folder(server), nats_server_url(server),
			   nats_server_credentials(server, "node", NULL), fixture->node);
	agent_program_start(&fixture->program);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
}

static void delete_node(struct fixture *fixture, bool abandon)
{
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = fixture->node;
	request.has_confirm = request.confirm = true;
	request.has_abandon = request.abandon = abandon;
	struct call call = {.owner = "alice", .command = "node.delete", .request = &request.base, .key = "delete"};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "node.delete");
}

/* MAX_NODES_PER_USER is 1: there is room exactly when the roster has let go. */
static const char *await_room(struct fixture *fixture)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "second";
	struct call call = {.owner = "alice", .command = "node.create", .request = &request.base};
	int64_t deadline = clock_monotonic_ms() + 2 * PATIENCE_MS;
	for (;;) {
		struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
		if (reply.error.code == ERROR_NONE)
			return ((const Roost__CreateNodeResponse *)reply.message)->node->id;
		reply_expect_error(&reply, ERROR_LIMIT_REACHED, "node.create");
		if (clock_monotonic_ms() > deadline)
			fail_msg("the roster does not let go\n%s", controllers_log(&fixture->controllers, 0));
		loop_for(&fixture->controllers.loop, 50);
	}
}

static void a_roster_lets_go_of_a_node_that_never_had_an_agent(void **state)
{
	struct fixture *fixture = *state;
	delete_node(fixture, false);
	await_room(fixture);
}

static void a_roster_lets_go_when_the_node_has_said_its_last_word(void **state)
{
	struct fixture *fixture = *state;
	start_real(fixture);
	make_workspace(&fixture->controllers, "alice", fixture->node, "api");
	delete_node(fixture, false);
	await_room(fixture);
	assert_int_equal(process_wait(&fixture->program.process, PATIENCE_MS), 0);
}

static bool is_told_to_go(void *context)
{
	return fake_agent_wanted_node(((struct fixture *)context)->agent) == ROOST__WANTED_NODE__DESIRED__REMOVE;
}

static bool is_done(void *context)
{
	struct fixture *fixture = context;
	return fake_agent_waiting(fixture->agent) == 0;
}

static uint64_t last_seq(struct fixture *fixture)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	struct call call = {.owner = "alice", .command = "node.list", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	reply_expect_success(&reply, "node.list");
	return reply.seq;
}

/* D17: it reports and is answered, is told to remove everything, and changes nothing. */
static void an_abandoned_node_that_returns_hears_only_that_it_shall_go(void **state)
{
	struct fixture *fixture = *state;
	start_fake(fixture, false);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	const char *id = make_workspace(&fixture->controllers, "alice", fixture->node, "api")->id;
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	fake_agent_stop(fixture->agent);
	fixture->agent = NULL;
	delete_node(fixture, true);
	await_room(fixture);
	uint64_t before = last_seq(fixture);
	start_fake(fixture, true);
	fake_agent_says_workspace_running(fixture->agent, id, 1);
	fake_agent_says_node_running(fixture->agent);
	loop_until(&fixture->controllers.loop, is_told_to_go, fixture, PATIENCE_MS, "the word that it shall go");
	fake_agent_says_node_removed(fixture->agent);
	loop_until(&fixture->controllers.loop, is_done, fixture, PATIENCE_MS, "an empty outbox");
	int beats = fake_agent_beats(fixture->agent);
	loop_for(&fixture->controllers.loop, 500);
	assert_true(fake_agent_beats(fixture->agent) > beats);
	assert_int_equal(fake_agent_applies(fixture->agent), 1); /* told once */
	assert_int_equal(fake_agent_workspace_count(fixture->agent), 0);
	assert_int_equal(last_seq(fixture), before); /* nothing of it is in the log */
}

/* The real agent clears its machine and ends. */
static void an_abandoned_machine_that_returns_clears_itself(void **state)
{
	struct fixture *fixture = *state;
	start_real(fixture);
	const char *id = make_workspace(&fixture->controllers, "alice", fixture->node, "api")->id;
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	agent_program_kill(&fixture->program);
	delete_node(fixture, true);
	await_room(fixture);
	agent_program_start(&fixture->program);
	assert_int_equal(process_wait(&fixture->program.process, 2 * PATIENCE_MS), 0);
	char beginning[64];
	snprintf(beginning, sizeof(beginning), "remove %s", id);
	assert_int_equal(agent_program_log_lines(&fixture->program, beginning), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_roster_lets_go_of_a_node_that_never_had_an_agent),
	    TEST(a_roster_lets_go_when_the_node_has_said_its_last_word),
	    TEST(an_abandoned_node_that_returns_hears_only_that_it_shall_go),
	    TEST(an_abandoned_machine_that_returns_clears_itself),
	};
	return cmocka_run_group_tests_name("node gone", tests, NULL, NULL);
}
