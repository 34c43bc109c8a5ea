/* The outbox: numbers that never change once given, and answers of every kind (S1-05..S1-10). */
#include "nodeagent/control/report.h"
#include "tests/unit/nodeagent/fixture.h"

#define WORKSPACE "01JABCDEFGHJKMNPQRSTVWXYZ0"

static void add_step(struct fixture *fixture, const char *message)
{
	store_begin(fixture->store);
	report_step(fixture->store, WORKSPACE, 1, "disk", message);
	store_commit(fixture->store);
}

static void add_session_running(struct fixture *fixture, const char *id)
{
	store_begin(fixture->store);
	report_session_running(fixture->store, id);
	store_commit(fixture->store);
}

static enum answer_effect answer(struct fixture *fixture, uint64_t epoch, uint64_t taken)
{
	Roost__ReportAnswer message = ROOST__REPORT_ANSWER__INIT;
	message.has_agent_epoch = message.has_taken = true;
	message.agent_epoch = epoch;
	message.taken = taken;
	return store_take_answer(fixture->store, &message, FIXTURE_NOW + 1);
}

static uint64_t epoch_of(struct fixture *fixture)
{
	return store_identity(fixture->store)->agent_epoch;
}

static void numbers_rise_by_one_from_one(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	for (int i = 0; i < 3; i++)
		add_step(fixture, "making it");
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), 3);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(reports[i]->number, i + 1);
	assert_int_equal(reports[0]->report_case, ROOST__REPORT__REPORT_WORKSPACE_STEP);
	assert_string_equal(reports[0]->workspace_step->message, "making it");
}

/* S1-10: nothing is deleted before it is answered; a partial answer leads on from there. */
static void what_is_answered_goes_and_the_rest_keeps_its_numbers(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	for (int i = 0; i < 5; i++)
		add_step(fixture, "x");
	store_batch(fixture->store, fixture->arena, &reports);
	assert_int_equal(answer(fixture, epoch_of(fixture), 2), ANSWER_TOOK);
	assert_int_equal(store_reports_waiting(fixture->store), 3);
	fixture_reopen(fixture, "boot-1");
	assert_int_equal(store_reports_waiting(fixture->store), 3);
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), 3);
	assert_int_equal(reports[0]->number, 3);
	assert_int_equal(answer(fixture, epoch_of(fixture), 2), ANSWER_NOTHING);
	assert_int_equal(answer(fixture, epoch_of(fixture), 5), ANSWER_TOOK);
	assert_int_equal(store_reports_waiting(fixture->store), 0);
}

static void an_answer_about_an_older_epoch_is_no_answer(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	add_step(fixture, "x");
	store_batch(fixture->store, fixture->arena, &reports);
	assert_int_equal(answer(fixture, epoch_of(fixture) - 1, 77), ANSWER_NOTHING);
	assert_int_equal(store_reports_waiting(fixture->store), 1);
}

/* A log that went back, or a database that did: everything is told again under a new epoch. */
static void numbers_that_do_not_fit_begin_a_new_epoch(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	for (int i = 0; i < 4; i++)
		add_step(fixture, "x");
	store_batch(fixture->store, fixture->arena, &reports);
	uint64_t first = epoch_of(fixture);
	answer(fixture, first, 3);
	assert_int_equal(answer(fixture, first, 1), ANSWER_RENEWED);
	uint64_t second = epoch_of(fixture);
	assert_true(second > first);
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), 1);
	assert_int_equal(reports[0]->number, 1);
	assert_int_equal(answer(fixture, second, 9), ANSWER_RENEWED);
	assert_int_equal(answer(fixture, epoch_of(fixture) + 1000, 9), ANSWER_RENEWED);
	assert_true(epoch_of(fixture) > second + 1000);
	assert_int_equal(store_reports_waiting(fixture->store), 1);
}

