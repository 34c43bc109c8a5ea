/* What happens to workspaces and sessions after they are made: rename, stop, restart, delete, deadlines,
 * health, and what each means for the sessions. */
#include "controller/domain/states.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

static struct world *world;
static const char *node, *workspace;

/* A node with one running workspace. */
static int begin(void **state)
{
	(void)state;
	world = world_new();
	node = world_make_node(world, "n");
	workspace = world_make_workspace(world, node, "api");
	world_report_running(world, node, workspace, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static void assert_refused(const struct decision *decision, enum error_code code)
{
	assert_int_equal(decision->kind, DECISION_REFUSE);
	assert_string_equal(error_code_name(decision->refusal.code), error_code_name(code));
}

static struct decision *stop(const char *id)
{
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = id;
	return world_take(world, decide_stop_workspace(world_inputs(world), &request));
}

static struct decision *restart(const char *id)
{
	Roost__RestartWorkspaceRequest request = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	request.id = id;
	return world_take(world, decide_restart_workspace(world_inputs(world), &request));
}

static struct decision *delete_it(const char *id)
{
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = id;
	return world_take(world, decide_delete_workspace(world_inputs(world), &request));
}

static struct decision *rename_it(const char *id, const char *name)
{
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.id = id;
	request.display_name = name;
	return world_take(world, decide_rename_workspace(world_inputs(world), &request));
}

static struct decision *stop_session(const char *id)
{
	Roost__StopSessionRequest request = ROOST__STOP_SESSION_REQUEST__INIT;
	request.id = id;
	return world_take(world, decide_stop_session(world_inputs(world), &request));
}

static void report_session(Roost__Report__ReportCase which, const char *id)
{
	Roost__SessionRunning running = ROOST__SESSION_RUNNING__INIT;
	Roost__SessionEnded ended = ROOST__SESSION_ENDED__INIT;
	Roost__SessionFailed failed = ROOST__SESSION_FAILED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = which;
	if (which == ROOST__REPORT__REPORT_SESSION_RUNNING) {
		running.session_id = id;
		report.session_running = &running;
	} else if (which == ROOST__REPORT__REPORT_SESSION_ENDED) {
		ended.session_id = id;
		ended.has_exit_code = true;
		ended.exit_code = 3;
		report.session_ended = &ended;
	} else {
		failed.session_id = id;
		failed.message = "no such program";
		report.session_failed = &failed;
	}
	world_report(world, node, &report);
}

static void report_removed(const char *id)
{
	Roost__WorkspaceDeleted removed = ROOST__WORKSPACE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	removed.workspace_id = id;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_REMOVED;
	report.workspace_removed = &removed;
	world_report(world, node, &report);
}

static void report_lost(const char *id, uint32_t generation)
{
	Roost__WorkspaceLost lost = ROOST__WORKSPACE_LOST__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	lost.workspace_id = id;
	lost.generation = generation;
	lost.message = "its sandbox ended";
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_LOST;
	report.workspace_lost = &lost;
	world_report(world, node, &report);
}

static void report_stop_failed(const char *id, uint32_t generation, const char *message)
{
	Roost__WorkspaceStopFailed failed = ROOST__WORKSPACE_STOP_FAILED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	failed.workspace_id = id;
	failed.generation = generation;
	failed.message = message;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED;
	report.workspace_stop_failed = &failed;
	world_report(world, node, &report);
}

static Roost__Workspace__Status status_of(const char *id)
{
	return world_workspace(world, id)->resource->status;
}

static void assert_session(const char *id, Roost__AgentSession__Status status, Roost__AgentSession__StopReason reason)
{
	const Roost__SessionState *session = world_session(world, id);
	assert_string_equal(session_status_word(session->resource->status), session_status_word(status));
	assert_int_equal(session->resource->has_stop_reason ? session->resource->stop_reason : 0, reason);
}

/* S0-08, S0-09 */
static void test_rename_gives_the_final_name_and_keeps_everything_else(void **state)
{
	(void)state;
	const char *other = world_make_workspace(world, node, "web");
	uint64_t wanted = world_workspace(world, other)->wanted_version;
	const struct decision *decision = rename_it(other, "API");
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_string_equal(decision->answer.workspace->display_name, "API (2)");
	assert_string_equal(decision->answer.workspace->id, other);
	assert_string_equal(world_workspace(world, other)->owner, "alice");
	assert_int_equal(world_workspace(world, other)->wanted_version, wanted); /* it needs no node */
	assert_int_equal(rename_it(other, "api")->kind, DECISION_APPEND);	 /* another spelling: "api (2)" */
	assert_int_equal(rename_it(other, " api ")->kind, DECISION_NOTHING);
	assert_string_equal(rename_it(workspace, "Api")->answer.workspace->display_name, "Api");
	assert_refused(rename_it(world_id(world), "x"), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(rename_it(other, "a\x1b"), ERROR_INVALID_ARGUMENT);
}

/* S0-11, S0-17, S0-34, D6 */
static void test_stop_stops_the_sessions_and_nothing_else(void **state)
{
	(void)state;
	const char *other = world_make_workspace(world, node, "web");
	world_report_running(world, node, other, 1);
	const char *mine = world_make_session(world, workspace, "a"), *theirs = world_make_session(world, other, "b");
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, mine);
	const struct decision *decision = stop(workspace);
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__STOPPING);
	uint64_t version = world_node(world, node)->version;
	assert_int_equal(world_workspace(world, workspace)->wanted_version, version);
	assert_int_equal(world_session(world, mine)->wanted_version, version);
	assert_session(mine, ROOST__AGENT_SESSION__STATUS__STOPPING, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	assert_session(theirs, ROOST__AGENT_SESSION__STATUS__STARTING, 0); /* S0-05 */
	assert_true(world_workspace(world, other)->wanted_version < version);
	assert_int_equal(stop(workspace)->kind, DECISION_NOTHING);
	world_report_stopped(world, node, workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__STOPPED);
	assert_session(mine, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	assert_int_equal(world_workspace(world, workspace)->n_live_sessions, 0);
	assert_int_equal(stop(workspace)->kind, DECISION_NOTHING);
}

static void test_a_session_that_ends_while_its_workspace_stops_keeps_its_reason(void **state)
{
	(void)state;
	const char *first = world_make_session(world, workspace, "a"),
		   *second = world_make_session(world, workspace, "b");
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, first);
	stop_session(second);
	stop(workspace);
	report_session(ROOST__REPORT__REPORT_SESSION_ENDED, first);
	report_session(ROOST__REPORT__REPORT_SESSION_ENDED, second);
	assert_session(first, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	assert_session(second, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	assert_int_equal(world_session(world, first)->resource->exit_code, 3);
}

/* S0-12, S0-19 */
static void test_restart_raises_the_generation_and_ends_the_sessions_before_it(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "a");
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, session);
	const struct decision *decision = restart(workspace);
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__CREATING);
	assert_int_equal(decision->answer.workspace->generation, 2);
	assert_session(session, ROOST__AGENT_SESSION__STATUS__STOPPING,
		       ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	assert_true(world_workspace(world, workspace)->has_deadline_at);
	world_report_running(world, node, workspace, 1); /* of before: late */
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__CREATING);
	world_report_running(world, node, workspace, 2);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
	assert_session(session, ROOST__AGENT_SESSION__STATUS__STOPPED,
		       ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	assert_true(world_workspace(world, workspace)->resource->prior_sessions_ended);
	const char *next = world_make_session(world, workspace, "b");
	assert_int_equal(world_session(world, next)->generation, 2);
	assert_session(next, ROOST__AGENT_SESSION__STATUS__STARTING, 0);
}

static void test_restart_after_stop_shows_that_sessions_were_ended(void **state)
{
	(void)state;
	world_make_session(world, workspace, "a");
	stop(workspace);
	world_report_stopped(world, node, workspace, 1);
	assert_int_equal(restart(workspace)->kind, DECISION_APPEND);
	world_report_running(world, node, workspace, 2);
	assert_true(world_workspace(world, workspace)->resource->prior_sessions_ended);
}

static void test_a_workspace_without_sessions_has_none_that_ended(void **state)
{
	(void)state;
	restart(workspace);
	world_report_running(world, node, workspace, 2);
	assert_true(world_workspace(world, workspace)->resource->has_prior_sessions_ended);
	assert_false(world_workspace(world, workspace)->resource->prior_sessions_ended);
}

static void test_what_is_moving_is_not_restarted(void **state)
{
	(void)state;
	const char *creating = world_make_workspace(world, node, "c");
	assert_refused(restart(creating), ERROR_INVALID_TRANSITION);
	stop(workspace);
	assert_refused(restart(workspace), ERROR_INVALID_TRANSITION);
	delete_it(workspace);
	assert_refused(restart(workspace), ERROR_INVALID_TRANSITION);
	assert_refused(stop(workspace), ERROR_INVALID_TRANSITION);
}

/* D12: durable first; S4-25: nothing late revives it. */
static void test_delete_is_durable_before_anything_is_removed(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "a");
	const struct decision *decision = delete_it(workspace);
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__DELETING);
	assert_session(session, ROOST__AGENT_SESSION__STATUS__STOPPING,
		       ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	assert_int_equal(delete_it(workspace)->kind, DECISION_NOTHING);
	world_report_running(world, node, workspace, 1);
	report_lost(workspace, 1);
	world_report_stopped(world, node, workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__DELETING);
	report_removed(workspace);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__DELETED);
	assert_session(session, ROOST__AGENT_SESSION__STATUS__STOPPED,
		       ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	world_report_running(world, node, workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__DELETED);
	assert_refused(delete_it(workspace), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(stop_session(session), ERROR_SESSION_NOT_FOUND);
	assert_string_equal(world_workspace(world, world_make_workspace(world, node, "api"))->resource->display_name,
			    "api");
}

/* Delete works from every state (S0-33). */
static void test_delete_works_from_every_state(void **state)
{
	(void)state;
	const char *creating = world_make_workspace(world, node, "c"),
		   *stopping = world_make_workspace(world, node, "s"),
		   *stopped = world_make_workspace(world, node, "t"), *broken = world_make_workspace(world, node, "e");
	stop(stopping);
	stop(stopped);
	world_report_stopped(world, node, stopped, 1);
	report_lost(broken, 1);
	assert_int_equal(status_of(broken), ROOST__WORKSPACE__STATUS__ERROR);
	const char *all[] = {creating, stopping, stopped, broken, workspace};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(delete_it(all[i])->kind, DECISION_APPEND);
		report_removed(all[i]);
		assert_int_equal(status_of(all[i]), ROOST__WORKSPACE__STATUS__DELETED);
	}
	assert_int_equal(world_node(world, node)->resource->capacity->used, 0);
}

static void test_a_failed_stop_is_said_and_can_be_tried_again(void **state)
{
	(void)state;
	stop(workspace);
	report_stop_failed(workspace, 1, "a process does not end");
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__ERROR);
	assert_string_equal(world_workspace(world, workspace)->resource->error_message, "a process does not end");
	assert_int_equal(stop(workspace)->kind, DECISION_APPEND);
	world_report_stopped(world, node, workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__STOPPED);
	assert_null(world_workspace(world, workspace)->resource->error_message);
}

