/* Reports: early, late, doubled, reordered, unknown, and in batches (S1-05..S1-16, D11). */
#include "bus/foundation/limits.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

enum { REPORTS_MAX = 32, EPOCH = 7 };

static struct world *world;
static const char *node, *workspace;

/* A batch under construction: reports and what is in them. */
static struct {
	Roost__Report reports[REPORTS_MAX];
	Roost__Report *pointers[REPORTS_MAX];
	Roost__WorkspaceRunning running[REPORTS_MAX];
	Roost__WorkspaceStopped stopped[REPORTS_MAX];
	Roost__WorkspaceStep steps[REPORTS_MAX];
	Roost__WorkspaceFailed failed[REPORTS_MAX];
	size_t count;
} built;

/* A node whose agent has reported once (number 1), with a workspace that is being made. */
static int begin(void **state)
{
	(void)state;
	memset(&built, 0, sizeof(built));
	world = world_new();
	node = world_make_node(world, "n");
	workspace = world_make_workspace(world, node, "api");
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static Roost__Report *add(uint64_t number, Roost__Report__ReportCase which)
{
	Roost__Report *report = &built.reports[built.count];
	roost__report__init(report);
	report->number = number;
	report->report_case = which;
	built.pointers[built.count++] = report;
	return report;
}

static void add_running(uint64_t number, const char *id, uint32_t generation)
{
	Roost__WorkspaceRunning *running = &built.running[built.count];
	roost__workspace_running__init(running);
	running->workspace_id = id;
	running->has_generation = true;
	running->generation = generation;
	add(number, ROOST__REPORT__REPORT_WORKSPACE_RUNNING)->workspace_running = running;
}

static void add_step(uint64_t number, const char *id, uint32_t generation, const char *message)
{
	Roost__WorkspaceStep *step = &built.steps[built.count];
	roost__workspace_step__init(step);
	step->workspace_id = id;
	step->has_generation = true;
	step->generation = generation;
	step->step = "clone";
	step->message = message;
	add(number, ROOST__REPORT__REPORT_WORKSPACE_STEP)->workspace_step = step;
}

static void add_failed(uint64_t number, const char *id, uint32_t generation, const char *message, const char *detail)
{
	Roost__WorkspaceFailed *failed = &built.failed[built.count];
	roost__workspace_failed__init(failed);
	failed->workspace_id = id;
	failed->has_generation = true;
	failed->generation = generation;
	failed->step = "clone";
	failed->message = message;
	failed->detail = detail;
	add(number, ROOST__REPORT__REPORT_WORKSPACE_FAILED)->workspace_failed = failed;
}

static uint64_t answered_epoch; /* of the last answer */

/* Sends what was built; the answer's `taken`. */
static struct decision *send_as(uint64_t epoch, uint64_t *taken)
{
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	Roost__ReportAnswer *answer;
	batch.node_id = node;
	batch.agent_epoch = epoch;
	batch.n_reports = built.count;
	batch.reports = built.pointers;
	struct decision *decision = world_take(world, decide_reports(world_inputs(world), &batch, &answer));
	answered_epoch = answer->agent_epoch;
	*taken = answer->taken;
	built.count = 0;
	return decision;
}

static struct decision *send(uint64_t *taken)
{
	return send_as(EPOCH, taken);
}

static Roost__Workspace__Status status_of(const char *id)
{
	return world_workspace(world, id)->resource->status;
}

/* S1-03 */
static void test_a_batch_becomes_one_record_with_its_position(void **state)
{
	(void)state;
	uint64_t taken;
	add_step(2, workspace, 1, "cloning");
	add_running(3, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(taken, 3);
	assert_int_equal(decision->record->n_changes, 2);
	assert_int_equal(decision->record->report_position->number, 3);
	assert_int_equal(decision->record->report_position->agent_epoch, EPOCH);
	assert_string_equal(decision->record->owner, "alice");
	assert_null(decision->record->idempotency_key);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
	assert_string_equal(world_workspace(world, workspace)->last_step, "clone");
	assert_int_equal(world_node(world, node)->report_position->number, 3);
}

/* S1-07 */
static void test_a_doubled_batch_is_had(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 1);
	send(&taken);
	add_running(2, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_NOTHING);
	assert_true(decision->certain);
	assert_int_equal(taken, 2);
	add_step(1, workspace, 1, "old");
	decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_NOTHING);
	assert_int_equal(taken, 2);
}

