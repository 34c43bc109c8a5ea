/* Reports of node agents: early, late, duplicate, reordered and undecodable ones are all answered, taken
 * at most once, and never bring back what has ended (S1-03..S1-16, D11). */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <stdlib.h>
#include <string.h>

enum { EPOCH = 1000 };

struct fixture {
	struct controllers controllers;
	const char *node;
	struct connection *agent; /* reports are made by hand here */
	uint64_t next_number;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	fixture->agent = controllers_connection(&fixture->controllers, fixture->node);
	fixture->next_number = 1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

struct told {
	struct fixture *fixture;
	bool done, arrived;
	struct error error;
	uint64_t epoch, taken;
};

static void answered(void *context, const struct incoming *answer, const struct error *error)
{
	struct told *told = context;
	struct arena *arena = told->fixture->controllers.arena;
	told->done = true;
	if (answer == NULL) {
		told->error = *error;
		return;
	}
	told->arrived = true;
	if (incoming_header(answer, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(answer->data, false, &told->error);
		return;
	}
	const Roost__ReportAnswer *body = (const Roost__ReportAnswer *)message_unpack(
	    &roost__report_answer__descriptor, answer->data, arena, &told->error);
	assert_non_null(body);
	told->epoch = body->agent_epoch;
	told->taken = body->taken;
}

static struct told send_bytes(struct fixture *fixture, const char *node, struct bytes bytes)
{
	struct told told = {.fixture = fixture};
	struct subject subject = subject_report(node);
	struct outgoing message = {.subject = subject.text, .data = bytes};
	connection_request(fixture->agent, &message, CALL_TIMEOUT_MS, answered, &told);
	loop_until_true(&fixture->controllers.loop, &told.done, "the answer to a report");
	return told;
}

static struct told send_batch(struct fixture *fixture, uint64_t epoch, Roost__Report **reports, size_t count)
{
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	batch.has_agent_epoch = true;
	batch.agent_epoch = epoch;
	batch.reports = reports;
	batch.n_reports = count;
	return send_bytes(fixture, fixture->node, message_pack(&batch.base, fixture->controllers.arena));
}

static Roost__Report *report_new(struct fixture *fixture, uint64_t number)
{
	Roost__Report *report;
	arena_message(fixture->controllers.arena, report, roost__report__init);
	report->has_number = true;
	report->number = number;
	return report;
}

static Roost__Report *node_running(struct fixture *fixture, uint64_t number)
{
	Roost__Report *report = report_new(fixture, number);
	report->report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
	arena_message(fixture->controllers.arena, report->node_running, roost__node_running__init);
	return report;
}

static Roost__Report *workspace_running(struct fixture *fixture, uint64_t number, const char *id, uint32_t generation)
{
	Roost__Report *report = report_new(fixture, number);
	report->report_case = ROOST__REPORT__REPORT_WORKSPACE_RUNNING;
	arena_message(fixture->controllers.arena, report->workspace_running, roost__workspace_running__init);
	report->workspace_running->workspace_id = id;
	report->workspace_running->has_generation = true;
	report->workspace_running->generation = generation;
	return report;
}

static Roost__Report *workspace_failed(struct fixture *fixture, uint64_t number, const char *id, uint32_t generation)
{
	Roost__Report *report = report_new(fixture, number);
	report->report_case = ROOST__REPORT__REPORT_WORKSPACE_FAILED;
	arena_message(fixture->controllers.arena, report->workspace_failed, roost__workspace_failed__init);
	report->workspace_failed->workspace_id = id;
	report->workspace_failed->has_generation = true;
	report->workspace_failed->generation = generation;
	report->workspace_failed->step = "clone";
	report->workspace_failed->message = "The repository does not exist";
	report->workspace_failed->detail = "fatal: repository not found";
	return report;
}

static void tell(struct fixture *fixture, Roost__Report *report)
{
	struct told told = send_batch(fixture, EPOCH, &report, 1);
	assert_true(told.arrived);
	assert_int_equal(told.epoch, EPOCH);
	assert_int_equal(told.taken, report->number);
}

static const Roost__Workspace *new_workspace(struct fixture *fixture)
{
	if (fixture->next_number == 1)
		tell(fixture, node_running(fixture, fixture->next_number++));
	return make_workspace(&fixture->controllers, "alice", fixture->node, "api");
}

static int count_events(struct fixture *fixture, const char *workspace, const char *type)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.workspace_id = workspace;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	int count = 0;
	for (size_t i = 0; i < response->n_events; i++)
		count += strcmp(response->events[i]->type, type) == 0;
	return count;
}

static void expect_status(struct fixture *fixture, const char *id, Roost__Workspace__Status status)
{
	assert_int_equal(get_workspace(&fixture->controllers, "alice", id)->status, status);
}

/* S1-01, S1-03: the report itself moves the workspace on, nobody asks again; the record is there before the
 * answer. */
static void a_report_is_in_the_log_before_it_is_answered(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* S1-07, S1-10 */
static void a_duplicate_report_is_answered_and_counts_once(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	Roost__Report *report = workspace_running(fixture, fixture->next_number++, workspace->id, 1);
	tell(fixture, report);
	tell(fixture, report);
	assert_int_equal(count_events(fixture, workspace->id, "workspace_running"), 1);
}

/* S1-06, S1-16, D11 */
static void a_late_report_never_brings_back_a_stopped_workspace(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	stop.id = workspace->id;
	struct call call = {.owner = "alice", .command = "workspace.stop", .request = &stop.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "workspace.stop while creating");
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__STOPPING);
}

/* S1-04, S0-33 */
static void a_failed_provision_ends_in_error_with_its_reason_and_can_be_deleted(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	tell(fixture, workspace_failed(fixture, fixture->next_number++, workspace->id, 1));
	const Roost__Workspace *failed = get_workspace(&fixture->controllers, "alice", workspace->id);
	assert_int_equal(failed->status, ROOST__WORKSPACE__STATUS__ERROR);
	assert_non_null(strstr(failed->error_message, "does not exist"));
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__ERROR);
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = workspace->id;
	struct call call = {.owner = "alice", .command = "workspace.delete", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "workspace.delete of a failed one");
}

