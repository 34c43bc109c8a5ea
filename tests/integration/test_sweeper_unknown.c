/* What carries our label and is in no log (D16, S4-24, S4-27): removed when every proof is there, and
 * spared in every other case; a sweeper with an empty database next to a full node destroys nothing. */
#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "tests/integration/sweeper_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000, FULL = 20 };

static bool is_removed(void *context)
{
	return ((const struct fake_workspace *)context)->removed;
}

static void await_removal(struct sweepers *sweepers, const char *id)
{
	const struct fake_workspace *workspace = fake_agent_workspace(sweepers->agent, id);
	loop_until(&sweepers->controllers.loop, is_removed, (void *)workspace, PATIENCE_MS, "the leftover's removal");
}

static void a_leftover_is_taken_into_the_log_and_removed(void **state)
{
	struct sweepers *sweepers = *state;
	const char *id = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, NULL);
	await_removal(sweepers, id);
	sweepers_await_events(sweepers, "workspace_deleted", 1);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
	assert_int_equal(sweepers_count_events(sweepers, "workspace_found"), 1);
	sweepers_await_looks(sweepers, 3);
	sweepers_stop(sweepers, 0);
	assert_true(sweepers_log_has(sweepers, 0, "ours but unknown: 1 found, 1 sent to the controllers, 1 of them"));
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
}

static void what_is_young_or_not_the_owners_or_no_id_is_spared(void **state)
{
	struct sweepers *sweepers = *state;
	struct fake_agent *agent = sweepers->agent;
	int64_t now = clock_wall_ms();
	const char *spared[] = {sweepers_old_id(sweepers), sweepers_id(sweepers, now), sweepers_old_id(sweepers)};
	fake_agent_has_unknown(agent, spared[0], "alice", now);
	fake_agent_has_unknown(agent, spared[1], "alice", now - 2 * HOUR_MS);
	fake_agent_has_unknown(agent, spared[2], "bob", now - 2 * HOUR_MS);
	fake_agent_has_unknown(agent, "%", "alice", now - 2 * HOUR_MS);
	fake_agent_has_unknown(agent, "__________________________", "alice", now - 2 * HOUR_MS);
	fake_agent_has_unknown(agent, "my-ws-tool", "alice", now - 2 * HOUR_MS);
	uint64_t before = sweepers_last_seq(sweepers);
	sweepers_start(sweepers, 0, NULL);
	sweepers_await_looks(sweepers, 5);
	assert_int_equal(sweepers_last_seq(sweepers), before);
	const Roost__RunSweepResponse *response = sweepers_run(sweepers, "alice", true);
	assert_int_equal(response->n_findings, 3);
	for (int i = 0; i < 3; i++) {
		const Roost__SweepFinding *finding = sweepers_finding(response, spared[i]);
		assert_non_null(finding);
		assert_non_null(strstr(finding->error, i < 2 ? "young" : "owner"));
	}
	assert_int_equal(sweepers_last_seq(sweepers), before);
}

/* The whole log is there, and the sweeper has none of it yet. */
static void an_empty_sweeper_beside_a_full_node_destroys_nothing(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const Roost__Workspace *workspaces[FULL];
	for (int i = 0; i < FULL; i++)
		workspaces[i] = make_workspace(controllers, "alice", sweepers->node, "full");
	for (int i = 0; i < FULL; i++)
		await_workspace(controllers, "alice", workspaces[i]->id, ROOST__WORKSPACE__STATUS__RUNNING);
	const char *leftover = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, NULL);
	await_removal(sweepers, leftover);
	sweepers_await_looks(sweepers, 3);
	for (int i = 0; i < FULL; i++) {
		const struct fake_workspace *there = fake_agent_workspace(sweepers->agent, workspaces[i]->id);
		assert_false(there->removed);
		assert_int_equal(there->desired, ROOST__WANTED_WORKSPACE__DESIRED__RUN);
		assert_int_equal(there->starts, 1);
	}
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
}

static bool names_another_log(void *context, const char *cursor, Roost__InventoryResponse *response,
			      struct arena *arena)
{
	(void)context, (void)cursor, (void)arena;
	response->log_id = "01JZZZZZZZZZZZZZZZZZZZZZZZ";
	return true;
}

static bool holds_too_little(void *context, const char *cursor, Roost__InventoryResponse *response, struct arena *arena)
{
	(void)context, (void)cursor, (void)arena;
	response->held_version = 0;
	return true;
}

static void an_agent_that_does_not_hold_our_log_proves_nothing(void **state)
{
	static fake_inventory_change *const lies[] = {names_another_log, holds_too_little};
	struct sweepers *sweepers = *state;
	const char *id = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, NULL);
	for (int i = 0; i < 2; i++) {
		fake_agent_changes_inventory(sweepers->agent, lies[i], NULL);
		sweepers_await_looks(sweepers, 4);
		assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 0);
		const Roost__SweepFinding *finding = sweepers_finding(sweepers_run(sweepers, "alice", true), id);
		assert_non_null(finding);
		assert_non_null(strstr(finding->error, "does not hold"));
	}
	fake_agent_changes_inventory(sweepers->agent, NULL, NULL);
	await_removal(sweepers, id);
}