static void test_an_overlapping_batch_is_taken_from_where_it_is_new(void **state)
{
	(void)state;
	uint64_t taken;
	add_step(2, workspace, 1, "a");
	send(&taken);
	add_step(1, workspace, 1, "x");
	add_step(2, workspace, 1, "a");
	add_running(3, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(taken, 3);
}

/* An agent forgets only what the log has, so the log lost something: it went back. The gap is answered with
 * where to go on. */
static void test_a_gap_begins_a_new_log_epoch(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(3, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_APPEND); /* refused by the log if another record has come */
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_LOG_ROLLED_BACK);
	assert_int_equal(taken, 1);
	assert_int_equal(world_node(world, node)->log_epoch, 1);
	add_step(2, workspace, 1, "a");
	add_running(4, workspace, 1); /* a gap within the batch: up to there */
	decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(taken, 2);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__CREATING);
}

/* D11, S1-06, S1-16: success, the position moves, nothing is revived. */
static void test_a_late_report_moves_the_position_and_nothing_else(void **state)
{
	(void)state;
	uint64_t taken;
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	world_take(world, decide_stop_workspace(world_inputs(world), &request));
	add_running(2, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(decision->record->n_changes, 0);
	assert_int_equal(taken, 2);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__STOPPING);
}

static void test_another_generation_changes_nothing(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 2000000); /* a leap is nothing that a node can have: it is seen */
	add_failed(3, workspace, 0, "old", NULL);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
	assert_int_equal(taken, 3);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__CREATING);
}

/* The log went back, and before the node was heard it grew past what the node holds: nothing but the
 * generation shows it. Without a new epoch the node's workspace would run for ever, in error by the log. */
static void test_a_later_generation_begins_an_epoch_once(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 2);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_LOG_ROLLED_BACK);
	assert_int_equal(taken, 1);
	assert_int_equal(world_node(world, node)->log_epoch, 1);
	add_running(2, workspace, 2);
	decision = send(&taken);
	assert_int_equal(taken, 2);
	assert_int_equal(world_node(world, node)->log_epoch, 1);
	assert_int_equal(world_workspace(world, workspace)->resource->generation, 2);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
}

/* Each report is judged after the one before it. */
static void test_reports_of_one_batch_build_on_each_other(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 1);
	add_running(3, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(taken, 3);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
}

/* An agent that lost its database with the machine's sandboxes makes the workspace anew, and cannot. */
static void test_what_ran_and_could_not_be_made_again_has_failed(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 1);
	add_failed(3, workspace, 1, "no disk", NULL);
	send(&taken);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__ERROR);
	assert_string_equal(world_workspace(world, workspace)->resource->error_message, "no disk");
}

/* S4-16: a line that says the same as the one before it is no line; another one in between makes it news. */
static void test_repeated_steps_are_one_step(void **state)
{
	(void)state;
	uint64_t taken;
	add_step(2, workspace, 1, "fetching");
	add_step(3, workspace, 1, "fetching");
	add_step(4, workspace, 1, "fetching");
	add_step(5, workspace, 1, "checking out");
	add_step(6, workspace, 1, "fetching");
	assert_int_equal(send(&taken)->record->n_changes, 3);
	assert_int_equal(taken, 6);
	add_step(7, workspace, 1, "fetching"); /* also in a later batch */
	assert_int_equal(send(&taken)->record->n_changes, 0);
	add_running(8, workspace, 1);
	send(&taken);
	add_step(9, workspace, 1, "made after all"); /* late */
	assert_int_equal(send(&taken)->record->n_changes, 0);
}

static void add_stop_failed(uint64_t number, uint32_t processes)
{
	Roost__Report *report = add(number, ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED);
	arena_message(world->arena, report->workspace_stop_failed, roost__workspace_stop_failed__init);
	report->workspace_stop_failed->workspace_id = workspace;
	report->workspace_stop_failed->generation = 1;
	report->workspace_stop_failed->message = "they do not end";
	arena_message(world->arena, report->workspace_stop_failed->left, roost__left_behind__init);
	report->workspace_stop_failed->left->has_processes = true;
	report->workspace_stop_failed->left->processes = processes;
}

