/* Readiness and its deadline, when controllers die and reports come at the wrong time: the log lets one of
 * all the things win that may happen to a workspace that is being made, and the others change nothing
 * (S1-05..S1-12, S1-16, S1-18). */
#include "tests/integration/nodeagent/agent_program.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 4000 };

#define CREATING ROOST__WORKSPACE__STATUS__CREATING
#define RUNNING	 ROOST__WORKSPACE__STATUS__RUNNING
#define STOPPED	 ROOST__WORKSPACE__STATUS__STOPPED
#define FAILED	 ROOST__WORKSPACE__STATUS__ERROR

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;     /* one that builds nothing by itself */
	struct agent_program program; /* or the real one */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_setenv(&fixture->controllers, "PROVISION_TIMEOUT_SECONDS", "4");
	controllers_run(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 1);
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

/* It reports what the test says, and nothing else. */
static void start_fake(struct fixture *fixture)
{
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 50,
	    .manual = true,
	};
	fixture->agent = fake_agent_start(&settings);
	fake_agent_says_node_running(fixture->agent);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
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

/* Its image "slow" takes longer than the deadline. */
static const char *create(struct fixture *fixture, const char *image)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "api";
	request.node_id = fixture->node;
	request.image = image;
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return ((const Roost__CreateWorkspaceResponse *)reply_expect_success(&reply, "workspace.create"))
	    ->workspace->id;
}

static void tell(struct fixture *fixture, const char *command, const ProtobufCMessage *request)
{
	struct call call = {.owner = "alice", .command = command, .request = request};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, command);
}

static const Roost__Workspace *await(struct fixture *fixture, const char *id, Roost__Workspace__Status status)
{
	return await_workspace(&fixture->controllers, "alice", id, status);
}

static int count_events(struct fixture *fixture, const char *id, const char *type)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.workspace_id = id;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	int count = 0;
	for (size_t i = 0; i < response->n_events; i++)
		count += strcmp(response->events[i]->type, type) == 0;
	return count;
}

static bool outbox_is_empty(void *context)
{
	return fake_agent_waiting(((struct fixture *)context)->agent) == 0;
}

static void await_reports(struct fixture *fixture)
{
	loop_until(&fixture->controllers.loop, outbox_is_empty, fixture, PATIENCE_MS, "reports to be taken");
}

/* ---- */

/* Both have the same timers. */
static void two_controllers_fire_each_deadline_once(void **state)
{
	struct fixture *fixture = *state;
	start_fake(fixture);
	const char *ids[10];
	for (int i = 0; i < 10; i++)
		ids[i] = create(fixture, NULL);
	for (int i = 0; i < 10; i++) {
		const Roost__Workspace *workspace = await(fixture, ids[i], FAILED);
		assert_string_equal(workspace->error_message, "Workspace did not become ready within 4000ms");
		assert_int_equal(workspace->provision_timeout_ms, TIMEOUT_MS);
	}
	loop_for(&fixture->controllers.loop, 300);
	for (int i = 0; i < 10; i++)
		assert_int_equal(count_events(fixture, ids[i], "workspace_failed"), 1);
}

/* The other one, which then lives alone, never heard of the create but by the log. */
static const char *create_and_lose_the_creator(struct fixture *fixture)
{
	uint64_t shares[2];
	controllers_kill(&fixture->controllers, 1);
	const char *id = create(fixture, NULL);
	controllers_run(&fixture->controllers, 1);
	controllers_shares(&fixture->controllers, shares, 2); /* until both answer */
	controllers_kill(&fixture->controllers, 0);
	return id;
}

/* S1-09 */
static void the_controller_that_waits_may_die(void **state)
{
	struct fixture *fixture = *state;
	start_fake(fixture);
	const char *id = create_and_lose_the_creator(fixture);
	await(fixture, id, FAILED);
	assert_int_equal(count_events(fixture, id, "workspace_failed"), 1);
}

/* S1-11: the same, and the node is ready in time. */
static void another_controller_hears_that_it_is_ready(void **state)
{
	struct fixture *fixture = *state;
	start_fake(fixture);
	const char *id = create_and_lose_the_creator(fixture);
	fake_agent_says_workspace_running(fixture->agent, id, 1);
	await(fixture, id, RUNNING);
	loop_for(&fixture->controllers.loop, TIMEOUT_MS + 500);
	await(fixture, id, RUNNING);
	assert_int_equal(count_events(fixture, id, "workspace_failed"), 0);
}

/* S1-06, D11: taken, and nothing else; the next generation is another matter. */
static void ready_after_the_timeout_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	start_fake(fixture);
	const char *id = create(fixture, NULL);
	await(fixture, id, FAILED);
	fake_agent_says_workspace_running(fixture->agent, id, 1);
	await_reports(fixture);
	await(fixture, id, FAILED);
	assert_int_equal(count_events(fixture, id, "workspace_running"), 0);
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = id;
	tell(fixture, "workspace.restart", &restart.base);
	fake_agent_says_workspace_running(fixture->agent, id, 1); /* still the old one */
	await_reports(fixture);
	await(fixture, id, CREATING);
	fake_agent_says_workspace_running(fixture->agent, id, 2);
	await(fixture, id, RUNNING);
}

/* S1-16, with the real agent: what is being made is called off. */
static void a_stop_during_creation_wins(void **state)
{
	struct fixture *fixture = *state;
	start_real(fixture);
	const char *id = create(fixture, "slow");
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	stop.id = id;
	tell(fixture, "workspace.stop", &stop.base);
	await(fixture, id, STOPPED);
	loop_for(&fixture->controllers.loop, TIMEOUT_MS + 500);
	await(fixture, id, STOPPED);
	assert_int_equal(count_events(fixture, id, "workspace_running"), 0);
	assert_int_equal(count_events(fixture, id, "workspace_failed"), 0);
}

static bool is_gone(struct fixture *fixture, const char *id)
{
	Roost__GetWorkspaceRequest request = ROOST__GET_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = "alice", .command = "workspace.get", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
	return reply.error.code == ERROR_WORKSPACE_NOT_FOUND;
}

static void a_delete_during_creation_wins(void **state)
{
	struct fixture *fixture = *state;
	start_real(fixture);
	const char *id = create(fixture, "slow");
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	delete.id = id;
	tell(fixture, "workspace.delete", &delete.base);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!is_gone(fixture, id)) {
		assert_true(clock_monotonic_ms() < deadline);
		loop_for(&fixture->controllers.loop, 20);
	}
}

/* S1-12 with the real agent: it is told to stop what came too late, and nothing of it is left. */
static void what_has_failed_is_taken_down(void **state)
{
	struct fixture *fixture = *state;
	char beginning[64];
	start_real(fixture);
	const char *id = create(fixture, "slow");
	await(fixture, id, FAILED);
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	delete.id = id;
	tell(fixture, "workspace.delete", &delete.base);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!is_gone(fixture, id)) {
		assert_true(clock_monotonic_ms() < deadline);
		loop_for(&fixture->controllers.loop, 20);
	}
	snprintf(beginning, sizeof(beginning), "remove %s", id);
	assert_int_equal(agent_program_log_lines(&fixture->program, beginning), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(two_controllers_fire_each_deadline_once),
	    TEST(the_controller_that_waits_may_die),
	    TEST(another_controller_hears_that_it_is_ready),
	    TEST(ready_after_the_timeout_changes_nothing),
	    TEST(a_stop_during_creation_wins),
	    TEST(a_delete_during_creation_wins),
	    TEST(what_has_failed_is_taken_down),
	};
	return cmocka_run_group_tests_name("deadlines", tests, NULL, NULL);
}
