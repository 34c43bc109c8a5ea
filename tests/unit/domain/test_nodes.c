/* The life of a node: stop and start, delete and abandon, with what a confirmation lists, what a failed
 * stop leaves, health of its runtime, and a log that went back under it. */
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

static struct world *world;
static const char *node, *workspace;

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

static struct decision *stop(bool confirm)
{
	Roost__StopNodeRequest request = ROOST__STOP_NODE_REQUEST__INIT;
	request.id = node;
	request.confirm = confirm;
	return world_take(world, decide_stop_node(world_inputs(world), &request));
}

static struct decision *start(void)
{
	Roost__StartNodeRequest request = ROOST__START_NODE_REQUEST__INIT;
	request.id = node;
	return world_take(world, decide_start_node(world_inputs(world), &request));
}

static struct decision *delete_it(const char *id, bool confirm, bool abandon)
{
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = id;
	request.confirm = confirm;
	request.abandon = abandon;
	return world_take(world, decide_delete_node(world_inputs(world), &request));
}

static struct decision *tell(Roost__Report__ReportCase which, const char *message)
{
	return world_tell(world, node, which, NULL, 0, message);
}

static const char *status(void)
{
	return node_status_word(world_node(world, node)->resource->status);
}

static const char *workspace_status(void)
{
	return workspace_status_word(world_workspace(world, workspace)->resource->status);
}

static void assert_wanted(Roost__WantedNode__Desired desired, uint64_t version)
{
	const Roost__WantedNode *wanted = wanted_node(world_node(world, node), world->step);
	assert_int_equal(wanted->desired, desired);
	assert_int_equal(wanted->version, version);
}

static const char *detail_of(const struct decision *decision, const char *name)
{
	for (size_t i = 0; i < decision->detail_count; i++)
		if (strcmp(decision->details[i].name, name) == 0)
			return decision->details[i].value;
	return NULL;
}

/* S0-22 */
static void test_a_stop_is_confirmed_with_what_it_ends(void **state)
{
	(void)state;
	world_make_session(world, workspace, "s");
	world_make_workspace(world, node, "web");
	const struct decision *decision = stop(false);
	assert_int_equal(decision->refusal.code, ERROR_CONFIRMATION_REQUIRED);
	assert_string_equal(decision->refusal.message, "Stopping node n ends 2 workspaces and 1 session: "
						       "api (running, 1 session), web (creating). Confirm to go on.");
	assert_string_equal(detail_of(decision, "workspaces"), "2");
	assert_string_equal(detail_of(decision, "sessions"), "1");
	assert_string_equal(detail_of(decision, workspace), "api (running, 1 session)");
	assert_string_equal(status(), "running");
}

static void test_a_stop_that_ends_nothing_needs_no_confirmation(void **state)
{
	(void)state;
	world_force_workspace(world, workspace, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_int_equal(stop(false)->kind, DECISION_APPEND);
}

/* S0-22: sessions, workspaces and the node are stopped and shown so; the node's word is needed. */
static void test_a_stop_ends_what_runs_and_the_nodes_word_ends_the_stop(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "s");
	const char *deleting = world_make_workspace(world, node, "d");
	world_force_workspace(world, deleting, ROOST__WORKSPACE__STATUS__DELETING);
	const struct decision *decision = stop(true);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(decision->answer.node->status, ROOST__NODE__STATUS__STOPPING);
	uint64_t version = world_node(world, node)->version;
	assert_wanted(ROOST__WANTED_NODE__DESIRED__STOP, version);
	assert_int_equal(world_node(world, node)->status_since_at, world->now_ms);
	assert_string_equal(workspace_status(), "stopping");
	assert_int_equal(world_workspace(world, workspace)->wanted_version, version);
	assert_int_equal(world_session(world, session)->resource->stop_reason,
			 ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_int_equal(stop(false)->kind, DECISION_NOTHING);
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL);
	assert_string_equal(status(), "stopped");
	assert_wanted(ROOST__WANTED_NODE__DESIRED__STOP, version); /* nothing else is wanted of it now */
	assert_string_equal(workspace_status(), "stopped");
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(world_workspace(world, workspace)->n_live_sessions, 0);
	assert_int_equal(world_workspace(world, deleting)->resource->status, ROOST__WORKSPACE__STATUS__DELETING);
}

