/* Nobody stops anything for being idle (S0-13, D2), and silence destroys nothing (S0-36, D3): a year after
 * the last word of its node, a running workspace and its session are as they were, whatever timers fire and
 * whatever the sweeper claims without having seen the machine. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

static const int64_t year_ms = 365LL * 24 * 3600 * 1000;

struct idle {
	struct world *world;
	const char *node, *workspace, *session;
};

static void begin(struct idle *idle)
{
	struct world *world = idle->world = world_new();
	idle->node = world_make_node(world, "one");
	idle->workspace = world_make_workspace(world, idle->node, "api");
	world_report_running(world, idle->node, idle->workspace, 1);
	idle->session = world_make_session(world, idle->workspace, "shell");
	world_tell(world, idle->node, ROOST__REPORT__REPORT_SESSION_RUNNING, idle->session, 1, NULL);
	world->now_ms += year_ms;
}

static void expect_as_it_was(const struct idle *idle)
{
	assert_int_equal(world_node(idle->world, idle->node)->resource->status, ROOST__NODE__STATUS__RUNNING);
	const Roost__Workspace *workspace = world_workspace(idle->world, idle->workspace)->resource;
	assert_int_equal(workspace->status, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(workspace->generation, 1);
	assert_int_equal(world_session(idle->world, idle->session)->resource->status,
			 ROOST__AGENT_SESSION__STATUS__RUNNING);
}

static void test_no_timer_ends_what_is_idle(void **state)
{
	(void)state;
	struct idle idle;
	begin(&idle);
	struct decision *decision =
	    world_take(idle.world, decide_provision_deadline(world_inputs(idle.world), idle.workspace, 1));
	assert_int_equal(decision->kind, DECISION_NOTHING);
	expect_as_it_was(&idle);
	world_free(idle.world);
}

static void test_silence_is_told_and_nothing_else(void **state)
{
	(void)state;
	struct idle idle;
	begin(&idle);
	int64_t since = idle.world->now_ms - year_ms;
	struct decision *decision =
	    world_take(idle.world, decide_node_health(world_inputs(idle.world), idle.node,
						      ROOST__NODE__HEALTH__UNHEALTHY, since, "Nothing was heard."));
	assert_int_equal(decision->kind, DECISION_APPEND);
	expect_as_it_was(&idle);
	Roost__SweepFinding finding = ROOST__SWEEP_FINDING__INIT;
	finding.has_pass = true;
	finding.pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE;
	finding.node_id = idle.node;
	decision = world_take(idle.world, decide_act_sweep(world_inputs(idle.world), &finding));
	assert_int_equal(decision->kind, DECISION_APPEND);
	expect_as_it_was(&idle);
	world_free(idle.world);
}

static void test_the_sweeper_cannot_call_it_stuck_or_removed(void **state)
{
	(void)state;
	static const Roost__SweepFinding__Pass passes[] = {ROOST__SWEEP_FINDING__PASS__STUCK,
							   ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING,
							   ROOST__SWEEP_FINDING__PASS__UNKNOWN};
	struct idle idle;
	begin(&idle);
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		Roost__SweepFinding finding = ROOST__SWEEP_FINDING__INIT;
		finding.has_pass = true;
		finding.pass = passes[i];
		finding.node_id = idle.node;
		finding.workspace_id = idle.workspace;
		finding.has_generation = true;
		finding.generation = 1;
		const struct decision *decision =
		    world_take(idle.world, decide_act_sweep(world_inputs(idle.world), &finding));
		assert_int_not_equal(decision->kind, DECISION_APPEND);
		expect_as_it_was(&idle);
	}
	world_free(idle.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_timer_ends_what_is_idle),
	    cmocka_unit_test(test_silence_is_told_and_nothing_else),
	    cmocka_unit_test(test_the_sweeper_cannot_call_it_stuck_or_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
