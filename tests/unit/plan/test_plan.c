/* The plan, walked through wholly: every wish against every phase, generation and worker. */
#include "nodeagent/plan/node_plan.h"
#include "nodeagent/plan/plan.h"

#include "tests/unit/cmocka_all.h"

#define RUN	     ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	     ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	     ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define SESSION_RUN  ROOST__WANTED_SESSION__DESIRED__RUN
#define SESSION_STOP ROOST__WANTED_SESSION__DESIRED__STOP

static struct workspace_wanted wanted_of(Roost__WantedWorkspace__Desired desired, uint32_t generation)
{
	return (struct workspace_wanted){.known = true, .desired = desired, .generation = generation, .version = 7};
}

static struct workspace_actual actual_of(enum workspace_phase phase, uint32_t generation)
{
	return (struct workspace_actual){.phase = phase, .generation = generation};
}

static void expect_step(Roost__WantedWorkspace__Desired desired, uint32_t generation, enum workspace_phase phase,
			uint32_t begun, enum plan_step expected)
{
	struct workspace_wanted wanted = wanted_of(desired, generation);
	struct workspace_actual actual = actual_of(phase, begun);
	enum plan_step step = plan_workspace(&wanted, &actual);
	if (step != expected)
		fail_msg("desired %d at %u, %s at %u: %s instead of %s", desired, generation,
			 workspace_phase_name(phase), begun, plan_step_name(step), plan_step_name(expected));
}