/* S0-31: a restart waits for the end of what ran before, and a start that failed is cleaned up after. When that
 * fails it is said, once per reason; what came of the start stays as it was said. */
static void test_what_a_start_could_not_end_is_said(void **state)
{
	(void)state;
	restart(workspace);
	report_stop_failed(workspace, 2, "3 processes do not end");
	assert_int_equal(world->applied.event_count, 1);
	assert_string_equal(world->applied.events[0]->type, "workspace_stop_failed");
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__CREATING);
	report_stop_failed(workspace, 2, "3 processes do not end");
	assert_int_equal(world->applied.event_count, 0);
	report_lost(workspace, 2);
	report_stop_failed(workspace, 2, "a mount stays");
	assert_int_equal(world->applied.event_count, 1);
	assert_string_equal(world_workspace(world, workspace)->resource->error_message, "its sandbox ended");
	assert_null(world_workspace(world, workspace)->left);
}

/* D12: the files stay, what is left is said, once per reason. */
static void test_a_failed_removal_stays_deleting(void **state)
{
	(void)state;
	delete_it(workspace);
	report_stop_failed(workspace, 1, "the disk is busy");
	assert_int_equal(world->applied.event_count, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__DELETING);
	assert_string_equal(world_workspace(world, workspace)->resource->error_message, "the disk is busy");
	report_stop_failed(workspace, 1, "the disk is busy");
	assert_int_equal(world->applied.event_count, 0);
	report_removed(workspace);
	assert_null(world_workspace(world, workspace)->resource->error_message);
}