static void a_report_of_an_older_generation_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = workspace->id;
	struct call call = {.owner = "alice", .command = "workspace.restart", .request = &restart.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "workspace.restart");
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__CREATING);
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 2));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* S1-05: reports that come before those that they follow are asked for again, in order. */
static void a_gap_is_answered_with_the_number_that_the_log_holds(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	Roost__Report *reports[] = {
	    workspace_running(fixture, 2, workspace->id, 1),
	    workspace_running(fixture, 3, workspace->id, 1),
	};
	struct told told = send_batch(fixture, EPOCH, &reports[1], 1);
	assert_int_equal(told.taken, 1);
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__CREATING);
	told = send_batch(fixture, EPOCH, reports, 2);
	assert_int_equal(told.taken, 3);
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

static void what_does_not_decode_is_recorded_and_does_not_hold_up_the_rest(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	/* A batch of three: a report of a kind that nobody knows, one whose string is not UTF-8, a good one. */
	Roost__Report *good = workspace_running(fixture, 4, workspace->id, 1);
	struct bytes packed = message_pack(&good->base, fixture->controllers.arena);
	unsigned char bytes[512] = {0x10, 0xe8, 0x07}; /* agent_epoch: 1000 */
	size_t size = 3;
	static const unsigned char unknown[] = {0x1a, 0x05, 0x08, 0x02, 0xfa, 0x01, 0x00};
	static const unsigned char bad_text[] = {0x1a, 0x08, 0x08, 0x03, 0xaa, 0x01, 0x03, 0x0a, 0x01, 0xff};
	memcpy(bytes + size, unknown, sizeof(unknown));
	size += sizeof(unknown);
	memcpy(bytes + size, bad_text, sizeof(bad_text));
	size += sizeof(bad_text);
	bytes[size++] = 0x1a;
	bytes[size++] = (unsigned char)packed.size;
	memcpy(bytes + size, packed.data, packed.size);
	size += packed.size;
	struct told told = send_bytes(fixture, fixture->node, (struct bytes){bytes, size});
	assert_true(told.arrived);
	assert_int_equal(told.error.code, ERROR_NONE);
	assert_int_equal(told.taken, 4);
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

static void rubbish_and_unknown_nodes_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const unsigned char rubbish[] = {0xff, 0xff, 0xff, 0xff};
	struct told told = send_bytes(fixture, fixture->node, (struct bytes){rubbish, sizeof(rubbish)});
	assert_true(told.arrived);
	assert_int_equal(told.error.code, ERROR_INVALID_ARGUMENT);
	Roost__Report *report = node_running(fixture, 1);
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	batch.has_agent_epoch = true;
	batch.agent_epoch = EPOCH;
	batch.reports = &report;
	batch.n_reports = 1;
	told = send_bytes(fixture, "01J00000000000000000000000", message_pack(&batch.base, fixture->controllers.arena));
	assert_int_equal(told.error.code, ERROR_NODE_NOT_FOUND);
	/* The payload's node counts for nothing; the subject's does (S0-28). */
	batch.node_id = "01J00000000000000000000000";
	told = send_bytes(fixture, fixture->node, message_pack(&batch.base, fixture->controllers.arena));
	assert_int_equal(told.error.code, ERROR_NONE);
	assert_int_equal(told.taken, 1);
}

/* S1-11: another controller takes what the first one would have taken. */
static void reports_go_on_with_another_controller(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = new_workspace(fixture);
	controllers_kill(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 1);
	tell(fixture, workspace_running(fixture, fixture->next_number++, workspace->id, 1));
	expect_status(fixture, workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_report_is_in_the_log_before_it_is_answered),
	    TEST(a_duplicate_report_is_answered_and_counts_once),
	    TEST(a_late_report_never_brings_back_a_stopped_workspace),
	    TEST(a_failed_provision_ends_in_error_with_its_reason_and_can_be_deleted),
	    TEST(a_report_of_an_older_generation_changes_nothing),
	    TEST(a_gap_is_answered_with_the_number_that_the_log_holds),
	    TEST(what_does_not_decode_is_recorded_and_does_not_hold_up_the_rest),
	    TEST(rubbish_and_unknown_nodes_are_refused),
	    TEST(reports_go_on_with_another_controller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