/* S0-03, S0-12: what a reader of the documents expects, row by row. */
static void each_wish_has_its_next_step(void **state)
{
	(void)state;
	static const struct {
		Roost__WantedWorkspace__Desired desired;
		uint32_t generation;
		enum workspace_phase phase;
		uint32_t begun;
		enum plan_step expected;
	} rows[] = {
	    {RUN, 1, WORKSPACE_ABSENT, 0, PLAN_PROVISION},  {RUN, 1, WORKSPACE_PROVISIONING, 1, PLAN_PROVISION},
	    {RUN, 2, WORKSPACE_PROVISIONING, 1, PLAN_STOP}, {RUN, 1, WORKSPACE_RUNNING, 1, PLAN_TELL},
	    {RUN, 2, WORKSPACE_RUNNING, 1, PLAN_STOP},	    {RUN, 1, WORKSPACE_RUNNING, 2, PLAN_TELL},
	    {RUN, 2, WORKSPACE_STOPPING, 1, PLAN_STOP},	    {RUN, 2, WORKSPACE_STOPPED, 1, PLAN_PROVISION},
	    {RUN, 2, WORKSPACE_STOPPED, 2, PLAN_PROVISION}, {RUN, 1, WORKSPACE_STOPPED, 2, PLAN_TELL},
	    {RUN, 1, WORKSPACE_FAILED, 1, PLAN_TELL},	    {RUN, 2, WORKSPACE_FAILED, 1, PLAN_PROVISION},
	    {RUN, 1, WORKSPACE_REMOVED, 1, PLAN_TELL},	    {RUN, 2, WORKSPACE_REMOVED, 1, PLAN_PROVISION},
	    {STOP, 1, WORKSPACE_ABSENT, 0, PLAN_TELL},	    {STOP, 1, WORKSPACE_PROVISIONING, 1, PLAN_STOP},
	    {STOP, 1, WORKSPACE_RUNNING, 1, PLAN_STOP},	    {STOP, 2, WORKSPACE_RUNNING, 1, PLAN_STOP},
	    {STOP, 1, WORKSPACE_RUNNING, 2, PLAN_TELL},	    {RUN, 1, WORKSPACE_PROVISIONING, 2, PLAN_PROVISION},
	    {STOP, 1, WORKSPACE_STOPPED, 1, PLAN_TELL},	    {STOP, 1, WORKSPACE_FAILED, 1, PLAN_STOP},
	    {STOP, 1, WORKSPACE_REMOVING, 1, PLAN_REMOVE},  {REMOVE, 1, WORKSPACE_ABSENT, 0, PLAN_REMOVE},
	    {REMOVE, 1, WORKSPACE_RUNNING, 1, PLAN_STOP},   {REMOVE, 1, WORKSPACE_STOPPED, 1, PLAN_REMOVE},
	    {REMOVE, 1, WORKSPACE_FAILED, 1, PLAN_REMOVE},  {REMOVE, 1, WORKSPACE_REMOVING, 1, PLAN_REMOVE},
	    {REMOVE, 1, WORKSPACE_REMOVED, 1, PLAN_TELL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_step(rows[i].desired, rows[i].generation, rows[i].phase, rows[i].begun, rows[i].expected);
}

/* Everything at once: calls `check` for each combination. */
static void walk(void (*check)(const struct workspace_wanted *, const struct workspace_actual *, enum plan_step))
{
	static const Roost__WantedWorkspace__Desired desires[] = {RUN, STOP, REMOVE};
	for (size_t d = 0; d < 3; d++)
		for (uint32_t generation = 1; generation <= 3; generation++)
			for (int phase = 0; phase < WORKSPACE_PHASE_COUNT; phase++)
				for (uint32_t begun = 0; begun <= 3; begun++)
					for (int bits = 0; bits < 8; bits++) {
						struct workspace_wanted wanted = wanted_of(desires[d], generation);
						struct workspace_actual actual =
						    actual_of((enum workspace_phase)phase, begun);
						wanted.known = bits & 1;
						actual.busy = bits & 2;
						actual.retry_due = bits & 4;
						check(&wanted, &actual, plan_workspace(&wanted, &actual));
					}
}

static void check_busy(const struct workspace_wanted *wanted, const struct workspace_actual *actual,
		       enum plan_step step)
{
	if (!actual->busy)
		return;
	assert_true(step == PLAN_WAIT || step == PLAN_CANCEL);
	if (step == PLAN_CANCEL) {
		assert_true(wanted->known && actual->phase == WORKSPACE_PROVISIONING);
		assert_true(wanted->desired != RUN || wanted->generation > actual->generation);
	}
}

static void nothing_is_begun_while_a_worker_is_at_it(void **state)
{
	(void)state;
	walk(check_busy);
}

static void check_unknown(const struct workspace_wanted *wanted, const struct workspace_actual *actual,
			  enum plan_step step)
{
	if (wanted->known || actual->busy)
		return;
	bool interrupted = actual->phase == WORKSPACE_PROVISIONING || actual->phase == WORKSPACE_STOPPING ||
			   actual->phase == WORKSPACE_REMOVING;
	assert_true(step == PLAN_NOTHING || interrupted);
	assert_true(step != PLAN_PROVISION);
}

/* D16 */
static void what_the_log_does_not_know_is_left_alone(void **state)
{
	(void)state;
	walk(check_unknown);
}

static void check_once(const struct workspace_wanted *wanted, const struct workspace_actual *actual,
		       enum plan_step step)
{
	if (step != PLAN_PROVISION)
		return;
	assert_true(wanted->known && wanted->desired == RUN);
	assert_true(actual->phase != WORKSPACE_RUNNING && actual->phase != WORKSPACE_STOPPING);
	if (actual->phase == WORKSPACE_FAILED || actual->phase == WORKSPACE_REMOVED)
		assert_true(wanted->generation > actual->generation);
	/* An interrupted start of a later one goes on: the log is behind. */
	if (actual->phase != WORKSPACE_ABSENT && actual->phase != WORKSPACE_PROVISIONING)
		assert_true(wanted->generation >= actual->generation);
}

/* S0-33, S1-06: a failed or lost generation stays so. */
static void a_generation_is_started_once(void **state)
{
	(void)state;
	walk(check_once);
}

/* What the agent makes of a step that succeeds. */
static void perform(enum plan_step step, const struct workspace_wanted *wanted, struct workspace_actual *actual)
{
	switch (step) {
	case PLAN_PROVISION:
		actual->phase = WORKSPACE_RUNNING;
		if (wanted->generation > actual->generation)
			actual->generation = wanted->generation;
		break;
	case PLAN_STOP:
		actual->phase = WORKSPACE_STOPPED;
		break;
	case PLAN_REMOVE:
		actual->phase = WORKSPACE_REMOVED;
		break;
	case PLAN_TELL:
		actual->told_desired = plan_desired(wanted);
		actual->told_generation = wanted->generation;
		actual->told_version = plan_version(wanted);
		break;
	default:
		fail_msg("%s cannot be performed", plan_step_name(step));
	}
}

static void check_settles(const struct workspace_wanted *wanted, const struct workspace_actual *from,
			  enum plan_step step)
{
	struct workspace_actual actual = *from;
	if (actual.busy || !wanted->known)
		return;
	int steps = 0;
	for (; step != PLAN_NOTHING; step = plan_workspace(wanted, &actual)) {
		assert_true(++steps <= 4);
		perform(step, wanted, &actual);
	}
	if (wanted->desired == REMOVE)
		assert_int_equal(actual.phase, WORKSPACE_REMOVED);
	if (wanted->desired == STOP && wanted->generation >= from->generation)
		assert_true(actual.phase != WORKSPACE_RUNNING && actual.phase != WORKSPACE_PROVISIONING);
	if (wanted->desired == RUN && wanted->generation > from->generation)
		assert_true(actual.phase == WORKSPACE_RUNNING && actual.generation == wanted->generation);
}

/* S1-15, D6, D12: from wherever it starts, every wish comes to rest where it should, and rests. */
static void every_wish_comes_to_rest(void **state)
{
	(void)state;
	walk(check_settles);
}

/* D12 */
static void a_failed_stop_is_tried_again_when_asked_or_due(void **state)
{
	(void)state;
	struct workspace_wanted wanted = wanted_of(STOP, 1);
	struct workspace_actual actual = actual_of(WORKSPACE_STOP_FAILED, 1);
	actual.told_version = wanted.version;
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_NOTHING);
	actual.retry_due = true;
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_STOP);
	actual.retry_due = false;
	wanted.version++;
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_STOP);
}