/* S4-25: the node tries on by itself. What is left is news when it changes, and the end of it is the end. */
static void test_a_stop_that_failed_goes_on_until_it_is_done(void **state)
{
	(void)state;
	uint64_t taken;
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	world_take(world, decide_stop_workspace(world_inputs(world), &request));
	add_stop_failed(2, 3);
	add_stop_failed(3, 3);
	add_stop_failed(4, 1);
	assert_int_equal(send(&taken)->record->n_changes, 2);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__ERROR);
	assert_int_equal(world_workspace(world, workspace)->left->processes, 1);
	world_report_stopped(world, node, workspace, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__STOPPED);
	assert_null(world_workspace(world, workspace)->left);
	assert_null(world_workspace(world, workspace)->resource->error_message);
}

/* A delete after a stop that failed hears of the same failure anew: somebody waits for it. */
static void test_a_failure_is_news_to_whoever_asks_next(void **state)
{
	(void)state;
	uint64_t taken;
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	stop.id = request.id = workspace;
	world_take(world, decide_stop_workspace(world_inputs(world), &stop));
	add_stop_failed(2, 3);
	send(&taken);
	world_take(world, decide_delete_workspace(world_inputs(world), &request));
	assert_null(world_workspace(world, workspace)->resource->error_message);
	assert_null(world_workspace(world, workspace)->left);
	add_stop_failed(3, 3);
	assert_int_equal(send(&taken)->record->n_changes, 1);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__DELETING);
	assert_int_equal(world_workspace(world, workspace)->left->processes, 3);
}

/* S0-33, S1-04 */
static void test_a_failure_has_its_reason_and_the_tail_of_the_output(void **state)
{
	(void)state;
	uint64_t taken;
	size_t size = STEP_OUTPUT_TAIL_BYTES + 100;
	char *detail = arena_alloc(world->arena, size + 1);
	memset(detail, 'x', size - 5);
	stpcpy(detail + size - 5, "fatal");
	add_failed(2, workspace, 1, "the repository does not exist", detail);
	const struct decision *decision = send(&taken);
	const Roost__WorkspaceFailed *failed = decision->record->changes[0]->workspace_failed;
	assert_int_equal(strlen(failed->detail), STEP_OUTPUT_TAIL_BYTES);
	assert_string_equal(failed->detail + STEP_OUTPUT_TAIL_BYTES - 5, "fatal");
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__ERROR);
	assert_string_equal(world_workspace(world, workspace)->resource->error_message,
			    "the repository does not exist");
	assert_int_equal(world_workspace(world, workspace)->wanted_version, world_node(world, node)->version);
}

/* What is too much for one record is taken in two: the answer says where to go on. */
static void test_a_batch_that_is_too_large_for_a_record_is_taken_in_parts(void **state)
{
	(void)state;
	enum { BROKEN = 20 };
	uint64_t taken, first;
	char *detail = arena_alloc(world->arena, STEP_OUTPUT_TAIL_BYTES + 1);
	const char *ids[BROKEN];
	memset(detail, 'x', STEP_OUTPUT_TAIL_BYTES);
	for (int i = 0; i < BROKEN; i++)
		ids[i] = world_make_workspace(world, node, "w");
	for (int i = 0; i < BROKEN; i++)
		add_failed(2 + (uint64_t)i, ids[i], 1, "no", detail);
	assert_int_equal(send(&first)->kind, DECISION_APPEND);
	assert_in_range(first, 3, 1 + BROKEN - 1);
	for (uint64_t i = first - 1; i < BROKEN; i++)
		add_failed(2 + i, ids[i], 1, "no", detail);
	assert_int_equal(send(&taken)->kind, DECISION_APPEND);
	assert_true(taken > first);
	for (uint64_t i = 0; i + 1 < taken; i++)
		assert_int_equal(status_of(ids[i]), ROOST__WORKSPACE__STATUS__ERROR);
}

static void test_long_messages_are_cut_between_characters(void **state)
{
	(void)state;
	uint64_t taken;
	char *message = arena_alloc(world->arena, 4001), *end_of_it = message;
	for (int i = 0; i < 1333; i++)
		end_of_it = stpcpy(end_of_it, "\xe2\x82\xac");
	add_step(2, workspace, 1, message);
	const char *cut = send(&taken)->record->changes[0]->workspace_step->message;
	assert_int_equal(strlen(cut), 1023);
}

