/* What the other passes find and what becomes of it: removed but running, absent, stuck, silent (D3, D12,
 * D13, S4-24..27). Each pass has its switch, and what fails in one is no other's concern. */
#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "tests/integration/sweeper_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

/* Leaves out of the inventory what has this id; adds it when it is not there. */
struct forgery {
	const char *without, *with;
	bool fails;
};

static void forge_workspace(Roost__InventoryResponse *response, const char *id, struct arena *arena)
{
	Roost__InventoryResponse__Workspace *row;
	for (size_t i = 0; i < response->n_workspaces; i++)
		if (strcmp(response->workspaces[i]->id, id) == 0)
			return;
	Roost__InventoryResponse__Workspace **rows =
	    arena_array_of(arena, Roost__InventoryResponse__Workspace *, response->n_workspaces + 1);
	for (size_t i = 0; i < response->n_workspaces; i++)
		rows[i] = response->workspaces[i];
	arena_message(arena, row, roost__inventory_response__workspace__init);
	row->id = id;
	row->has_generation = row->has_running = row->has_known = true;
	row->generation = 1;
	row->running = row->known = true;
	row->owner = "alice";
	response->workspaces = rows;
	response->workspaces[response->n_workspaces++] = row;
}

static bool forge(void *context, const char *cursor, Roost__InventoryResponse *response, struct arena *arena)
{
	const struct forgery *forgery = context;
	(void)cursor;
	for (size_t i = 0; forgery->without != NULL && i < response->n_workspaces; i++)
		if (strcmp(response->workspaces[i]->id, forgery->without) == 0)
			response->workspaces[i] = response->workspaces[--response->n_workspaces];
	for (size_t i = 0; forgery->without != NULL && i < response->n_sessions; i++)
		if (strcmp(response->sessions[i], forgery->without) == 0)
			response->sessions[i] = response->sessions[--response->n_sessions];
	if (forgery->with != NULL)
		forge_workspace(response, forgery->with, arena);
	return !forgery->fails;
}

static const char *running_workspace(struct sweepers *sweepers, const char *name)
{
	struct controllers *controllers = &sweepers->controllers;
	const char *id = make_workspace(controllers, "alice", sweepers->node, name)->id;
	await_workspace(controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	return id;
}

static void command(struct sweepers *sweepers, const char *name, const char *id)
{
	const char *text = arena_printf(sweepers->controllers.arena, "{\"id\":\"%s\"}", id);
	struct call call = {.owner = "alice", .command = name, .text = text, .json = true};
	struct reply reply = call_make(&sweepers->controllers, &call);
	reply_expect_success(&reply, name);
}

static void a_workspace_whose_sandbox_is_gone_becomes_an_error_once(void **state)
{
	struct sweepers *sweepers = *state;
	const char *lost = running_workspace(sweepers, "lost"), *other = running_workspace(sweepers, "other");
	struct forgery forgery = {.without = lost};
	fake_agent_changes_inventory(sweepers->agent, forge, &forgery);
	sweepers_start(sweepers, 0, NULL);
	const Roost__Workspace *workspace =
	    await_workspace(&sweepers->controllers, "alice", lost, ROOST__WORKSPACE__STATUS__ERROR);
	assert_non_null(workspace->error_message);
	sweepers_await_looks(sweepers, 3);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
	assert_int_equal(get_workspace(&sweepers->controllers, "alice", other)->status,
			 ROOST__WORKSPACE__STATUS__RUNNING);
}

static void a_session_without_a_host_becomes_an_error(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const char *workspace = running_workspace(sweepers, "api");
	const char *lost = make_session(controllers, "alice", workspace)->id;
	const char *other = make_session(controllers, "alice", workspace)->id;
	await_session(controllers, "alice", lost, ROOST__AGENT_SESSION__STATUS__RUNNING);
	await_session(controllers, "alice", other, ROOST__AGENT_SESSION__STATUS__RUNNING);
	struct forgery forgery = {.without = lost};
	fake_agent_changes_inventory(sweepers->agent, forge, &forgery);
	sweepers_start(sweepers, 0, NULL);
	await_session(controllers, "alice", lost, ROOST__AGENT_SESSION__STATUS__ERROR);
	sweepers_await_looks(sweepers, 3);
	assert_int_equal(get_session(controllers, "alice", other)->status, ROOST__AGENT_SESSION__STATUS__RUNNING);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
}

struct version {
	const struct fake_agent *agent;
	const char *id;
	uint64_t above;
};

static bool is_told_again(void *context)
{
	const struct version *version = context;
	return fake_agent_workspace(version->agent, version->id)->version > version->above;
}

static void await_told_again(struct sweepers *sweepers, const char *id)
{
	struct version version = {sweepers->agent, id, fake_agent_workspace(sweepers->agent, id)->version};
	loop_until(&sweepers->controllers.loop, is_told_again, &version, PATIENCE_MS, "the node being told again");
}

/* In place of the agent one that takes everything and does nothing. */
static void idle_agent(struct sweepers *sweepers)
{
	struct controllers *controllers = &sweepers->controllers;
	fake_agent_stop(sweepers->agent);
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = sweepers->node,
	    .beat_ms = 50,
	    .manual = true,
	};
	sweepers->agent = fake_agent_start(&settings);
}

