/* Clocks that are ten minutes off, in either direction, change nothing: two controllers, an agent and a
 * sweeper are wrong, the server's clock alone counts. Real programs, with a runtime that needs no
 * sandboxes. */
#include "tests/integration/nodeagent/agent_program.h"
#include "tests/support/controllers.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 3000, STALE_MS = 3000, NEAR_MS = 5000 };

#define AHEAD  "600000"
#define BEHIND "-600000"

struct fixture {
	struct controllers controllers;
	struct agent_program agent;
	struct process sweeper;
	const char *node;
};

static void start_controller(struct fixture *fixture, int index, const char *skew_ms)
{
	const char *environment[] = {arena_printf(fixture->controllers.arena, "ROOST_CLOCK_SKEW_MS=%s", skew_ms), NULL};
	controllers_start(&fixture->controllers, index, environment);
	controllers_wait_ready(&fixture->controllers);
}

/* The program takes it from the test's own environment. */
static void start_agent(struct fixture *fixture, const char *skew_ms)
{
	setenv("ROOST_CLOCK_SKEW_MS", skew_ms, 1);
	agent_program_start(&fixture->agent);
	unsetenv("ROOST_CLOCK_SKEW_MS");
}

static void start_sweeper(struct fixture *fixture, const char *skew_ms)
{
	struct nats_server *server = fixture->controllers.server;
	struct arena *arena = fixture->controllers.arena;
	const char *folder = nats_server_folder(server);
	const char *const argv[] = {ROOST_TEST_BIN "/roost-sweeper", NULL};
	const char *environment[] = {
	    arena_printf(arena, "ROOST_NATS_URL=%s", nats_server_url(server)),
	    arena_printf(arena, "ROOST_CREDENTIALS=%s", nats_server_credentials(server, "sweeper", NULL)),
	    arena_printf(arena, "ROOST_DATABASE=%s/sweeper.db", folder),
	    arena_printf(arena, "ROOST_DATA_DIR=%s", folder),
	    arena_printf(arena, "ROOST_CLOCK_SKEW_MS=%s", skew_ms),
	    "NODE_HEARTBEAT_STALE_SECONDS=3",
	    "SWEEP_GRACE_SECONDS=5",
	    "STOP_TIMEOUT_SECONDS=5",
	    "SWEEP_REMOVED_BUT_RUNNING_SECONDS=1",
	    "SWEEP_UNKNOWN_SECONDS=1",
	    "SWEEP_ABSENT_SECONDS=1",
	    "SWEEP_STUCK_SECONDS=1",
	    "SWEEP_SILENT_NODE_SECONDS=1",
	    "SWEEP_COMPACTION_SECONDS=1",
	    NULL};
	process_start(&fixture->sweeper, argv, environment, arena_printf(arena, "%s/sweeper.log", folder));
}

static void begin(struct fixture *fixture, const char *sweeper_ms, const char *agent_ms)
{
	struct controllers *controllers = &fixture->controllers;
	struct nats_server *server = controllers->server;
	controllers_setenv(controllers, "NODE_HEARTBEAT_STALE_SECONDS", "3");
	controllers_setenv(controllers, "NODE_PROBE_SECONDS", "1");
	controllers_setenv(controllers, "PROVISION_TIMEOUT_SECONDS", "3");
	start_controller(fixture, 0, AHEAD);
	start_controller(fixture, 1, BEHIND);
	fixture->node = make_node(controllers, "alice", "first");
	start_sweeper(fixture, sweeper_ms);
	agent_program_init(&fixture->agent, ROOST_TEST_PROGRAMS "/nodeagent-without-sandboxes",
			   nats_server_folder(server), nats_server_url(server),
			   nats_server_credentials(server, "node", NULL), fixture->node);
	start_agent(fixture, agent_ms);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
}

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
	agent_program_kill(&fixture->agent);
	agent_program_stop_all(&fixture->agent, true);
	process_kill(&fixture->sweeper);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

/* The server runs on this machine, so the test's clock is the server's. */
static void expect_near(int64_t time_ms, const char *what)
{
	int64_t off_ms = time_ms - clock_wall_ms();
	if (off_ms < -PATIENCE_MS || off_ms > NEAR_MS)
		fail_msg("%s is %lld ms off", what, (long long)off_ms);
}

static const Roost__Node *get_node(struct fixture *fixture)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = fixture->node;
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return ((const Roost__GetNodeResponse *)reply_expect_success(&reply, "node.get"))->node;
}

static const Roost__ListEventsResponse *get_events(struct fixture *fixture)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.node_id = fixture->node;
	request.has_limit = true;
	request.limit = 500;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return reply_expect_success(&reply, "event.list");
}

static const char *run_workspace(struct fixture *fixture, const char *name)
{
	const char *id = make_workspace(&fixture->controllers, "alice", fixture->node, name)->id;
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	return id;
}