static void test_a_started_node_runs_by_its_word_and_its_workspaces_stay_stopped(void **state)
{
	(void)state;
	stop(true);
	assert_int_equal(start()->refusal.code, ERROR_INVALID_TRANSITION);
	tell(ROOST__REPORT__REPORT_NODE_RUNNING, NULL); /* of before the stop: late */
	assert_string_equal(status(), "stopping");
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL);
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = workspace;
	const struct decision *decision = decide_restart_workspace(world_inputs(world), &restart);
	assert_int_equal(decision->refusal.code, ERROR_NODE_NOT_RUNNING);
	assert_non_null(strstr(decision->refusal.message, "roost node start"));
	assert_int_equal(start()->answer.node->status, ROOST__NODE__STATUS__CREATING);
	assert_wanted(ROOST__WANTED_NODE__DESIRED__RUN, world_node(world, node)->version);
	assert_int_equal(start()->kind, DECISION_NOTHING);
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL); /* the same */
	assert_string_equal(status(), "creating");
	tell(ROOST__REPORT__REPORT_NODE_RUNNING, NULL);
	assert_string_equal(status(), "running");
	assert_string_equal(workspace_status(), "stopped");
	assert_int_equal(world_take(world, decide_restart_workspace(world_inputs(world), &restart))->kind,
			 DECISION_APPEND);
}

/* A workspace whose own stop had failed is stopped by the node's word, too. */
static void test_the_nodes_word_also_ends_a_stop_that_had_failed(void **state)
{
	(void)state;
	const char *broken = world_make_workspace(world, node, "b");
	world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_FAILED, broken, 1, "no such image");
	stop(true);
	world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED, workspace, 1, "3 processes stay");
	assert_string_equal(workspace_status(), "error");
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL);
	assert_string_equal(workspace_status(), "stopped");
	assert_null(world_workspace(world, workspace)->resource->error_message);
	assert_int_equal(world_workspace(world, broken)->resource->status, ROOST__WORKSPACE__STATUS__ERROR);
}

static struct decision *stop_fails(uint32_t processes)
{
	Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
	Roost__Report *report =
	    world_new_report(world->arena, ROOST__REPORT__REPORT_NODE_STOP_FAILED, NULL, 0, "they do not end");
	left.has_processes = true;
	left.processes = processes;
	report->node_stop_failed->left = &left;
	return world_report(world, node, report);
}

/* S4-25: what is left is said, as often as it changes; the node tries on and its status stays. */
static void test_a_node_that_cannot_be_stopped_says_what_is_left(void **state)
{
	(void)state;
	stop(true);
	assert_int_equal(stop_fails(3)->record->n_changes, 1);
	assert_string_equal(status(), "stopping");
	assert_string_equal(world_node(world, node)->resource->error_message, "they do not end");
	assert_int_equal(world_node(world, node)->left->processes, 3);
	assert_int_equal(stop_fails(3)->record->n_changes, 0);
	assert_int_equal(stop_fails(2)->record->n_changes, 1);
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL);
	assert_string_equal(status(), "stopped");
	assert_null(world_node(world, node)->resource->error_message);
	assert_null(world_node(world, node)->left);
}

