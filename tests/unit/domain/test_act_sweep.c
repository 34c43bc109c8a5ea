/* The sweeper's findings, judged again: what follows from each, when nothing does, and that the same finding
 * twice acts once (D3, D13, D16, S1-22). */
#include "bus/foundation/limits.h"
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

enum { GRACE_MS = 60000 };

static struct world *world;
static const char *node, *workspace, *session;

/* A node with a running workspace and a running session, all of them older than the grace. */
static int begin(void **state)
{
	(void)state;
	world = world_new();
	world->limits.sweep_grace_ms = GRACE_MS;
	node = world_make_node(world, "n");
	workspace = world_make_workspace(world, node, "api");
	world_report_running(world, node, workspace, 1);
	session = world_make_session(world, workspace, "s");
	world_tell(world, node, ROOST__REPORT__REPORT_SESSION_RUNNING, session, 0, NULL);
	world->now_ms += GRACE_MS;
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static struct decision *find(Roost__SweepFinding__Pass pass, const char *workspace_id, const char *session_id,
			     uint32_t generation)
{
	Roost__SweepFinding finding = ROOST__SWEEP_FINDING__INIT;
	finding.has_pass = true;
	finding.pass = pass;
	finding.node_id = node;
	finding.workspace_id = workspace_id;
	finding.session_id = session_id;
	finding.has_generation = true;
	finding.generation = generation;
	finding.reason = "It was seen.";
	finding.next_step = "It is done.";
	return world_take(world, decide_act_sweep(world_inputs(world), &finding));
}

static struct decision *stuck(const char *workspace_id, const char *session_id)
{
	return find(ROOST__SWEEP_FINDING__PASS__STUCK, workspace_id, session_id, 1);
}

/* A sweeper_found with the finding's words, and what follows. */
static void assert_acted(const struct decision *decision, Roost__Change__ChangeCase follows)
{
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_SWEEPER_FOUND);
	assert_string_equal(world->applied.events[0]->message, "The sweeper: It was seen. It is done.");
	if (follows == ROOST__CHANGE__CHANGE__NOT_SET) {
		assert_int_equal(decision->record->n_changes, 1);
		return;
	}
	assert_int_equal(decision->record->n_changes, 2);
	assert_int_equal(decision->record->changes[1]->change_case, follows);
}

static void assert_nothing(const struct decision *decision)
{
	assert_int_equal(decision->kind, DECISION_NOTHING);
}

static struct decision *delete_it(void)
{
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	return world_take(world, decide_delete_workspace(world_inputs(world), &request));
}

static struct decision *stop_it(void)
{
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	return world_take(world, decide_stop_workspace(world_inputs(world), &request));
}

static void tell(Roost__Report__ReportCase which, const char *id)
{
	world_tell(world, node, which, id, 1, "why");
}