static void stop_and_start(struct fixture *fixture, const char *id)
{
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	stop.id = restart.id = id;
	struct call calls[] = {{.owner = "alice", .command = "workspace.stop", .request = &stop.base},
			       {.owner = "alice", .command = "workspace.restart", .request = &restart.base}};
	struct reply stopped = call_make(&fixture->controllers, &calls[0]);
	reply_expect_success(&stopped, "workspace.stop");
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPED);
	struct reply restarted = call_make(&fixture->controllers, &calls[1]);
	reply_expect_success(&restarted, "workspace.restart");
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* Neither at once nor ten minutes late. */
static void expect_the_deadline_to_fire_in_time(struct fixture *fixture)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "slow";
	request.node_id = fixture->node;
	request.image = "slow";
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base};
	int64_t began_ms = clock_monotonic_ms();
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__CreateWorkspaceResponse *made = reply_expect_success(&reply, "workspace.create");
	const Roost__Workspace *failed =
	    await_workspace(&fixture->controllers, "alice", made->workspace->id, ROOST__WORKSPACE__STATUS__ERROR);
	int64_t took_ms = clock_monotonic_ms() - began_ms;
	assert_non_null(strstr(failed->error_message, "did not become ready within 3000ms"));
	assert_true(took_ms >= TIMEOUT_MS - 50 && took_ms < TIMEOUT_MS + NEAR_MS);
}

static void expect_a_true_picture(struct fixture *fixture)
{
	for (int64_t end = clock_monotonic_ms() + 2 * STALE_MS + 1000; clock_monotonic_ms() < end;) {
		const Roost__Node *node = get_node(fixture);
		assert_true(!node->has_health_status || node->health_status == ROOST__NODE__HEALTH__HEALTHY);
		loop_for(&fixture->controllers.loop, 100);
	}
	const Roost__Node *node = get_node(fixture);
	assert_true(node->has_health_status);
	expect_near(node->last_heartbeat_at, "lastHeartbeatAt");
	expect_near(node->last_probe_at, "lastProbeAt");
	expect_near(node->created_at, "createdAt");
	const Roost__ListEventsResponse *events = get_events(fixture);
	for (size_t i = 0; i < events->n_events; i++) {
		const char *type = events->events[i]->type;
		expect_near(events->events[i]->created_at, type);
		if (strcmp(type, "node_health_changed") == 0 || strcmp(type, "sweeper_found") == 0 ||
		    strcmp(type, "report_rejected") == 0 || strcmp(type, "log_rolled_back") == 0)
			fail_msg("an event that should not be: %s: %s", type, events->events[i]->message);
	}
	assert_true(events->n_events > 8);
}

static void live(struct fixture *fixture)
{
	const char *id = run_workspace(fixture, "api");
	stop_and_start(fixture, id);
	for (int i = 0; i < 4; i++) /* by either controller */
		run_workspace(fixture, "more");
	expect_the_deadline_to_fire_in_time(fixture);
	expect_a_true_picture(fixture);
}

static void an_agent_behind_and_a_sweeper_ahead_change_nothing(void **state)
{
	begin(*state, AHEAD, BEHIND);
	live(*state);
}

static void an_agent_ahead_and_a_sweeper_behind_change_nothing(void **state)
{
	begin(*state, BEHIND, AHEAD);
	live(*state);
}

/* Lists go by id, and ids by the server's clock, whoever makes them. */
static void things_are_listed_in_the_order_of_their_making(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, AHEAD, AHEAD);
	const char *made[8];
	for (int i = 0; i < 8; i++) {
		made[i] = make_workspace(&fixture->controllers, "alice", fixture->node, "api")->id;
		loop_for(&fixture->controllers.loop, 2); /* an id's time is in milliseconds */
	}
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	struct call call = {.owner = "alice", .command = "workspace.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__ListWorkspacesResponse *list = reply_expect_success(&reply, "workspace.list");
	assert_int_equal(list->n_workspaces, 8);
	for (int i = 0; i < 8; i++)
		assert_string_equal(list->workspaces[7 - i]->id, made[i]);
}

/* A new database of an agent whose clock has been set back counts from an epoch that the log has passed. */
static void an_agent_that_loses_its_database_and_ten_minutes_is_still_heard(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, AHEAD, AHEAD);
	const char *kept = run_workspace(fixture, "kept");
	agent_program_kill(&fixture->agent);
	agent_program_delete_database(&fixture->agent);
	start_agent(fixture, BEHIND);
	run_workspace(fixture, "next"); /* by a report of the new database */
	stop_and_start(fixture, kept);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(an_agent_behind_and_a_sweeper_ahead_change_nothing),
	    TEST(an_agent_ahead_and_a_sweeper_behind_change_nothing),
	    TEST(things_are_listed_in_the_order_of_their_making),
	    TEST(an_agent_that_loses_its_database_and_ten_minutes_is_still_heard),
	};
	return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