/* S1-07: a row that changed only its version (a rename) starts and tells nothing. */
static void what_was_told_is_not_told_again(void **state)
{
	(void)state;
	struct workspace_wanted wanted = wanted_of(RUN, 3);
	struct workspace_actual actual = actual_of(WORKSPACE_RUNNING, 3);
	actual.told_desired = RUN;
	actual.told_generation = 3;
	wanted.version = 99;
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_NOTHING);
}

/* A log that went back wants older generations: what runs goes on, and is told with its own. */
static void an_older_wish_ends_nothing_that_runs(void **state)
{
	(void)state;
	static const Roost__WantedWorkspace__Desired desires[] = {RUN, STOP};
	for (size_t i = 0; i < 2; i++) {
		struct workspace_wanted wanted = wanted_of(desires[i], 1);
		struct workspace_actual actual = actual_of(WORKSPACE_RUNNING, 3);
		assert_int_equal(plan_workspace(&wanted, &actual), PLAN_TELL);
		perform(PLAN_TELL, &wanted, &actual);
		assert_int_equal(plan_workspace(&wanted, &actual), PLAN_NOTHING);
	}
}

/* S1-07, D12: what ended is told once more when it is asked for once more. */
static void an_end_that_is_asked_for_again_is_told_again(void **state)
{
	(void)state;
	struct workspace_wanted wanted = wanted_of(STOP, 1);
	struct workspace_actual actual = actual_of(WORKSPACE_STOPPED, 1);
	perform(PLAN_TELL, &wanted, &actual);
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_NOTHING);
	wanted.version++;
	assert_int_equal(plan_workspace(&wanted, &actual), PLAN_TELL);
}

/* --- the node --- */

static void check_node_stop(const struct workspace_wanted *given, const struct workspace_actual *from,
			    enum plan_step ignored)
{
	(void)ignored;
	for (int node = ROOST__WANTED_NODE__DESIRED__STOP; node <= ROOST__WANTED_NODE__DESIRED__REMOVE; node++) {
		struct workspace_wanted wanted = *given;
		struct workspace_actual actual = *from;
		wanted.node = (Roost__WantedNode__Desired)node;
		wanted.node_version = 9;
		enum plan_step step = plan_workspace(&wanted, &actual);
		assert_true(step != PLAN_PROVISION);
		if (actual.busy)
			continue;
		for (int steps = 0; step != PLAN_NOTHING; step = plan_workspace(&wanted, &actual)) {
			assert_true(++steps <= 4);
			assert_true(step != PLAN_TELL || wanted.known);
			perform(step, &wanted, &actual);
		}
		assert_true(actual.phase != WORKSPACE_RUNNING && actual.phase != WORKSPACE_PROVISIONING);
		if (node == ROOST__WANTED_NODE__DESIRED__REMOVE)
			assert_int_equal(actual.phase, WORKSPACE_REMOVED);
	}
}

/* S0-30, S0-31: whatever each workspace's own wish, unknown ones too, a node that stops stops all of them, and
 * one that is removed removes all of them. */
static void the_wish_for_the_node_reaches_every_workspace(void **state)
{
	(void)state;
	walk(check_node_stop);
}

static void expect_node(Roost__WantedNode__Desired desired, struct node_actual actual, enum node_step expected)
{
	struct node_wanted wanted = {.desired = desired, .version = 5};
	enum node_step step = plan_node(&wanted, &actual);
	if (step != expected)
		fail_msg("desired %d, state %d: %s instead of %s", (int)desired, (int)actual.state,
			 node_step_name(step), node_step_name(expected));
}