/* S0-23, D10: everything that is on it is listed, also what does not run, since its files go. */
static void test_a_delete_is_confirmed_with_what_dies(void **state)
{
	(void)state;
	world_force_workspace(world, workspace, ROOST__WORKSPACE__STATUS__STOPPED);
	const struct decision *decision = delete_it(node, false, false);
	assert_int_equal(decision->refusal.code, ERROR_CONFIRMATION_REQUIRED);
	assert_non_null(strstr(decision->refusal.message, "api (stopped)"));
	assert_string_equal(detail_of(decision, "workspaces"), "1");
	assert_int_equal(delete_it(node, true, false)->answer.node->status, ROOST__NODE__STATUS__DELETING);
	assert_wanted(ROOST__WANTED_NODE__DESIRED__REMOVE, world_node(world, node)->version);
	assert_string_equal(workspace_status(), "deleting");
	assert_int_equal(delete_it(node, false, false)->kind, DECISION_NOTHING);
	tell(ROOST__REPORT__REPORT_NODE_STOPPED, NULL); /* late */
	assert_string_equal(status(), "deleting");
	tell(ROOST__REPORT__REPORT_NODE_REMOVED, NULL);
	assert_string_equal(status(), "deleted");
	assert_string_equal(workspace_status(), "deleted");
	assert_int_equal(world_node(world, node)->resource->capacity->used, 0);
	assert_int_equal(delete_it(node, true, false)->refusal.code, ERROR_NODE_NOT_FOUND);
	assert_wanted(ROOST__WANTED_NODE__DESIRED__REMOVE, world_node(world, node)->wanted_version);
}

static void test_a_long_list_is_cut_and_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 119; i++)
		world_make_workspace(world, node, "w");
	const struct decision *decision = stop(false);
	assert_non_null(strstr(decision->refusal.message, "120 workspaces"));
	assert_non_null(strstr(decision->refusal.message, " and 115 more. Confirm"));
	assert_string_equal(detail_of(decision, "workspaces"), "120");
	assert_int_equal(decision->detail_count, 102);
}

static const char *claimed_node(void)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "other";
	struct decision_inputs *inputs = world_inputs(world);
	const char *id = inputs->new_id;
	world_take(world, decide_create_node(inputs, &request));
	world_take(world, decide_create_node(world_inputs_again(world, inputs), &request));
	return id;
}

/* Nobody will ever give the word for a node whose agent never came. */
static void test_a_node_that_never_was_there_is_deleted_at_once(void **state)
{
	(void)state;
	const char *other = claimed_node();
	const struct decision *decision = delete_it(other, false, false);
	assert_int_equal(decision->record->n_changes, 2);
	assert_false(decision->record->changes[1]->node_deleted->abandoned);
	assert_int_equal(decision->answer.node->status, ROOST__NODE__STATUS__DELETED);
}

/* Its images, logs and processes are there, even when no workspace is. */
static void test_an_empty_node_with_an_agent_waits_for_its_word(void **state)
{
	(void)state;
	const char *empty = world_make_node(world, "empty");
	assert_int_equal(delete_it(empty, false, false)->answer.node->status, ROOST__NODE__STATUS__DELETING);
	world_tell(world, empty, ROOST__REPORT__REPORT_NODE_REMOVED, NULL, 0, NULL);
	assert_int_equal(world_node(world, empty)->resource->status, ROOST__NODE__STATUS__DELETED);
}

/* D17: a confirmation of its own, also for an empty node, and the list of what may be left. */
static void test_an_abandoned_node_is_deleted_with_what_may_be_left(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "s");
	delete_it(node, true, false); /* it never answers */
	const struct decision *decision = delete_it(node, false, true);
	assert_int_equal(decision->refusal.code, ERROR_CONFIRMATION_REQUIRED);
	assert_non_null(strstr(decision->refusal.message, "may leave 1 workspace"));
	decision = delete_it(node, true, true);
	assert_int_equal(decision->record->n_changes, 1);
	const Roost__NodeDeleted *deleted = decision->record->changes[0]->node_deleted;
	assert_true(deleted->abandoned);
	assert_int_equal(deleted->n_left_behind, 1);
	assert_string_equal(deleted->left_behind[0], arena_printf(world->step, "workspace %s (api)", workspace));
	assert_string_equal(world->applied.events[0]->detail, deleted->left_behind[0]);
	assert_string_equal(status(), "deleted");
	assert_string_equal(workspace_status(), "deleted");
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(world_workspace(world, workspace)->wanted_version, world_node(world, node)->version);
}