static void test_what_nobody_understands_is_recorded_and_passed_over(void **state)
{
	(void)state;
	uint64_t taken;
	add(2, ROOST__REPORT__REPORT__NOT_SET);
	add_running(3, world_id(world), 1);
	add_running(4, NULL, 1);
	add_running(5, workspace, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(taken, 5);
	assert_int_equal(decision->record->n_changes, 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(decision->record->changes[i]->change_case, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
		assert_int_equal(decision->record->changes[i]->report_rejected->number, 2 + i);
	}
	assert_int_equal(world->applied.events[0]->level, ROOST__EVENT__LEVEL__WARNING);
	assert_int_equal(status_of(workspace), ROOST__WORKSPACE__STATUS__RUNNING);
}

/* S0-26, S0-41: a node speaks about its own things only. */
static void test_a_node_cannot_speak_about_another_nodes_workspace(void **state)
{
	(void)state;
	uint64_t taken;
	const char *other = world_make_node(world, "m"), *theirs = world_make_workspace(world, other, "x");
	add_running(2, theirs, 1);
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
	assert_int_equal(status_of(theirs), ROOST__WORKSPACE__STATUS__CREATING);
}

static void test_a_new_agent_database_begins_at_one(void **state)
{
	(void)state;
	uint64_t taken;
	add_running(2, workspace, 1);
	const struct decision *decision = send_as(EPOCH + 1, &taken);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_LOG_ROLLED_BACK);
	assert_int_equal(taken, 0);
	add_running(1, workspace, 1);
	decision = send_as(EPOCH + 1, &taken);
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_int_equal(taken, 1);
	assert_int_equal(answered_epoch, EPOCH + 1);
	/* A database that was replaced, or a new one on a machine whose clock is behind: it goes on above. */
	add_step(2, workspace, 1, "x");
	add_step(3, workspace, 1, "y");
	decision = send_as(EPOCH, &taken);
	assert_int_equal(decision->kind, DECISION_NOTHING);
	assert_int_equal(answered_epoch, EPOCH + 1);
	assert_int_equal(taken, 1);
	assert_int_equal(world_node(world, node)->report_position->agent_epoch, EPOCH + 1);
}

static void test_a_node_that_runs_already_only_tells_new_capabilities(void **state)
{
	(void)state;
	uint64_t taken;
	Roost__Capabilities capabilities = ROOST__CAPABILITIES__INIT;
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	capabilities.runtime = "oci";
	capabilities.has_cpus = true;
	capabilities.cpus = 4;
	running.capabilities = &capabilities;
	add(2, ROOST__REPORT__REPORT_NODE_RUNNING)->node_running = &running;
	const struct decision *decision = send(&taken);
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_NODE_CAPABILITIES_CHANGED);
	assert_string_equal(world_node(world, node)->resource->capabilities->runtime, "oci");
	add(3, ROOST__REPORT__REPORT_NODE_RUNNING)->node_running = &running;
	assert_int_equal(send(&taken)->record->n_changes, 0);
}

static void test_an_empty_batch_and_an_unknown_node(void **state)
{
	(void)state;
	uint64_t taken;
	assert_int_equal(send(&taken)->kind, DECISION_NOTHING);
	assert_int_equal(taken, 1);
	node = world_id(world);
	assert_int_equal(send(&taken)->refusal.code, ERROR_NODE_NOT_FOUND);
	node = NULL;
	assert_int_equal(send(&taken)->refusal.code, ERROR_NODE_NOT_FOUND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_batch_becomes_one_record_with_its_position),
	    TEST(test_a_doubled_batch_is_had),
	    TEST(test_an_overlapping_batch_is_taken_from_where_it_is_new),
	    TEST(test_a_gap_begins_a_new_log_epoch),
	    TEST(test_a_late_report_moves_the_position_and_nothing_else),
	    TEST(test_another_generation_changes_nothing),
	    TEST(test_a_later_generation_begins_an_epoch_once),
	    TEST(test_repeated_steps_are_one_step),
	    TEST(test_a_stop_that_failed_goes_on_until_it_is_done),
	    TEST(test_a_failure_is_news_to_whoever_asks_next),
	    TEST(test_reports_of_one_batch_build_on_each_other),
	    TEST(test_what_ran_and_could_not_be_made_again_has_failed),
	    TEST(test_a_failure_has_its_reason_and_the_tail_of_the_output),
	    TEST(test_a_batch_that_is_too_large_for_a_record_is_taken_in_parts),
	    TEST(test_long_messages_are_cut_between_characters),
	    TEST(test_what_nobody_understands_is_recorded_and_passed_over),
	    TEST(test_a_node_cannot_speak_about_another_nodes_workspace),
	    TEST(test_a_new_agent_database_begins_at_one),
	    TEST(test_a_node_that_runs_already_only_tells_new_capabilities),
	    TEST(test_an_empty_batch_and_an_unknown_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