static void a_node_ends_after_all_that_is_on_it(void **state)
{
	(void)state;
	static const Roost__WantedNode__Desired stop = ROOST__WANTED_NODE__DESIRED__STOP;
	static const Roost__WantedNode__Desired leave = ROOST__WANTED_NODE__DESIRED__REMOVE;
	expect_node((Roost__WantedNode__Desired)0, (struct node_actual){.state = NODE_DUE}, NODE_NOTHING);
	expect_node(ROOST__WANTED_NODE__DESIRED__RUN, (struct node_actual){.state = NODE_AT_REST}, NODE_TELL);
	expect_node(ROOST__WANTED_NODE__DESIRED__RUN, (struct node_actual){.told_version = 5}, NODE_NOTHING);
	expect_node(stop, (struct node_actual){.state = NODE_DUE}, NODE_STOP_ALL);
	expect_node(leave, (struct node_actual){.state = NODE_DUE}, NODE_REMOVE_ALL);
	expect_node(stop, (struct node_actual){.state = NODE_UNDER_WAY}, NODE_WAIT);
	expect_node(stop, (struct node_actual){.state = NODE_STUCK}, NODE_TELL_FAILED);
	expect_node(stop, (struct node_actual){.state = NODE_STUCK, .told_failed = 5}, NODE_WAIT);
	expect_node(stop, (struct node_actual){.search_due = true}, NODE_SEARCH);
	expect_node(stop, (struct node_actual){.search_due = false}, NODE_WAIT);
	expect_node(stop, (struct node_actual){.busy = true, .search_due = true}, NODE_WAIT);
	expect_node(stop, (struct node_actual){.found_clear = true}, NODE_TELL);
	expect_node(stop, (struct node_actual){.found_clear = true, .told_version = 5}, NODE_NOTHING);
	expect_node(leave, (struct node_actual){.found_clear = true}, NODE_TELL);
	expect_node(leave, (struct node_actual){.found_clear = true, .told_version = 5, .reports_waiting = true},
		    NODE_NOTHING);
	expect_node(leave, (struct node_actual){.found_clear = true, .told_version = 5}, NODE_END);
	/* What is found again and again is told, once, and looked for further on. */
	expect_node(leave, (struct node_actual){.vain = NODE_SEARCHES_VAIN, .search_due = true}, NODE_TELL_FAILED);
	expect_node(leave, (struct node_actual){.vain = 9, .search_due = true, .told_failed = 5}, NODE_SEARCH);
	expect_node(leave, (struct node_actual){.vain = 9, .told_failed = 5}, NODE_WAIT);
	/* What was found clear and was begun on since is looked at again. */
	expect_node(leave, (struct node_actual){.told_version = 5, .search_due = true}, NODE_SEARCH);
}

/* --- sessions --- */

/* S0-18: a session is spawned at most once: only from NONE, only on ready ground. */
static void a_session_is_spawned_at_most_once(void **state)
{
	(void)state;
	for (int desired = SESSION_RUN; desired <= SESSION_STOP; desired++)
		for (int phase = 0; phase < SESSION_PHASE_COUNT; phase++)
			for (int ground = 0; ground < SESSION_GROUND_COUNT; ground++)
				for (int busy = 0; busy < 2; busy++) {
					struct session_wanted wanted = {(Roost__WantedSession__Desired)desired, 1};
					struct session_actual actual = {(enum session_phase)phase, busy, false};
					enum session_step step =
					    plan_session(&wanted, &actual, (enum session_ground)ground);
					bool may = !busy && phase == SESSION_NONE && desired == SESSION_RUN &&
						   ground == SESSION_GROUND_READY;
					assert_int_equal(step == SESSION_PLAN_START, may);
					if (busy)
						assert_int_equal(step, SESSION_PLAN_WAIT);
					if (phase == SESSION_STARTING && !busy)
						assert_int_equal(step, SESSION_PLAN_FAIL);
				}
}

static void an_ended_session_stays_ended(void **state)
{
	(void)state;
	for (int desired = SESSION_RUN; desired <= SESSION_STOP; desired++)
		for (int ground = 0; ground < SESSION_GROUND_COUNT; ground++) {
			struct session_wanted wanted = {(Roost__WantedSession__Desired)desired, 1};
			struct session_actual actual = {SESSION_ENDED, false, false};
			assert_int_equal(plan_session(&wanted, &actual, (enum session_ground)ground),
					 SESSION_PLAN_TELL);
			actual.told = true;
			assert_int_equal(plan_session(&wanted, &actual, (enum session_ground)ground),
					 SESSION_PLAN_NOTHING);
		}
}