static bool is_deleted(void *context)
{
	struct sweepers *sweepers = context;
	loop_for(&sweepers->controllers.loop, 20);
	return sweepers_count_events(sweepers, "workspace_deleted") == 1;
}

static void what_was_deleted_and_is_still_there_is_removed_again(void **state)
{
	struct sweepers *sweepers = *state;
	const char *id = running_workspace(sweepers, "undead");
	command(sweepers, "workspace.delete", id);
	wait_until(is_deleted, sweepers, PATIENCE_MS, "the delete");
	struct forgery forgery = {.with = id};
	fake_agent_changes_inventory(sweepers->agent, forge, &forgery);
	sweepers_start(sweepers, 0, NULL);
	await_told_again(sweepers, id);
	sweepers_await_events(sweepers, "sweeper_found", 1);
}

/* A node that beats and does nothing: what it should end, it is asked for again and again, more rarely
 * each time. */
static void what_is_stuck_is_asked_for_again(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const char *id = running_workspace(sweepers, "stuck");
	idle_agent(sweepers);
	command(sweepers, "workspace.stop", id);
	sweepers_start(sweepers, 0, NULL);
	sweepers_await_events(sweepers, "sweeper_found", 2);
	await_told_again(sweepers, id);
	assert_int_equal(get_workspace(controllers, "alice", id)->status, ROOST__WORKSPACE__STATUS__STOPPING);
	fake_agent_says_workspace_stopped(sweepers->agent, id, 1);
	await_workspace(controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPED);
}

