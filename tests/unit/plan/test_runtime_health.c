/* S4-19, S4-20: what makes a node degraded, what does not, and what ends it. */
#include "nodeagent/plan/runtime_health.h"

#include "tests/unit/cmocka_all.h"

static enum health_effect take(struct runtime_health *health, enum health_event event, const char *id)
{
	return runtime_health_take(health, event, id);
}

static void failures_of_several_workspaces_in_a_row_degrade(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	assert_int_equal(take(&health, HEALTH_FAILED, "a"), HEALTH_AS_BEFORE);
	assert_int_equal(take(&health, HEALTH_FAILED, "b"), HEALTH_AS_BEFORE);
	assert_int_equal(take(&health, HEALTH_FAILED, "a"), HEALTH_DEGRADES);
	assert_int_equal(take(&health, HEALTH_FAILED, "a"), HEALTH_AS_BEFORE);
	assert_true(health.degraded);
}

static void a_success_between_them_begins_anew(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	for (int i = 0; i < 20; i++) {
		assert_int_equal(take(&health, HEALTH_FAILED, i % 2 ? "a" : "b"), HEALTH_AS_BEFORE);
		assert_int_equal(take(&health, HEALTH_FAILED, "c"), HEALTH_AS_BEFORE);
		assert_int_equal(take(&health, HEALTH_STARTED, "d"), HEALTH_AS_BEFORE);
	}
}

static void a_hang_degrades_at_once(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	assert_int_equal(take(&health, HEALTH_HUNG, "a"), HEALTH_DEGRADES);
	assert_int_equal(take(&health, HEALTH_HUNG, "a"), HEALTH_AS_BEFORE);
}

/* A workspace that deleted its own /bin fails for ever, and says nothing about the node. */
static void one_workspace_alone_is_tried_before_it_counts(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	take(&health, HEALTH_FAILED, "a");
	take(&health, HEALTH_FAILED, "a");
	assert_int_equal(take(&health, HEALTH_FAILED, "a"), HEALTH_TRY);
	struct runtime_health other = health;
	assert_int_equal(take(&health, HEALTH_TRIAL_GOOD, ""), HEALTH_AS_BEFORE);
	assert_false(health.degraded || health.doubtful);
	assert_int_equal(take(&other, HEALTH_TRIAL_FAILED, ""), HEALTH_DEGRADES);
}

/* A bad repository, a missing image, a start that was called off. */
static void what_lies_in_the_workspace_never_counts(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(&health, HEALTH_OTHER, i % 2 ? "a" : "b"), HEALTH_AS_BEFORE);
	take(&health, HEALTH_HUNG, "a");
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(&health, HEALTH_OTHER, "b"), HEALTH_AS_BEFORE);
	assert_true(health.degraded);
}

static void only_a_real_success_recovers(void **state)
{
	(void)state;
	static const enum health_event successes[] = {HEALTH_STARTED, HEALTH_TRIAL_GOOD};
	for (int i = 0; i < 2; i++) {
		struct runtime_health health = {.failures = 0};
		take(&health, HEALTH_HUNG, "a");
		assert_int_equal(take(&health, HEALTH_TRIAL_FAILED, ""), HEALTH_AS_BEFORE);
		assert_int_equal(take(&health, HEALTH_FAILED, "b"), HEALTH_AS_BEFORE);
		assert_int_equal(take(&health, successes[i], "c"), HEALTH_RECOVERS);
		assert_false(health.degraded);
		assert_int_equal(take(&health, successes[i], "c"), HEALTH_AS_BEFORE);
	}
}

/* A node on which no runtime was ever usable says so by its capabilities. */
static void a_failed_trial_alone_is_no_degradation(void **state)
{
	(void)state;
	struct runtime_health health = {.failures = 0};
	assert_int_equal(take(&health, HEALTH_TRIAL_FAILED, ""), HEALTH_AS_BEFORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_of_several_workspaces_in_a_row_degrade),
	    cmocka_unit_test(a_success_between_them_begins_anew),
	    cmocka_unit_test(a_hang_degrades_at_once),
	    cmocka_unit_test(one_workspace_alone_is_tried_before_it_counts),
	    cmocka_unit_test(what_lies_in_the_workspace_never_counts),
	    cmocka_unit_test(only_a_real_success_recovers),
	    cmocka_unit_test(a_failed_trial_alone_is_no_degradation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