/* Its agent may come back: it is told REMOVE, and whatever it says is taken and changes nothing. */
static void test_a_deleted_node_is_listened_to_and_nothing_else(void **state)
{
	(void)state;
	delete_it(node, true, true);
	uint64_t version = world_node(world, node)->version;
	const struct decision *decision = tell(ROOST__REPORT__REPORT_NODE_RUNNING, NULL);
	assert_int_equal(decision->kind, DECISION_NOTHING);
	assert_true(decision->certain);
	assert_int_equal(world_node(world, node)->version, version);
	assert_int_equal(wanted_of_node(world_node(world, node)->resource->status),
			 ROOST__WANTED_NODE__DESIRED__REMOVE);
}

/* The second half of a delete: the number of nodes is decided in the owner. */
static void test_the_roster_lets_go_of_a_deleted_node_once(void **state)
{
	(void)state;
	world->limits.max_nodes_per_user = 1;
	assert_int_equal(decide_release_node(world_inputs(world), node)->kind, DECISION_NOTHING);
	delete_it(node, true, true);
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "next";
	assert_int_equal(decide_create_node(world_inputs(world), &request)->refusal.code, ERROR_LIMIT_REACHED);
	world->owner = "controller"; /* whoever completes it acts for the node's owner */
	const struct decision *decision = world_take(world, decide_release_node(world_inputs(world), node));
	world->owner = "alice";
	assert_string_equal(decision->record->aggregate_id, "alice");
	assert_string_equal(decision->record->owner, "alice");
	assert_int_equal(decide_release_node(world_inputs(world), node)->kind, DECISION_NOTHING);
	assert_int_equal(decide_create_node(world_inputs(world), &request)->kind, DECISION_APPEND);
	assert_int_equal(decide_release_node(world_inputs(world), world_id(world))->kind, DECISION_NOTHING);
}

/* D5 */
static void test_a_repeated_delete_gets_the_first_answer(void **state)
{
	(void)state;
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = node;
	request.confirm = true;
	world_take(world, decide_delete_node(world_inputs_keyed(world, "k", 1), &request));
	tell(ROOST__REPORT__REPORT_NODE_REMOVED, NULL);
	const struct decision *decision = decide_delete_node(world_inputs_keyed(world, "k", 1), &request);
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_int_equal(decision->answer.node->status, ROOST__NODE__STATUS__DELETING);
}

/* S4-19, S4-20: shown with a sample, and over only by the node's own word. */
static void test_a_degraded_runtime_is_shown_until_it_works_again(void **state)
{
	(void)state;
	assert_int_equal(tell(ROOST__REPORT__REPORT_NODE_RECOVERED, NULL)->record->n_changes, 0);
	assert_int_equal(tell(ROOST__REPORT__REPORT_NODE_DEGRADED, "crun: no space")->record->n_changes, 1);
	const Roost__Node *resource = world_node(world, node)->resource;
	assert_int_equal(resource->runtime_state, ROOST__NODE__RUNTIME_STATE__DEGRADED);
	assert_string_equal(resource->runtime_error, "crun: no space");
	assert_string_equal(status(), "running");
	assert_int_equal(tell(ROOST__REPORT__REPORT_NODE_DEGRADED, "crun: pid 77")->record->n_changes, 0);
	tell(ROOST__REPORT__REPORT_NODE_RUNNING, NULL); /* a restarted agent proves nothing */
	assert_int_equal(world_node(world, node)->resource->runtime_state, ROOST__NODE__RUNTIME_STATE__DEGRADED);
	assert_int_equal(tell(ROOST__REPORT__REPORT_NODE_RECOVERED, NULL)->record->n_changes, 1);
	assert_int_equal(world_node(world, node)->resource->runtime_state, ROOST__NODE__RUNTIME_STATE__OK);
	assert_null(world_node(world, node)->resource->runtime_error);
}

