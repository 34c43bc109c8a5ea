/* Appends on a real server: every outcome is known, whatever is lost on the way. */
#include "tests/integration/log_fixture.h"

#include "bus/foundation/limits.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT "roost.evt.alice.node.01HZZZZZZZZZZZZZZZZZZZZZZZ"

static int set_up(void **state)
{
	struct log_fixture *fixture = log_fixture_start(NULL, NULL);
	log_fixture_ensure(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	log_fixture_stop(*state);
	return 0;
}

static struct ulid new_id(void)
{
	return ulid_new(clock_wall_ms());
}

static void append_with_the_right_expectation_is_done_at_the_next_place(void **state)
{
	struct log_fixture *fixture = *state;
	struct append_result first = log_fixture_append(fixture, SUBJECT, new_id().text, 0, "one");
	assert_int_equal(first.outcome, APPEND_DONE);
	assert_int_equal(first.seq, 1);
	struct append_result second = log_fixture_append(fixture, SUBJECT, new_id().text, first.seq, "two");
	assert_int_equal(second.outcome, APPEND_DONE);
	assert_int_equal(second.seq, 2);
	struct append_result other = log_fixture_append(fixture, SUBJECT "2", new_id().text, 0, "another aggregate");
	assert_int_equal(other.outcome, APPEND_DONE);
	struct append_result third = log_fixture_append(fixture, SUBJECT, new_id().text, second.seq, "three");
	assert_int_equal(third.outcome, APPEND_DONE);
	assert_int_equal(third.seq, 4);
	assert_int_equal(log_fixture_info(fixture).last_seq, 4);
}

static void append_with_another_expectation_is_a_conflict_that_names_the_last_sequence(void **state)
{
	struct log_fixture *fixture = *state;
	uint64_t first = log_fixture_append(fixture, SUBJECT, new_id().text, 0, "one").seq;
	uint64_t second = log_fixture_append(fixture, SUBJECT, new_id().text, first, "two").seq;
	const uint64_t wrong[] = {0, first, second - 1 + 5, 1000};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct append_result result = log_fixture_append(fixture, SUBJECT, new_id().text, wrong[i], "late");
		assert_int_equal(result.outcome, APPEND_CONFLICT);
		assert_int_equal(result.seq, second);
	}
	struct append_result empty = log_fixture_append(fixture, SUBJECT "9", new_id().text, 7, "late");
	assert_int_equal(empty.outcome, APPEND_CONFLICT);
	assert_int_equal(empty.seq, 0);
	assert_int_equal(log_fixture_info(fixture).last_seq, second);
}

static void the_same_append_again_is_done_at_its_first_place(void **state)
{
	struct log_fixture *fixture = *state;
	struct ulid id = new_id();
	uint64_t first = log_fixture_append(fixture, SUBJECT, id.text, 0, "one").seq;
	struct append_result again = log_fixture_append(fixture, SUBJECT, id.text, 0, "one");
	assert_int_equal(again.outcome, APPEND_DONE);
	assert_int_equal(again.seq, first);
	/* Also when others have come after it. */
	log_fixture_append(fixture, SUBJECT, new_id().text, first, "two");
	again = log_fixture_append(fixture, SUBJECT, id.text, 0, "one");
	assert_int_equal(again.outcome, APPEND_DONE);
	assert_int_equal(again.seq, first);
	assert_int_equal(log_fixture_info(fixture).last_seq, 2);
}

static void an_append_that_had_landed_is_found_by_looking_when_the_server_forgot_its_id(void **state)
{
	struct log_fixture *fixture = *state;
	struct ulid id = new_id();
	uint64_t first = log_fixture_append(fixture, SUBJECT, id.text, 0, "one").seq;
	log_fixture_append(fixture, SUBJECT, new_id().text, first, "two");
	/* A window of 100 ms: the server forgets ids that are older, and says "wrong last sequence". */
	json_t *info = log_fixture_api(fixture, "$JS.API.STREAM.INFO." LOG_STREAM, NULL);
	json_t *config = json_incref(json_object_get(info, "config"));
	json_object_set_new(config, "duplicate_window", json_integer(100000000));
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.UPDATE." LOG_STREAM, config));
	json_decref(info);
	loop_for(&fixture->loop, 400);
	struct append_result again = log_fixture_append(fixture, SUBJECT, id.text, 0, "one");
	assert_int_equal(again.outcome, APPEND_DONE);
	assert_int_equal(again.seq, first);
	assert_int_equal(log_fixture_info(fixture).last_seq, 2);
}

static void a_record_above_the_limit_is_refused(void **state)
{
	struct log_fixture *fixture = *state;
	char *large = malloc(RECORD_BYTES_MAX + 2);
	memset(large, 'x', RECORD_BYTES_MAX + 1);
	large[RECORD_BYTES_MAX + 1] = '\0';
	struct append_result result = log_fixture_append(fixture, SUBJECT, new_id().text, 0, large);
	assert_int_equal(result.outcome, APPEND_REFUSED);
	assert_int_equal(result.error.code, ERROR_PAYLOAD_TOO_LARGE);
	large[RECORD_BYTES_MAX] = '\0';
	assert_int_equal(log_fixture_append(fixture, SUBJECT, new_id().text, 0, large).outcome, APPEND_DONE);
	free(large);
}