/* S0-19: the ground of a session is its workspace at the very generation. */
static void a_session_stands_on_its_workspaces_generation(void **state)
{
	(void)state;
	static const struct {
		Roost__WantedWorkspace__Desired desired;
		uint32_t generation;
		enum workspace_phase phase;
		uint32_t begun;
		enum session_ground ground; /* of a session of generation 2 */
	} rows[] = {
	    {RUN, 2, WORKSPACE_RUNNING, 2, SESSION_GROUND_READY},
	    {RUN, 2, WORKSPACE_ABSENT, 0, SESSION_GROUND_COMING},
	    {RUN, 2, WORKSPACE_PROVISIONING, 2, SESSION_GROUND_COMING},
	    {RUN, 2, WORKSPACE_RUNNING, 1, SESSION_GROUND_COMING},
	    {RUN, 2, WORKSPACE_STOPPED, 1, SESSION_GROUND_COMING},
	    {RUN, 2, WORKSPACE_FAILED, 1, SESSION_GROUND_COMING},
	    {RUN, 2, WORKSPACE_FAILED, 2, SESSION_GROUND_GONE},
	    {RUN, 3, WORKSPACE_RUNNING, 2, SESSION_GROUND_LEAVING},
	    {RUN, 3, WORKSPACE_STOPPING, 2, SESSION_GROUND_LEAVING},
	    {RUN, 3, WORKSPACE_STOPPED, 2, SESSION_GROUND_GONE},
	    {RUN, 3, WORKSPACE_RUNNING, 3, SESSION_GROUND_GONE},
	    {STOP, 2, WORKSPACE_RUNNING, 2, SESSION_GROUND_LEAVING},
	    {STOP, 2, WORKSPACE_STOPPED, 2, SESSION_GROUND_GONE},
	    {REMOVE, 2, WORKSPACE_RUNNING, 2, SESSION_GROUND_LEAVING},
	    {REMOVE, 2, WORKSPACE_REMOVED, 2, SESSION_GROUND_GONE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct workspace_wanted wanted = wanted_of(rows[i].desired, rows[i].generation);
		struct workspace_actual actual = actual_of(rows[i].phase, rows[i].begun);
		if (plan_session_ground(&wanted, &actual, 2) != rows[i].ground)
			fail_msg("row %zu", i);
	}
	struct workspace_wanted wanted = wanted_of(RUN, 2);
	assert_int_equal(plan_session_ground(&wanted, NULL, 2), SESSION_GROUND_COMING);
}

/* D3: a workspace that the log lost sight of keeps its sessions. */
static void sessions_of_an_unknown_workspace_go_on(void **state)
{
	(void)state;
	struct workspace_wanted wanted = {.known = false, .desired = STOP, .generation = 9};
	struct workspace_actual actual = actual_of(WORKSPACE_RUNNING, 2);
	struct session_wanted session = {SESSION_RUN, 2};
	struct session_actual running = {SESSION_RUNNING, false, true};
	enum session_ground ground = plan_session_ground(&wanted, &actual, 2);
	assert_int_equal(ground, SESSION_GROUND_READY);
	assert_int_equal(plan_session(&session, &running, ground), SESSION_PLAN_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_wish_has_its_next_step),
	    cmocka_unit_test(nothing_is_begun_while_a_worker_is_at_it),
	    cmocka_unit_test(what_the_log_does_not_know_is_left_alone),
	    cmocka_unit_test(a_generation_is_started_once),
	    cmocka_unit_test(every_wish_comes_to_rest),
	    cmocka_unit_test(a_failed_stop_is_tried_again_when_asked_or_due),
	    cmocka_unit_test(what_was_told_is_not_told_again),
	    cmocka_unit_test(an_older_wish_ends_nothing_that_runs),
	    cmocka_unit_test(an_end_that_is_asked_for_again_is_told_again),
	    cmocka_unit_test(the_wish_for_the_node_reaches_every_workspace),
	    cmocka_unit_test(a_node_ends_after_all_that_is_on_it),
	    cmocka_unit_test(a_session_is_spawned_at_most_once),
	    cmocka_unit_test(an_ended_session_stays_ended),
	    cmocka_unit_test(a_session_stands_on_its_workspaces_generation),
	    cmocka_unit_test(sessions_of_an_unknown_workspace_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