static void test_a_lost_workspace_is_in_error_with_its_sessions(void **state)
{
	(void)state;
	const char *running = world_make_session(world, workspace, "a"),
		   *stopping = world_make_session(world, workspace, "b");
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, running);
	stop_session(stopping);
	report_lost(workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__ERROR);
	assert_session(running, ROOST__AGENT_SESSION__STATUS__ERROR, ROOST__AGENT_SESSION__STOP_REASON__FAILED);
	assert_string_equal(world_session(world, running)->resource->error_message, "The workspace was lost.");
	assert_session(stopping, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	assert_int_equal(restart(workspace)->kind, DECISION_APPEND);
	world_report_running(world, node, workspace, 2);
	assert_null(world_workspace(world, workspace)->resource->error_message);
}

/* S0-17 */
static void test_stopping_a_session_leaves_the_workspace_alone(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "a");
	uint64_t wanted = world_workspace(world, workspace)->wanted_version;
	const struct decision *decision = stop_session(session);
	assert_int_equal(decision->answer.session->status, ROOST__AGENT_SESSION__STATUS__STOPPING);
	assert_int_equal(stop_session(session)->kind, DECISION_NOTHING);
	report_session(ROOST__REPORT__REPORT_SESSION_ENDED, session);
	assert_session(session, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	assert_int_equal(stop_session(session)->kind, DECISION_NOTHING);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(world_workspace(world, workspace)->wanted_version, wanted);
	assert_refused(stop_session(world_id(world)), ERROR_SESSION_NOT_FOUND);
}