/* S4-27 (a): what is deleted in the log and still there is asked for again, with a version of its own. */
static void test_what_was_removed_and_still_runs_is_removed_again(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING;
	assert_nothing(find(pass, workspace, NULL, 1)); /* it may run */
	delete_it();
	tell(ROOST__REPORT__REPORT_WORKSPACE_REMOVED, workspace);
	assert_nothing(find(pass, workspace, NULL, 1)); /* only a moment ago */
	world->now_ms += GRACE_MS;
	assert_acted(find(pass, workspace, NULL, 1), ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	const Roost__WantedWorkspace *wanted = wanted_workspace(world_workspace(world, workspace), world->step);
	assert_int_equal(wanted->version, world_node(world, node)->version);
	assert_int_equal(wanted->desired, ROOST__WANTED_WORKSPACE__DESIRED__REMOVE);
	assert_int_equal(world_workspace(world, workspace)->resource->status, ROOST__WORKSPACE__STATUS__DELETED);
	assert_nothing(find(pass, workspace, NULL, 1));
	assert_nothing(find(pass, world_id(world), NULL, 1)); /* in no log: another pass's */
}

static void test_a_session_that_ended_and_still_runs_is_killed(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING;
	assert_nothing(find(pass, NULL, session, 1));
	tell(ROOST__REPORT__REPORT_SESSION_ENDED, session);
	world->now_ms += GRACE_MS;
	assert_acted(find(pass, NULL, session, 1), ROOST__CHANGE__CHANGE_SESSION_WANTED_ANEW);
	const Roost__WantedSession *wanted = wanted_session(world_session(world, session), world->step);
	assert_int_equal(wanted->version, world_node(world, node)->version);
	assert_int_equal(wanted->desired, ROOST__WANTED_SESSION__DESIRED__STOP);
	assert_nothing(find(pass, NULL, session, 1));
}

/* S4-27 (b) */
static void test_what_is_in_no_log_is_taken_into_it_to_be_removed(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__UNKNOWN;
	const char *unknown = world_id(world);
	assert_acted(find(pass, unknown, NULL, 4), ROOST__CHANGE__CHANGE_WORKSPACE_FOUND);
	assert_string_equal(world->applied.events[0]->workspace_id, unknown);
	const Roost__WorkspaceState *found = world_workspace(world, unknown);
	assert_int_equal(found->resource->status, ROOST__WORKSPACE__STATUS__DELETING);
	assert_int_equal(found->resource->generation, 4);
	assert_true(found->found);
	assert_string_equal(found->owner, "alice");
	assert_nothing(find(pass, unknown, NULL, 4));
	assert_nothing(find(pass, workspace, NULL, 1)); /* the log has it */
	tell(ROOST__REPORT__REPORT_WORKSPACE_REMOVED, unknown);
	assert_nothing(find(pass, unknown, NULL, 4)); /* known, deleted: the other pass's */
}

/* D16: where the log went back, what it does not know may be somebody's work. It is told of, once each. */
static void test_where_the_log_went_back_the_unknown_is_only_told_of(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__UNKNOWN;
	const char *first = world_id(world), *second = world_id(world);
	world_take(world, decide_log_rolled_back(world_inputs(world), node, 0, 1000));
	assert_acted(find(pass, first, NULL, 1), ROOST__CHANGE__CHANGE__NOT_SET);
	assert_acted(find(pass, second, NULL, 1), ROOST__CHANGE__CHANGE__NOT_SET);
	assert_nothing(find(pass, first, NULL, 1));
	assert_nothing(find(pass, second, NULL, 1));
	assert_null(world_workspace(world, first));
	Roost__ReapWorkspaceRequest reap = ROOST__REAP_WORKSPACE_REQUEST__INIT;
	reap.id = first;
	reap.node_id = node;
	world_take(world, decide_reap_workspace(world_inputs(world), &reap));
	assert_int_equal(world_node(world, node)->n_told_unknown, 1);
	for (int i = 1; i < UNKNOWN_WORKSPACES_MAX; i++)
		assert_acted(find(pass, world_id(world), NULL, 1), ROOST__CHANGE__CHANGE__NOT_SET);
	assert_nothing(find(pass, world_id(world), NULL, 1));
	/* It goes back once more: what it lost then is news. */
	world_take(world, decide_log_rolled_back(world_inputs(world), node, 1, 1000));
	assert_acted(find(pass, second, NULL, 1), ROOST__CHANGE__CHANGE__NOT_SET);
}

static void test_what_should_run_and_is_not_there_is_lost(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__ABSENT;
	assert_nothing(find(pass, workspace, NULL, 2)); /* of another generation than it is now */
	assert_acted(find(pass, workspace, NULL, 1), ROOST__CHANGE__CHANGE_WORKSPACE_LOST);
	assert_int_equal(world_workspace(world, workspace)->resource->status, ROOST__WORKSPACE__STATUS__ERROR);
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__ERROR);
	assert_nothing(find(pass, workspace, NULL, 1));
}

static void test_what_runs_only_since_a_moment_is_not_lost(void **state)
{
	(void)state;
	const char *young = world_make_workspace(world, node, "young");
	world_report_running(world, node, young, 1);
	assert_nothing(find(ROOST__SWEEP_FINDING__PASS__ABSENT, young, NULL, 1));
	world->now_ms += GRACE_MS;
	assert_int_equal(find(ROOST__SWEEP_FINDING__PASS__ABSENT, young, NULL, 1)->kind, DECISION_APPEND);
}