static void test_a_node_that_works_is_chosen_before_one_that_fails(void **state)
{
	(void)state;
	const char *other = world_make_node(world, "m");
	tell(ROOST__REPORT__REPORT_NODE_DEGRADED, "crun: no space");
	world_make_workspace(world, other, "x");
	world_make_workspace(world, other, "y");
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "z";
	const struct decision *decision = world_take(world, decide_create_workspace(world_inputs(world), &request));
	assert_string_equal(decision->answer.workspace->node_id, other);
}

static struct decision *rolled_back(uint64_t epoch, uint64_t version)
{
	return world_take(world, decide_log_rolled_back(world_inputs(world), node, epoch, version));
}

static void test_a_deleted_node_begins_no_epoch(void **state)
{
	(void)state;
	delete_it(node, true, true);
	assert_int_equal(rolled_back(0, 1000)->kind, DECISION_NOTHING);
	assert_int_equal(decide_log_rolled_back(world_inputs(world), world_id(world), 0, 9)->kind, DECISION_NOTHING);
}

/* Where the log went back the node's generation counts, and the next start is the one after it. */
static void test_a_later_generation_of_the_node_raises_the_logs(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "s");
	rolled_back(0, 1000);
	const struct decision *decision =
	    world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_LOST, workspace, 5, "it is gone");
	assert_int_equal(decision->record->n_changes, 2);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_WORKSPACE_GENERATION_RAISED);
	assert_int_equal(decision->record->changes[1]->change_case, ROOST__CHANGE__CHANGE_WORKSPACE_LOST);
	assert_int_equal(world_workspace(world, workspace)->resource->generation, 5);
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__ERROR);
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = workspace;
	assert_int_equal(
	    world_take(world, decide_restart_workspace(world_inputs(world), &restart))->answer.workspace->generation,
	    6);
	/* S0-19: what runs on the node in a later generation keeps no session of an earlier one. */
	world_report_running(world, node, workspace, 7);
	assert_string_equal(workspace_status(), "running");
	assert_int_equal(world_workspace(world, workspace)->resource->generation, 7);
	assert_int_equal(world_workspace(world, workspace)->wanted_version, world_node(world, node)->version);
}

/* Otherwise it is a lie, and so is a leap that would use the numbers up. */
static void test_a_leap_of_the_generation_is_not_believed(void **state)
{
	(void)state;
	rolled_back(0, 1000);
	const struct decision *decision = world_report_running(world, node, workspace, UINT32_MAX);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
	assert_int_equal(world_workspace(world, workspace)->resource->generation, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_stop_is_confirmed_with_what_it_ends),
	    TEST(test_a_stop_that_ends_nothing_needs_no_confirmation),
	    TEST(test_a_stop_ends_what_runs_and_the_nodes_word_ends_the_stop),
	    TEST(test_a_started_node_runs_by_its_word_and_its_workspaces_stay_stopped),
	    TEST(test_the_nodes_word_also_ends_a_stop_that_had_failed),
	    TEST(test_a_node_that_cannot_be_stopped_says_what_is_left),
	    TEST(test_a_delete_is_confirmed_with_what_dies),
	    TEST(test_a_long_list_is_cut_and_counted),
	    TEST(test_a_node_that_never_was_there_is_deleted_at_once),
	    TEST(test_an_empty_node_with_an_agent_waits_for_its_word),
	    TEST(test_an_abandoned_node_is_deleted_with_what_may_be_left),
	    TEST(test_a_deleted_node_is_listened_to_and_nothing_else),
	    TEST(test_the_roster_lets_go_of_a_deleted_node_once),
	    TEST(test_a_repeated_delete_gets_the_first_answer),
	    TEST(test_a_degraded_runtime_is_shown_until_it_works_again),
	    TEST(test_a_node_that_works_is_chosen_before_one_that_fails),
	    TEST(test_a_deleted_node_begins_no_epoch),
	    TEST(test_a_later_generation_of_the_node_raises_the_logs),
	    TEST(test_a_leap_of_the_generation_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