static void an_acknowledgement_below_what_was_seen_is_not_believed(void **state)
{
	struct log_fixture *fixture = *state;
	struct pending_append pending;
	log_fixture_send_above(fixture, &pending, 5, SUBJECT, new_id().text, 0, "one", PATIENCE_MS);
	loop_until_true(&fixture->loop, &pending.done, "the append");
	assert_int_equal(pending.result.outcome, APPEND_UNKNOWN);
	assert_non_null(strstr(pending.result.error.message, "the log went back to 1, and 5 was there before"));
}

static void without_a_server_the_outcome_says_whether_anything_can_be_stored(void **state)
{
	struct log_fixture *fixture = *state;
	nats_server_freeze(fixture->server);
	struct pending_append pending;
	log_fixture_send(fixture, &pending, SUBJECT, new_id().text, 0, "one", 300);
	loop_until_true(&fixture->loop, &pending.done, "the append to give up");
	assert_int_equal(pending.result.outcome, APPEND_UNKNOWN);
	assert_int_equal(pending.result.error.code, ERROR_PLATFORM_UNAVAILABLE);
	nats_server_thaw(fixture->server);
	log_fixture_info(fixture);

	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.DELETE." LOG_STREAM, NULL));
	log_fixture_send(fixture, &pending, SUBJECT, new_id().text, 0, "one", 2000);
	loop_until_true(&fixture->loop, &pending.done, "the append to give up");
	assert_int_equal(pending.result.outcome, APPEND_REFUSED);
}

static void a_frozen_server_s_answer_is_asked_for_until_it_comes(void **state)
{
	struct log_fixture *fixture = *state;
	struct pending_append pending;
	nats_server_freeze(fixture->server);
	log_fixture_send(fixture, &pending, SUBJECT, new_id().text, 0, "one", PATIENCE_MS);
	loop_for(&fixture->loop, 1500); /* beyond one try's patience: the record is sent twice */
	assert_false(pending.done);
	nats_server_thaw(fixture->server);
	loop_until_true(&fixture->loop, &pending.done, "the append");
	assert_int_equal(pending.result.outcome, APPEND_DONE);
	assert_int_equal(pending.result.seq, 1);
	assert_int_equal(log_fixture_info(fixture).last_seq, 1);
}

/* kill -9 of the server at any moment of a stream of appends: each is stored once (S1-09). */
static void killing_the_server_under_appends_loses_and_doubles_nothing(void **state)
{
	struct log_fixture *fixture = *state;
	enum { ROUNDS = 6, APPENDS = 40 };
	char text[32];
	for (int round = 0; round < ROUNDS; round++) {
		struct pending_append pending[APPENDS];
		for (int i = 0; i < APPENDS; i++) {
			char subject[96];
			snprintf(subject, sizeof(subject), "roost.evt.alice.node.%d-%d", round, i);
			snprintf(text, sizeof(text), "%d", i);
			log_fixture_send(fixture, &pending[i], subject, new_id().text, 0, text, PATIENCE_MS);
		}
		int done = 0;
		/* Some rounds die with answers on their way, others before anything was read. */
		for (int turn = 0; turn < round * 2; turn++)
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
		nats_server_restart(fixture->server);
		for (int i = 0; i < APPENDS; i++) {
			loop_until_true(&fixture->loop, &pending[i].done, "an append over the server's death");
			assert_int_equal(pending[i].result.outcome, APPEND_DONE);
			done++;
		}
		assert_int_equal(done, APPENDS);
		assert_int_equal(log_fixture_info(fixture).last_seq, (uint64_t)(round + 1) * APPENDS);
	}
}

static void closing_the_connection_ends_what_is_under_way(void **state)
{
	struct log_fixture *fixture = *state;
	struct pending_append waiting, sent;
	struct connection *kept = fixture->connection;
	fixture->connection = log_fixture_connect(fixture);
	nats_server_freeze(fixture->server);
	log_fixture_send(fixture, &sent, SUBJECT, new_id().text, 0, "one", PATIENCE_MS);
	connection_close(fixture->connection, NULL, NULL);
	assert_true(sent.done);
	assert_int_equal(sent.result.outcome, APPEND_UNKNOWN);
	nats_server_thaw(fixture->server);

	fixture->connection = log_fixture_connect(fixture);
	nats_server_kill(fixture->server);
	loop_for(&fixture->loop, 100);
	log_fixture_send(fixture, &waiting, SUBJECT "3", new_id().text, 0, "one", PATIENCE_MS);
	loop_for(&fixture->loop, 20);
	connection_close(fixture->connection, NULL, NULL);
	assert_true(waiting.done);
	assert_int_equal(waiting.result.outcome, APPEND_REFUSED);
	nats_server_resume(fixture->server);
	fixture->connection = kept;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(append_with_the_right_expectation_is_done_at_the_next_place),
	    TEST(append_with_another_expectation_is_a_conflict_that_names_the_last_sequence),
	    TEST(the_same_append_again_is_done_at_its_first_place),
	    TEST(an_append_that_had_landed_is_found_by_looking_when_the_server_forgot_its_id),
	    TEST(a_record_above_the_limit_is_refused),
	    TEST(an_acknowledgement_below_what_was_seen_is_not_believed),
	    TEST(without_a_server_the_outcome_says_whether_anything_can_be_stored),
	    TEST(a_frozen_server_s_answer_is_asked_for_until_it_comes),
	    TEST(killing_the_server_under_appends_loses_and_doubles_nothing),
	    TEST(closing_the_connection_ends_what_is_under_way),
	};
	return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