static void test_a_session_that_is_not_there_has_failed(void **state)
{
	(void)state;
	assert_acted(find(ROOST__SWEEP_FINDING__PASS__ABSENT, NULL, session, 1), ROOST__CHANGE__CHANGE_SESSION_FAILED);
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__ERROR);
	assert_nothing(find(ROOST__SWEEP_FINDING__PASS__ABSENT, NULL, session, 1));
}

/* D13: the same as the deadline would have done; whoever comes second does nothing. */
static void test_a_deadline_that_nobody_fired_is_fired(void **state)
{
	(void)state;
	const char *late = world_make_workspace(world, node, "late");
	assert_nothing(stuck(late, NULL));
	world->now_ms += world->limits.provision_timeout_ms;
	assert_acted(stuck(late, NULL), ROOST__CHANGE__CHANGE_WORKSPACE_FAILED);
	assert_string_equal(world_workspace(world, late)->resource->error_message,
			    "Workspace did not become ready within 60000ms");
	assert_nothing(stuck(late, NULL));
	assert_nothing(decide_provision_deadline(world_inputs(world), late, 1));
}

static void test_a_stop_that_does_not_end_is_asked_for_again(void **state)
{
	(void)state;
	assert_nothing(stuck(workspace, NULL)); /* it runs */
	stop_it();
	assert_nothing(stuck(workspace, NULL));
	world->now_ms += GRACE_MS;
	assert_acted(stuck(workspace, NULL), ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	world->now_ms += GRACE_MS - 10; /* the least pause */
	assert_nothing(stuck(workspace, NULL));
	tell(ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED, workspace);
	assert_nothing(stuck(workspace, NULL)); /* another status: its own time */
	world->now_ms += GRACE_MS;
	assert_acted(stuck(workspace, NULL), ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	delete_it();
	world->now_ms += GRACE_MS;
	assert_acted(stuck(workspace, NULL), ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	assert_int_equal(world_workspace(world, workspace)->wanted_version, world_node(world, node)->version);
}

/* A workspace that failed for its own reasons has nothing to be tried again. */
static void test_an_error_without_a_failed_stop_is_left_alone(void **state)
{
	(void)state;
	tell(ROOST__REPORT__REPORT_WORKSPACE_LOST, workspace);
	world->now_ms += GRACE_MS;
	assert_nothing(stuck(workspace, NULL));
}

/* In a day of findings every half minute the log gets a few dozen records, not thousands. */
static void test_tries_become_rarer_the_longer_it_lasts(void **state)
{
	(void)state;
	delete_it();
	int acted = 0;
	for (int i = 0; i < 24 * 120; i++) {
		world->now_ms += 30000;
		acted += stuck(workspace, NULL)->kind == DECISION_APPEND;
	}
	assert_in_range(acted, 24, 48);
}

/* D3: nobody can do anything on a node that is not heard. A deadline is over all the same. */
static void test_what_is_on_a_silent_node_waits_for_it(void **state)
{
	(void)state;
	const char *late = world_make_workspace(world, node, "late");
	stop_it();
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__UNHEALTHY, 7, "x"));
	world->now_ms += GRACE_MS + world->limits.provision_timeout_ms;
	assert_nothing(stuck(workspace, NULL));
	assert_nothing(stuck(NULL, session));
	assert_acted(stuck(late, NULL), ROOST__CHANGE__CHANGE_WORKSPACE_FAILED);
}

static void test_a_session_that_does_not_start_is_asked_for_once_more_and_then_failed(void **state)
{
	(void)state;
	const char *slow = world_make_session(world, workspace, "slow");
	assert_nothing(stuck(NULL, slow));
	world->now_ms += GRACE_MS;
	assert_acted(stuck(NULL, slow), ROOST__CHANGE__CHANGE_SESSION_WANTED_ANEW);
	assert_nothing(stuck(NULL, slow));
	world->now_ms += GRACE_MS;
	assert_acted(stuck(NULL, slow), ROOST__CHANGE__CHANGE_SESSION_FAILED);
	assert_nothing(stuck(NULL, slow));
	stop_it(); /* stopping: only asked for again, as often as it takes */
	for (int i = 0; i < 3; i++) {
		world->now_ms += 10 * GRACE_MS;
		assert_acted(stuck(NULL, session), ROOST__CHANGE__CHANGE_SESSION_WANTED_ANEW);
	}
}

static void test_a_node_that_does_not_stop_is_told_once_more(void **state)
{
	(void)state;
	Roost__StopNodeRequest request = ROOST__STOP_NODE_REQUEST__INIT;
	assert_nothing(stuck(NULL, NULL));
	request.id = node;
	request.confirm = true;
	world_take(world, decide_stop_node(world_inputs(world), &request));
	assert_nothing(stuck(NULL, NULL));
	world->now_ms += GRACE_MS;
	assert_acted(stuck(NULL, NULL), ROOST__CHANGE__CHANGE_NODE_WANTED_ANEW);
	const Roost__WantedNode *wanted = wanted_node(world_node(world, node), world->step);
	assert_int_equal(wanted->version, world_node(world, node)->version);
	assert_int_equal(wanted->desired, ROOST__WANTED_NODE__DESIRED__STOP);
	assert_nothing(stuck(NULL, NULL));
}

static void test_a_silence_is_told_of_once(void **state)
{
	(void)state;
	const Roost__SweepFinding__Pass pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE;
	assert_nothing(find(pass, NULL, NULL, 0));
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__UNHEALTHY, 7, "x"));
	assert_acted(find(pass, NULL, NULL, 0), ROOST__CHANGE__CHANGE__NOT_SET);
	assert_nothing(find(pass, NULL, NULL, 0));
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__HEALTHY, 0, NULL));
	assert_nothing(find(pass, NULL, NULL, 0));
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__UNHEALTHY, 9, "x"));
	assert_acted(find(pass, NULL, NULL, 0), ROOST__CHANGE__CHANGE__NOT_SET);
}