static void test_a_session_may_end_by_itself_or_fail(void **state)
{
	(void)state;
	const char *ended = world_make_session(world, workspace, "a"),
		   *failed = world_make_session(world, workspace, "b");
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, ended);
	report_session(ROOST__REPORT__REPORT_SESSION_ENDED, ended);
	assert_session(ended, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__EXITED);
	report_session(ROOST__REPORT__REPORT_SESSION_FAILED, failed);
	assert_session(failed, ROOST__AGENT_SESSION__STATUS__ERROR, ROOST__AGENT_SESSION__STOP_REASON__FAILED);
	assert_string_equal(world_session(world, failed)->resource->error_message, "no such program");
	/* What is left of a failed one can be killed. */
	assert_int_equal(stop_session(failed)->kind, DECISION_APPEND);
	assert_int_equal(world_workspace(world, workspace)->n_live_sessions, 1);
	report_session(ROOST__REPORT__REPORT_SESSION_ENDED, failed);
	assert_session(failed, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	/* A late word changes nothing. */
	report_session(ROOST__REPORT__REPORT_SESSION_RUNNING, ended);
	assert_session(ended, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__EXITED);
}

/* S1-09, S1-12, S1-16 */
static void test_a_deadline_fails_what_is_still_creating_once(void **state)
{
	(void)state;
	const char *late = world_make_workspace(world, node, "late");
	assert_int_equal(decide_provision_deadline(world_inputs(world), late, 1)->kind, DECISION_NOTHING);
	world->now_ms += world->limits.provision_timeout_ms;
	assert_int_equal(decide_provision_deadline(world_inputs(world), late, 2)->kind, DECISION_NOTHING);
	const struct decision *decision = world_take(world, decide_provision_deadline(world_inputs(world), late, 1));
	assert_int_equal(decision->kind, DECISION_APPEND);
	const Roost__WorkspaceState *failed = world_workspace(world, late);
	assert_int_equal(failed->resource->status, ROOST__WORKSPACE__STATUS__ERROR);
	assert_string_equal(failed->resource->error_message, "Workspace did not become ready within 60000ms");
	assert_int_equal(failed->wanted_version, world_node(world, node)->version); /* STOP: the node cleans up */
	assert_int_equal(decide_provision_deadline(world_inputs(world), late, 1)->kind, DECISION_NOTHING);
	assert_int_equal(decide_provision_deadline(world_inputs(world), workspace, 1)->kind, DECISION_NOTHING);
	assert_int_equal(decide_provision_deadline(world_inputs(world), world_id(world), 1)->kind, DECISION_NOTHING);
	world_report_running(world, node, late, 1); /* S1-06: it comes after all; no flip back */
	assert_int_equal(status_of(late), ROOST__WORKSPACE__STATUS__ERROR);
}