/* D3: one event, and the workspaces keep their last known state. */
static void a_silent_node_is_told_of_once(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const char *id = running_workspace(sweepers, "far away");
	sweepers_start(sweepers, 0, NULL);
	fake_agent_stop(sweepers->agent);
	sweepers->agent = NULL;
	sweepers_await_events(sweepers, "sweeper_found", 1);
	loop_for(&controllers->loop, 2500);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
	assert_int_equal(get_workspace(controllers, "alice", id)->status, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* S4-27: the node cannot say what it has, and what is stuck is found all the same. */
static void an_inventory_that_fails_blocks_no_other_pass(void **state)
{
	struct sweepers *sweepers = *state;
	const char *id = running_workspace(sweepers, "stuck");
	struct forgery forgery = {.fails = true};
	idle_agent(sweepers);
	fake_agent_changes_inventory(sweepers->agent, forge, &forgery);
	command(sweepers, "workspace.stop", id);
	sweepers_start(sweepers, 0, NULL);
	sweepers_await_events(sweepers, "sweeper_found", 1);
	sweepers_await_looks(sweepers, 2);
	assert_true(sweepers_log_has(sweepers, 0, "ours but unknown: the look was not complete"));
}

static void hears_and_does_nothing(void *context, const struct incoming *message)
{
	(void)message;
	++*(int *)context;
}

/* S4-27: the agent's process hangs. Who asks for a sweep gets the other findings well within his time, and is
 * told whose are missing. */
static void a_sweep_goes_on_without_a_node_that_hangs(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const char *id = running_workspace(sweepers, "stuck");
	static const char *const by_demand_only[] = {"SWEEP_STUCK_SECONDS=86400", NULL};
	int heard = 0;
	idle_agent(sweepers);
	command(sweepers, "workspace.stop", id);
	fake_agent_listen(sweepers->agent, false);
	struct connection *hanging = controllers_connection(controllers, "hanging");
	connection_subscribe(hanging, arena_printf(controllers->arena, "roost.node.%s.inventory", sweepers->node), NULL,
			     hears_and_does_nothing, &heard);
	sweepers_start(sweepers, 0, by_demand_only);
	loop_for(&controllers->loop, 2500); /* it is stuck by then */
	int64_t began_ms = clock_monotonic_ms();
	const Roost__RunSweepResponse *response = sweepers_run(sweepers, "alice", true);
	assert_true(clock_monotonic_ms() - began_ms < 2500);
	assert_true(heard > 0);
	assert_non_null(sweepers_finding(response, id));
	const Roost__SweepFinding *last = response->findings[response->n_findings - 1];
	assert_int_equal(last->pass, ROOST__SWEEP_FINDING__PASS__SILENT_NODE);
	assert_string_equal(last->node_id, sweepers->node);
	assert_non_null(strstr(last->error, "not looked at"));
}

static void a_pass_that_is_switched_off_neither_looks_nor_acts(void **state)
{
	static const char *const off[] = {"SWEEP_UNKNOWN_SECONDS=0", "SWEEP_ABSENT_SECONDS=0", NULL};
	struct sweepers *sweepers = *state;
	const char *lost = running_workspace(sweepers, "lost"), *unknown = sweepers_leave_behind(sweepers);
	struct forgery forgery = {.without = lost};
	fake_agent_changes_inventory(sweepers->agent, forge, &forgery);
	sweepers_start(sweepers, 0, off);
	sweepers_await_looks(sweepers, 4); /* of the pass that is on */
	const Roost__RunSweepResponse *response = sweepers_run(sweepers, "alice", false);
	assert_null(sweepers_finding(response, lost));
	assert_null(sweepers_finding(response, unknown));
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 0);
	assert_false(fake_agent_workspace(sweepers->agent, unknown)->removed);
}

static void without_any_pass_no_node_is_asked(void **state)
{
	static const char *const off[] = {"SWEEP_REMOVED_BUT_RUNNING_SECONDS=0",
					  "SWEEP_UNKNOWN_SECONDS=0",
					  "SWEEP_ABSENT_SECONDS=0",
					  "SWEEP_STUCK_SECONDS=0",
					  "SWEEP_SILENT_NODE_SECONDS=0",
					  "SWEEP_COMPACTION_SECONDS=0",
					  NULL};
	struct sweepers *sweepers = *state;
	sweepers_leave_behind(sweepers);
	uint64_t before = sweepers_last_seq(sweepers);
	sweepers_start(sweepers, 0, off);
	loop_for(&sweepers->controllers.loop, 2500);
	assert_int_equal(sweepers_run(sweepers, "alice", false)->n_findings, 0);
	assert_int_equal(fake_agent_inventories(sweepers->agent), 0);
	assert_int_equal(sweepers_last_seq(sweepers), before);
}

struct text {
	struct sweepers *sweepers;
	const char *text;
};

static bool log_has(void *context)
{
	const struct text *text = context;
	loop_for(&text->sweepers->controllers.loop, 20);
	return sweepers_log_has(text->sweepers, 0, text->text);
}

/* Many small changes: a snapshot is appended, once, and everything reads as before. */
static void a_log_that_has_grown_is_compacted(void **state)
{
	static const char *const often[] = {"SWEEP_COMPACTION_SECONDS=1", "LOG_SNAPSHOT_RECORDS=10", NULL};
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	controllers_stop(controllers, 0);
	controllers_setenv(controllers, "LOG_SNAPSHOT_RECORDS", "10");
	controllers_run(controllers, 0);
	const char *id = running_workspace(sweepers, "api");
	for (int i = 0; i < 12; i++) {
		const char *text =
		    arena_printf(controllers->arena, "{\"id\":\"%s\",\"displayName\":\"name %d\"}", id, i);
		struct call call = {.owner = "alice", .command = "workspace.rename", .text = text, .json = true};
		struct reply reply = call_make(controllers, &call);
		reply_expect_success(&reply, "workspace.rename");
	}
	sweepers_start(sweepers, 0, often);
	struct text text = {sweepers, "compaction: 1 found, 1 sent to the controllers, 1 of them acted on"};
	wait_until(log_has, &text, PATIENCE_MS, "the compaction");
	uint64_t after = sweepers_last_seq(sweepers);
	sweepers_await_looks(sweepers, 3);
	assert_int_equal(sweepers_last_seq(sweepers), after); /* nothing more to do */
	assert_string_equal(get_workspace(controllers, "alice", id)->display_name, "name 11");
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, sweepers_set_up, sweepers_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_workspace_whose_sandbox_is_gone_becomes_an_error_once),
	    TEST(a_session_without_a_host_becomes_an_error),
	    TEST(what_was_deleted_and_is_still_there_is_removed_again),
	    TEST(what_is_stuck_is_asked_for_again),
	    TEST(a_silent_node_is_told_of_once),
	    TEST(an_inventory_that_fails_blocks_no_other_pass),
	    TEST(a_sweep_goes_on_without_a_node_that_hangs),
	    TEST(a_pass_that_is_switched_off_neither_looks_nor_acts),
	    TEST(without_any_pass_no_node_is_asked),
	    TEST(a_log_that_has_grown_is_compacted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