/* D14, and what is wrong in itself. */
static void test_findings_about_what_is_not_there(void **state)
{
	(void)state;
	const char *other = world_make_node(world, "m"), *theirs = world_make_workspace(world, other, "w");
	world->now_ms += GRACE_MS + world->limits.provision_timeout_ms;
	assert_nothing(stuck(theirs, NULL)); /* on another node than the finding says */
	assert_nothing(stuck(NULL, world_id(world)));
	assert_int_equal(find(ROOST__SWEEP_FINDING__PASS__COMPACTION, NULL, NULL, 0)->refusal.code,
			 ERROR_INVALID_ARGUMENT);
	assert_int_equal(stuck("../../etc", NULL)->refusal.code, ERROR_INVALID_ARGUMENT); /* S4-24 */
	world->owner = "bob";
	stop_it();
	assert_nothing(find(ROOST__SWEEP_FINDING__PASS__ABSENT, workspace, NULL, 1));
	assert_nothing(find(ROOST__SWEEP_FINDING__PASS__UNKNOWN, world_id(world), NULL, 1));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_what_was_removed_and_still_runs_is_removed_again),
	    TEST(test_a_session_that_ended_and_still_runs_is_killed),
	    TEST(test_what_is_in_no_log_is_taken_into_it_to_be_removed),
	    TEST(test_where_the_log_went_back_the_unknown_is_only_told_of),
	    TEST(test_what_should_run_and_is_not_there_is_lost),
	    TEST(test_what_runs_only_since_a_moment_is_not_lost),
	    TEST(test_a_session_that_is_not_there_has_failed),
	    TEST(test_a_deadline_that_nobody_fired_is_fired),
	    TEST(test_a_stop_that_does_not_end_is_asked_for_again),
	    TEST(test_an_error_without_a_failed_stop_is_left_alone),
	    TEST(test_tries_become_rarer_the_longer_it_lasts),
	    TEST(test_what_is_on_a_silent_node_waits_for_it),
	    TEST(test_a_session_that_does_not_start_is_asked_for_once_more_and_then_failed),
	    TEST(test_a_node_that_does_not_stop_is_told_once_more),
	    TEST(test_a_silence_is_told_of_once),
	    TEST(test_findings_about_what_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