/* A gap that the log does not fill: the sweeper's view is not to be trusted. */
static void nothing_is_done_while_the_feed_tells_of_records_that_are_missing(void **state)
{
	struct sweepers *sweepers = *state;
	sweepers_start(sweepers, 0, NULL);
	struct connection *connection = controllers_connection(&sweepers->controllers, "alice");
	struct header header = {"Nats-Sequence", "100000"};
	struct outgoing forged = {.subject = "roost.feed.alice.node.x", .headers = &header, .header_count = 1};
	assert_true(connection_publish(connection, &forged, NULL));
	sweepers_leave_behind(sweepers);
	loop_for(&sweepers->controllers.loop, 4000);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 0);
	assert_true(sweepers_log_has(sweepers, 0, "misses a part of the log"));
	struct call call = {.owner = "alice", .command = "sweep.run", .text = "{}", .json = true};
	struct reply reply = call_make(&sweepers->controllers, &call);
	reply_expect_error(&reply, ERROR_PLATFORM_UNAVAILABLE, "sweep.run");
}

static void two_sweepers_remove_it_once(void **state)
{
	struct sweepers *sweepers = *state;
	const char *ids[3];
	for (int i = 0; i < 3; i++)
		ids[i] = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, NULL);
	sweepers_start(sweepers, 1, NULL);
	for (int i = 0; i < 3; i++)
		await_removal(sweepers, ids[i]);
	sweepers_await_looks(sweepers, 4);
	assert_int_equal(sweepers_count_events(sweepers, "workspace_found"), 3);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 3);
}

static void a_run_acts_no_more_often_than_its_budget(void **state)
{
	static const char *const one_action[] = {"SWEEP_ACTIONS_PER_RUN=1", NULL};
	struct sweepers *sweepers = *state;
	const char *ids[3];
	for (int i = 0; i < 3; i++)
		ids[i] = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, one_action);
	for (int i = 0; i < 3; i++)
		await_removal(sweepers, ids[i]);
	sweepers_stop(sweepers, 0);
	assert_true(sweepers_log_has(sweepers, 0, "ours but unknown: 3 found, 1 sent to the controllers, 1 of them"));
	assert_false(sweepers_log_has(sweepers, 0, " 2 sent to the controllers"));
}

static void a_dry_run_shows_what_would_be_done_and_does_nothing(void **state)
{
	static const char *const never[] = {"SWEEP_UNKNOWN_SECONDS=86400", "SWEEP_ACTIONS_PER_RUN=1",
					    "NODE_HEARTBEAT_STALE_SECONDS=3600", NULL};
	struct sweepers *sweepers = *state;
	const char *first = sweepers_leave_behind(sweepers), *second = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, never);
	loop_for(&sweepers->controllers.loop, 200); /* a beat */
	uint64_t before = sweepers_last_seq(sweepers);
	const Roost__SweepFinding *finding = sweepers_finding(sweepers_run(sweepers, "alice", true), first);
	assert_non_null(strstr(finding->error, "two looks"));
	loop_for(&sweepers->controllers.loop, 2100);
	const Roost__RunSweepResponse *response = sweepers_run(sweepers, "alice", true);
	const char *error = sweepers_finding(response, first)->error;
	const char *other = sweepers_finding(response, second)->error;
	assert_true((error == NULL) != (other == NULL)); /* one of them is beyond the budget */
	assert_non_null(strstr(error == NULL ? other : error, "budget"));
	assert_int_equal(sweepers_run(sweepers, "bob", true)->n_findings, 0);
	assert_int_equal(sweepers_last_seq(sweepers), before);
	response = sweepers_run(sweepers, "alice", false);
	const Roost__SweepFinding *one = sweepers_finding(response, first), *two = sweepers_finding(response, second);
	assert_int_equal(one->acted + two->acted, 1);
	await_removal(sweepers, one->acted ? first : second);
	assert_false(fake_agent_workspace(sweepers->agent, one->acted ? second : first)->removed);
}

static void it_goes_on_after_the_bus_was_away(void **state)
{
	struct sweepers *sweepers = *state;
	sweepers_start(sweepers, 0, NULL);
	sweepers_await_looks(sweepers, 1);
	nats_server_restart(sweepers->controllers.server);
	controllers_wait_ready(&sweepers->controllers);
	const char *id = sweepers_leave_behind(sweepers);
	await_removal(sweepers, id);
	sweepers_await_events(sweepers, "workspace_deleted", 1);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
	sweepers_stop(sweepers, 0);
	assert_true(sweepers_log_has(sweepers, 0, "with 0 gaps"));
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, sweepers_set_up, sweepers_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_leftover_is_taken_into_the_log_and_removed),
	    TEST(what_is_young_or_not_the_owners_or_no_id_is_spared),
	    TEST(an_empty_sweeper_beside_a_full_node_destroys_nothing),
	    TEST(an_agent_that_does_not_hold_our_log_proves_nothing),
	    TEST(nothing_is_done_while_the_feed_tells_of_records_that_are_missing),
	    TEST(two_sweepers_remove_it_once),
	    TEST(a_run_acts_no_more_often_than_its_budget),
	    TEST(it_goes_on_after_the_bus_was_away),
	    TEST(a_dry_run_shows_what_would_be_done_and_does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