static void test_each_change_of_health_is_one_record(void **state)
{
	(void)state;
	assert_int_equal(decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__HEALTHY, 0, NULL)->kind,
			 DECISION_NOTHING);
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__STALE, 500, NULL));
	assert_int_equal(world_node(world, node)->announced_health, ROOST__NODE__HEALTH__STALE);
	assert_int_equal(world_node(world, node)->silent_since_at, 500);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING); /* D3 */
	assert_int_equal(decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__STALE, 500, NULL)->kind,
			 DECISION_NOTHING);
	world_take(world, decide_node_health(world_inputs(world), node, ROOST__NODE__HEALTH__HEALTHY, 0, NULL));
	assert_false(world_node(world, node)->has_silent_since_at);
	assert_int_equal(world->applied.events[0]->level, ROOST__EVENT__LEVEL__INFO);
}

/* D14 */
static void test_somebody_elses_things_do_not_exist(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "a");
	world->owner = "bob";
	assert_refused(stop(workspace), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(restart(workspace), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(delete_it(workspace), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(rename_it(workspace, "x"), ERROR_WORKSPACE_NOT_FOUND);
	assert_refused(stop_session(session), ERROR_SESSION_NOT_FOUND);
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = workspace;
	assert_refused(decide_create_session(world_inputs(world), &request), ERROR_WORKSPACE_NOT_FOUND);
}

static void test_ids_are_checked_before_anything_else(void **state)
{
	(void)state;
	assert_refused(stop("../x"), ERROR_INVALID_ARGUMENT);
	assert_refused(restart(NULL), ERROR_INVALID_ARGUMENT);
	assert_refused(delete_it(""), ERROR_INVALID_ARGUMENT);
	assert_refused(stop_session("x"), ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_rename_gives_the_final_name_and_keeps_everything_else),
	    TEST(test_stop_stops_the_sessions_and_nothing_else),
	    TEST(test_a_session_that_ends_while_its_workspace_stops_keeps_its_reason),
	    TEST(test_restart_raises_the_generation_and_ends_the_sessions_before_it),
	    TEST(test_restart_after_stop_shows_that_sessions_were_ended),
	    TEST(test_a_workspace_without_sessions_has_none_that_ended),
	    TEST(test_what_is_moving_is_not_restarted),
	    TEST(test_delete_is_durable_before_anything_is_removed),
	    TEST(test_delete_works_from_every_state),
	    TEST(test_a_failed_stop_is_said_and_can_be_tried_again),
	    TEST(test_a_failed_removal_stays_deleting),
	    TEST(test_what_a_start_could_not_end_is_said),
	    TEST(test_a_lost_workspace_is_in_error_with_its_sessions),
	    TEST(test_stopping_a_session_leaves_the_workspace_alone),
	    TEST(test_a_session_may_end_by_itself_or_fail),
	    TEST(test_a_deadline_fails_what_is_still_creating_once),
	    TEST(test_each_change_of_health_is_one_record),
	    TEST(test_somebody_elses_things_do_not_exist),
	    TEST(test_ids_are_checked_before_anything_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