/* After a power cut the last commits may be missing, and with them numbers that were given. */
static void a_new_boot_begins_a_new_epoch(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	add_step(fixture, "x");
	add_step(fixture, "y");
	store_batch(fixture->store, fixture->arena, &reports);
	uint64_t first = epoch_of(fixture);
	answer(fixture, first, 1);
	fixture_reopen(fixture, "boot-2");
	assert_true(epoch_of(fixture) > first);
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), 1);
	assert_int_equal(reports[0]->number, 1);
	assert_string_equal(reports[0]->workspace_step->message, "y");
}

static void a_batch_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	char large[20000];
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	for (int i = 0; i < 100; i++)
		add_step(fixture, "small");
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), REPORT_BATCH_MAX);
	answer(fixture, epoch_of(fixture), REPORT_BATCH_MAX);
	for (int i = 0; i < 20; i++)
		add_step(fixture, large);
	size_t count = store_batch(fixture->store, fixture->arena, &reports);
	assert_int_equal(count, 36 + REPORT_BATCH_BYTES_MAX / sizeof(large));
}

/* A full outbox loses progress lines, never an end, and no number that was given. */
static void a_full_outbox_drops_progress_first(void **state)
{
	struct fixture *fixture = *state;
	Roost__Report **reports = NULL;
	add_step(fixture, "sent");
	store_batch(fixture->store, fixture->arena, &reports);
	store_begin(fixture->store);
	report_session_running(fixture->store, WORKSPACE);
	for (int i = 0; i < OUTBOX_MAX - 2; i++)
		report_step(fixture->store, WORKSPACE, 1, "disk", "unsent");
	store_commit(fixture->store);
	assert_int_equal(store_reports_waiting(fixture->store), OUTBOX_MAX);
	add_session_running(fixture, "last");
	assert_int_equal(store_reports_waiting(fixture->store), 3);
	assert_int_equal(store_batch(fixture->store, fixture->arena, &reports), 3);
	assert_int_equal(reports[0]->report_case, ROOST__REPORT__REPORT_WORKSPACE_STEP);
	assert_string_equal(reports[0]->workspace_step->message, "sent");
	assert_int_equal(reports[1]->report_case, ROOST__REPORT__REPORT_SESSION_RUNNING);
	assert_string_equal(reports[2]->session_running->session_id, "last");
	assert_int_equal(reports[2]->number, 3);
}

static void an_outbox_full_of_ends_takes_no_more_progress(void **state)
{
	struct fixture *fixture = *state;
	store_begin(fixture->store);
	for (int i = 0; i < OUTBOX_MAX; i++)
		report_session_running(fixture->store, WORKSPACE);
	report_step(fixture->store, WORKSPACE, 1, "disk", "too many");
	assert_int_equal(store_reports_waiting(fixture->store), OUTBOX_MAX);
	report_session_running(fixture->store, "end");
	store_commit(fixture->store);
	assert_int_equal(store_reports_waiting(fixture->store), OUTBOX_MAX + 1);
}

/* A report and the change that it tells of are one. */
static void a_change_that_is_rolled_back_reports_nothing(void **state)
{
	struct fixture *fixture = *state;
	store_begin(fixture->store);
	report_session_running(fixture->store, WORKSPACE);
	store_rollback(fixture->store);
	assert_int_equal(store_reports_waiting(fixture->store), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    fixture_test(numbers_rise_by_one_from_one),
	    fixture_test(what_is_answered_goes_and_the_rest_keeps_its_numbers),
	    fixture_test(an_answer_about_an_older_epoch_is_no_answer),
	    fixture_test(numbers_that_do_not_fit_begin_a_new_epoch),
	    fixture_test(a_new_boot_begins_a_new_epoch),
	    fixture_test(a_batch_is_bounded),
	    fixture_test(a_full_outbox_drops_progress_first),
	    fixture_test(an_outbox_full_of_ends_takes_no_more_progress),
	    fixture_test(a_change_that_is_rolled_back_reports_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
