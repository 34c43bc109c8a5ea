/* kill -9 of the sweeper at each of its cut-points, and again with wrong clocks: whoever comes after it
 * finishes the work once (S4-27), and nothing else is touched. */
#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "tests/integration/sweeper_fixture.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

static bool has_died(void *context)
{
	struct sweepers *sweepers = context;
	return process_ended(&sweepers->processes[0]);
}

static bool is_removed(void *context)
{
	return ((const struct fake_workspace *)context)->removed;
}

static void await_removal(struct sweepers *sweepers, const char *id)
{
	const struct fake_workspace *workspace = fake_agent_workspace(sweepers->agent, id);
	loop_until(&sweepers->controllers.loop, is_removed, (void *)workspace, PATIENCE_MS, "the leftover's removal");
}

static void die_at(struct sweepers *sweepers, enum cutpoint place)
{
	struct arena *arena = sweepers->controllers.arena;
	const char *environment[] = {arena_printf(arena, "ROOST_CUTPOINT=%s", cutpoint_name(place)), NULL};
	const char *kept = make_workspace(&sweepers->controllers, "alice", sweepers->node, "kept")->id;
	await_workspace(&sweepers->controllers, "alice", kept, ROOST__WORKSPACE__STATUS__RUNNING);
	const char *id = sweepers_leave_behind(sweepers);
	sweepers_start(sweepers, 0, environment);
	loop_until(&sweepers->controllers.loop, has_died, sweepers, PATIENCE_MS, "the sweeper's death");
	sweepers_start(sweepers, 0, NULL);
	await_removal(sweepers, id);
	sweepers_await_looks(sweepers, 3);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 1);
	assert_int_equal(sweepers_count_events(sweepers, "workspace_found"), 1);
	assert_int_equal(get_workspace(&sweepers->controllers, "alice", kept)->status,
			 ROOST__WORKSPACE__STATUS__RUNNING);
}

static void it_dies_with_an_inventory_in_hand(void **state)
{
	die_at(*state, CUTPOINT_SWEEPER_INVENTORY_TAKEN);
}

static void it_dies_before_it_sends_a_finding(void **state)
{
	die_at(*state, CUTPOINT_SWEEPER_BEFORE_ACT);
}

static void it_dies_before_it_hears_what_became_of_it(void **state)
{
	die_at(*state, CUTPOINT_SWEEPER_ACT_ANSWERED);
}

/* Ten minutes off, in either direction: what is old goes, what is young stays. */
static void a_sweeper_whose_clock_is_wrong_changes_nothing(void **state)
{
	static const char *const clocks[] = {"ROOST_CLOCK_SKEW_MS=-600000", "ROOST_CLOCK_SKEW_MS=600000"};
	struct sweepers *sweepers = *state;
	int64_t now = clock_wall_ms();
	const char *young = sweepers_id(sweepers, now - 3300 * 1000); /* five minutes too young */
	fake_agent_has_unknown(sweepers->agent, young, "alice", now - 3300 * 1000);
	for (int i = 0; i < 2; i++) {
		const char *environment[] = {clocks[i], NULL};
		const char *old = sweepers_leave_behind(sweepers);
		sweepers_start(sweepers, 0, environment);
		await_removal(sweepers, old);
		sweepers_await_looks(sweepers, 3);
		sweepers_stop(sweepers, 0);
	}
	assert_false(fake_agent_workspace(sweepers->agent, young)->removed);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 2);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, sweepers_set_up, sweepers_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(it_dies_with_an_inventory_in_hand),
	    TEST(it_dies_before_it_sends_a_finding),
	    TEST(it_dies_before_it_hears_what_became_of_it),
	    TEST(a_sweeper_whose_clock_is_wrong_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
