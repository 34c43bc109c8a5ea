/* The projection runner on a real server: order, position, identity, waiting, and every way in which
 * the log can be another one than the projection remembers. */
#include "tests/integration/log_fixture.h"

#include "bus/foundation/limits.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Appends `count` records over ten subjects; returns the last sequence. */
static uint64_t fill(struct log_fixture *fixture, int count)
{
	struct pending_append *pending = calloc((size_t)count, sizeof(*pending));
	for (int i = 0; i < count; i++) {
		char subject[96], text[32];
		snprintf(subject, sizeof(subject), "roost.evt.alice.node.%s", new_id().text);
		snprintf(text, sizeof(text), "record %d", i);
		log_fixture_send(fixture, &pending[i], subject, new_id().text, 0, text, PATIENCE_MS);
	}
	uint64_t last = 0;
	for (int i = 0; i < count; i++) {
		loop_until_true(&fixture->loop, &pending[i].done, "an append");
		assert_int_equal(pending[i].result.outcome, APPEND_DONE);
		if (pending[i].result.seq > last)
			last = pending[i].result.seq;
	}
	free(pending);
	return last;
}

/* Large logs quickly: plain publishes with an id, acknowledged by nobody; returns when all are there. */
static void flood(struct log_fixture *fixture, int count)
{
	uint64_t before = log_fixture_info(fixture).last_seq;
	char text[200];
	memset(text, 'r', sizeof(text));
	for (int i = 0; i < count; i++) {
		struct ulid id = new_id();
		char subject[96];
		snprintf(subject, sizeof(subject), "roost.evt.alice.node.%d", i % 1000);
		struct header header = {"Nats-Msg-Id", id.text};
		struct outgoing message = {
		    .subject = subject,
		    .data = {(const unsigned char *)text, sizeof(text)},
		    .headers = &header,
		    .header_count = 1,
		};
		struct error error = {0};
		while (!connection_publish(fixture->connection, &message, &error))
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
		if (i % 1000 == 0)
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	for (int tries = 0; log_fixture_info(fixture).last_seq < before + (uint64_t)count; tries++) {
		assert_true(tries < 3000);
		loop_for(&fixture->loop, 10);
	}
}

struct wait {
	int done;
	struct error error;
	uint64_t seq_then;
	struct memory_projection *projection;
};

static void on_wait(void *context, const struct error *error)
{
	struct wait *wait = context;
	wait->done++;
	if (error != NULL)
		wait->error = *error;
	wait->seq_then = projection_runner_applied_seq(wait->projection->runner);
}

static void an_empty_log_is_caught_up_with_at_once(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct log_identity identity = log_fixture_info(fixture).identity;
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(projection->caught_up, 1);
	assert_int_equal(projection_runner_applied_seq(projection->runner), 0);
	assert_string_equal(projection_runner_identity(projection->runner)->log_id, identity.log_id);
	assert_true(server_clock_fresh(&fixture->clock));
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

static void records_arrive_in_order_and_the_position_is_kept(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct memory_projection *whole = memory_projection_new();
	uint64_t half = fill(fixture, 50);
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(projection->position.applied_seq, half);
	memory_projection_unfollow(projection);

	fill(fixture, 50);
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	uint64_t last = fill(fixture, 5); /* and live */
	memory_projection_until_applied(fixture, projection, last);
	assert_int_equal(projection->rebuilds, 0);
	assert_int_equal(projection->count, 105);

	memory_projection_follow(fixture, whole);
	memory_projection_until_applied(fixture, whole, last);
	memory_projections_assert_equal(projection, whole);
	memory_projection_unfollow(projection);
	memory_projection_unfollow(whole);
	memory_projection_free(projection);
	memory_projection_free(whole);
}

static void our_own_record_is_applied_at_once_and_only_once(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	struct ulid id = new_id();
	struct stored_record record = {
	    .stored_ms = 1, .subject = SUBJECT, .record_id = id.text, .data = {(const unsigned char *)"one", 3}};
	struct pending_append pending;
	log_fixture_send(fixture, &pending, SUBJECT, id.text, 0, "one", PATIENCE_MS);
	record.seq = 2;
	assert_false(projection_runner_apply_own(projection->runner, &record)); /* not the next one */
	/* The record may come by replay before its acknowledgement: then the fast path is not taken. */
	loop_until_true(&fixture->loop, &pending.done, "the append");
	record.seq = pending.result.seq;
	bool fast = projection_runner_apply_own(projection->runner, &record);
	memory_projection_until_applied(fixture, projection, record.seq);
	assert_false(projection_runner_apply_own(projection->runner, &record));
	uint64_t last = log_fixture_append(fixture, SUBJECT, new_id().text, record.seq, "two").seq;
	memory_projection_until_applied(fixture, projection, last);
	assert_int_equal(projection->count, 2);
	assert_string_equal(projection->rows[0].record_id, id.text);
	print_message("fast path taken: %d\n", fast);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

static void waiting_ends_with_the_record_or_the_deadline(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct wait early = {.projection = projection}, late = {.projection = projection},
		    never = {.projection = projection};
	memory_projection_follow(fixture, projection);
	projection_runner_wait(projection->runner, 2, PATIENCE_MS, on_wait, &late);
	projection_runner_wait(projection->runner, 1, PATIENCE_MS, on_wait, &early);
	projection_runner_wait(projection->runner, 99, 100, on_wait, &never);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(early.done + late.done, 0);
	log_fixture_append(fixture, SUBJECT, new_id().text, 0, "one");
	loop_until_at_least(&fixture->loop, &early.done, 1, "the first record");
	assert_int_equal(late.done, 0);
	log_fixture_append(fixture, SUBJECT, new_id().text, 1, "two");
	loop_until_at_least(&fixture->loop, &late.done, 1, "the second record");
	loop_until_at_least(&fixture->loop, &never.done, 1, "the deadline");
	assert_int_equal(never.error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_int_equal(early.error.code, ERROR_NONE);
	projection_runner_wait(projection->runner, 2, PATIENCE_MS, on_wait, &late);
	assert_int_equal(late.done, 2); /* at once */
	projection_runner_wait(projection->runner, 99, PATIENCE_MS, on_wait, &never);
	memory_projection_unfollow(projection);
	assert_int_equal(never.done, 2); /* told that it is over */
	memory_projection_free(projection);
}

/* What was acknowledged before a catch-up was asked for is in the projection when it ends. */
static void catching_up_sees_what_was_in_the_log_before(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct wait waits[64];
	uint64_t last = 0;
	memory_projection_follow(fixture, projection);
	struct connection *other = log_fixture_connect(fixture);
	struct connection *own = fixture->connection;
	for (int i = 0; i < 64; i++) {
		fixture->connection = other;
		last = log_fixture_append(fixture, SUBJECT, new_id().text, last, "x").seq;
		fixture->connection = own;
		waits[i] = (struct wait){.projection = projection};
		projection_runner_catch_up(projection->runner, PATIENCE_MS, on_wait, &waits[i]);
		if (i % 3 == 0)
			loop_until_at_least(&fixture->loop, &waits[i].done, 1, "the projection");
	}
	for (int i = 0; i < 64; i++) {
		loop_until_at_least(&fixture->loop, &waits[i].done, 1, "the projection");
		assert_int_equal(waits[i].error.code, ERROR_NONE);
		assert_true(waits[i].seq_then >= (uint64_t)i + 1);
	}
	log_fixture_disconnect(fixture, other);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

/* kill -9 of the server: the projection goes on where it was, unharmed. */
/* While it replays somebody asks all the time where the log ends, so a question is on its way when the
 * replay comes to its end. Those who came later must not hear its answer, nor may a second one go out
 * that nobody would forget (the address sanitizer sees its answer come to a runner that is gone). */
static void one_question_at_a_time_is_on_its_way(void **state)
{
	struct log_fixture *fixture = *state;
	flood(fixture, 3000);
	for (int round = 0; round < 8; round++) {
		struct memory_projection *projection = memory_projection_new();
		struct wait wait = {.projection = projection};
		int asked = 0;
		memory_projection_follow(fixture, projection);
		for (; projection->caught_up == 0; asked += 2) {
			projection_runner_catch_up(projection->runner, PATIENCE_MS, on_wait, &wait);
			projection_runner_catch_up(projection->runner, PATIENCE_MS, on_wait, &wait);
			uv_run(&fixture->loop, UV_RUN_ONCE);
		}
		memory_projection_unfollow(projection);
		assert_int_equal(wait.done, asked);
		loop_for(&fixture->loop, 50);
		memory_projection_free(projection);
	}
}

static void a_killed_server_is_followed_again(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new(), *whole = memory_projection_new();
	struct wait wait = {.projection = projection};
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	uint64_t last = 0;
	for (int round = 0; round < 4; round++) {
		last = fill(fixture, 30);
		if (round % 2 == 0)
			projection_runner_catch_up(projection->runner, PATIENCE_MS, on_wait, &wait);
		nats_server_restart(fixture->server);
		if (round % 2 == 0)
			loop_until_at_least(&fixture->loop, &wait.done, round / 2 + 1,
					    "the catch-up over the server's death");
		assert_int_equal(wait.error.code, ERROR_NONE);
	}
	memory_projection_until_applied(fixture, projection, last);
	assert_int_equal(projection->rebuilds, 0);
	assert_int_equal(projection->caught_up, 1);
	memory_projection_follow(fixture, whole);
	memory_projection_until_applied(fixture, whole, last);
	memory_projections_assert_equal(projection, whole);
	memory_projection_unfollow(projection);
	memory_projection_unfollow(whole);
	memory_projection_free(projection);
	memory_projection_free(whole);
}

static bool was_rebuilt(void *context)
{
	return ((struct memory_projection *)context)->rebuilds > 0;
}

static void a_log_that_was_replaced_under_a_running_projection_rebuilds_it(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	fill(fixture, 20);
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.DELETE." LOG_STREAM, NULL));
	log_fixture_ensure(fixture);
	uint64_t last = fill(fixture, 25);
	loop_until(&fixture->loop, was_rebuilt, projection, PATIENCE_MS, "the rebuild");
	memory_projection_until_applied(fixture, projection, last);
	assert_non_null(strstr(projection->rebuild_reason, "it is of the log "));
	assert_int_equal(projection->count, 25);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

static void a_log_that_was_replaced_while_the_projection_was_down_rebuilds_it(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	fill(fixture, 20);
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	memory_projection_unfollow(projection);
	nats_server_wipe(fixture->server);
	nats_server_resume(fixture->server);
	log_fixture_ensure(fixture);
	fill(fixture, 30);
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(projection->rebuilds, 1);
	assert_int_equal(projection->count, 30);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

static void copy_folder(const char *from, const char *to)
{
	char text[256] = "";
	const char *remove[] = {"rm", "-rf", to, NULL};
	const char *copy[] = {"cp", "-a", from, to, NULL};
	assert_int_equal(process_run(remove, NULL, text, sizeof(text)), 0);
	if (process_run(copy, NULL, text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

/* The store is put back to an older copy: first shorter than the projection, then, with other records
 * in the places that the projection remembers, longer. `running`: under a running projection. */
static void roll_back(struct log_fixture *fixture, const char *store, bool running)
{
	struct memory_projection *projection = memory_projection_new();
	char copy[300];
	snprintf(copy, sizeof(copy), "%s.older", store);
	uint64_t start = log_fixture_info(fixture).last_seq;
	fill(fixture, 20);
	nats_server_kill(fixture->server);
	copy_folder(store, copy);
	nats_server_resume(fixture->server);

	for (int after = 0; after <= 15; after += 15) { /* 15: beyond where the projection will be */
		fill(fixture, 10);
		memory_projection_follow(fixture, projection);
		memory_projection_until_applied(fixture, projection, start + 30);
		if (!running)
			memory_projection_unfollow(projection);
		nats_server_kill(fixture->server);
		copy_folder(copy, store);
		projection->rebuilds = 0;
		nats_server_resume(fixture->server);
		if (after > 0)
			fill(fixture, after);
		if (!running)
			memory_projection_follow(fixture, projection);
		loop_until(&fixture->loop, was_rebuilt, projection, PATIENCE_MS, "the rebuild");
		memory_projection_until_applied(fixture, projection, start + 20 + (uint64_t)after);
		memory_projection_until_caught_up(fixture, projection);
		assert_int_equal(projection->count, start + 20 + (uint64_t)after);
		assert_int_equal(projection->rebuilds, 1);
		print_message("rebuilt: %s\n", projection->rebuild_reason);
		memory_projection_unfollow(projection);
		nats_server_kill(fixture->server);
		copy_folder(copy, store);
		nats_server_resume(fixture->server);
		log_fixture_info(fixture);
	}
	memory_projection_free(projection);
}

static void a_log_that_went_back_rebuilds_the_projection(void **state)
{
	(void)state;
	for (int running = 0; running < 2; running++) {
		char store[256];
		snprintf(store, sizeof(store), "%s/store", cleanup_folder());
		struct log_fixture *fixture = log_fixture_start(NULL, store);
		log_fixture_ensure(fixture);
		roll_back(fixture, store, running);
		log_fixture_stop(fixture);
	}
}

static void a_record_that_is_gone_from_the_log_cannot_vouch_for_the_projection(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	uint64_t first = log_fixture_append(fixture, SUBJECT, new_id().text, 0, "one").seq;
	memory_projection_follow(fixture, projection);
	memory_projection_until_applied(fixture, projection, first);
	memory_projection_unfollow(projection);
	log_fixture_append(fixture, SUBJECT, new_id().text, first, "snapshot");
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.PURGE." LOG_STREAM,
				    json_pack("{ss sI}", "filter", SUBJECT, "seq", (json_int_t)2)));
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(projection->rebuilds, 1);
	assert_non_null(strstr(projection->rebuild_reason, "is gone from the log"));
	assert_int_equal(projection->count, 1);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

/* After that time the log no longer tells what was deleted. Nobody was away from a log that stood still. */
static void an_absence_longer_than_tombstones_last_rebuilds_the_projection(void **state)
{
	static const int64_t day_ms = 86400000;
	static const struct {
		int away_days;
		bool something_came;
		int rebuilds;
	} cases[] = {{29, true, 0}, {31, false, 0}, {31, true, 1}};
	struct log_fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memory_projection *projection = memory_projection_new();
		projection->absence_ms_max = 30 * day_ms;
		uint64_t last = fill(fixture, 2);
		memory_projection_follow(fixture, projection);
		memory_projection_until_applied(fixture, projection, last);
		memory_projection_unfollow(projection);
		projection->position.newest_ms =
		    server_clock_now_ms(&fixture->clock) - cases[i].away_days * day_ms - day_ms / 24;
		if (cases[i].something_came)
			last = fill(fixture, 1);
		memory_projection_follow(fixture, projection);
		memory_projection_until_applied(fixture, projection, last);
		assert_int_equal(projection->rebuilds, cases[i].rebuilds);
		if (cases[i].rebuilds > 0)
			assert_non_null(strstr(projection->rebuild_reason, "it was away for 31 days"));
		assert_int_equal(projection->count, last);
		memory_projection_unfollow(projection);
		memory_projection_free(projection);
	}
}

/* A log whose last records were purged ends before its last sequence; nobody waits for them. */
static void records_purged_at_the_end_are_not_waited_for(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct wait wait = {.projection = projection};
	fill(fixture, 3);
	uint64_t last = log_fixture_append(fixture, SUBJECT, new_id().text, 0, "tombstone").seq;
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.PURGE." LOG_STREAM, json_pack("{ss}", "filter", SUBJECT)));
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	assert_int_equal(projection_runner_applied_seq(projection->runner), last - 1);
	projection_runner_catch_up(projection->runner, PATIENCE_MS, on_wait, &wait);
	loop_until_at_least(&fixture->loop, &wait.done, 1, "the catch-up");
	assert_int_equal(wait.error.code, ERROR_NONE);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

static void a_store_that_cannot_be_written_ends_the_work(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	struct wait wait = {.projection = projection};
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	projection->fail_commit = true;
	projection_runner_wait(projection->runner, 2, PATIENCE_MS, on_wait, &wait);
	log_fixture_append(fixture, SUBJECT, new_id().text, 0, "one");
	loop_until_at_least(&fixture->loop, &projection->failures, 1, "the failure");
	assert_string_equal(projection->failure, "the disk is gone");
	assert_int_equal(wait.error.code, ERROR_PLATFORM_UNAVAILABLE);
	memory_projection_unfollow(projection);
	assert_int_equal(projection->failures, 1);
	memory_projection_free(projection);
}

/* A consumer that the server forgot (its memory is gone, somebody deleted it) is made anew. */
static void a_consumer_that_vanished_is_made_anew(void **state)
{
	struct log_fixture *fixture = *state;
	struct memory_projection *projection = memory_projection_new();
	memory_projection_follow(fixture, projection);
	memory_projection_until_caught_up(fixture, projection);
	json_t *names = log_fixture_api(fixture, "$JS.API.CONSUMER.NAMES." LOG_STREAM, NULL);
	const char *name = json_string_value(json_array_get(json_object_get(names, "consumers"), 0));
	char subject[160];
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.DELETE." LOG_STREAM ".%s", name);
	json_decref(log_fixture_api(fixture, subject, NULL));
	json_decref(names);
	uint64_t last = fill(fixture, 10);
	memory_projection_until_applied(fixture, projection, last);
	assert_int_equal(projection->rebuilds, 0);
	assert_int_equal(projection->count, 10);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#endif

#ifdef ADDRESS_SANITIZER
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

/* Resident bytes; with a sanitizer, which keeps freed memory for a while, the bytes allocated. */
static size_t memory_in_use(void)
{
#ifdef ADDRESS_SANITIZER
	return __sanitizer_get_current_allocated_bytes();
#else
	char text[128] = "";
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return strtoul(strchr(text, ' '), NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

static void replaying_200_000_records_takes_no_more_memory_than_a_request_of_them(void **state)
{
	(void)state;
	/* nats.c frees messages on a thread of its own, which a busy machine lets fall behind. */
	enum { RECORDS = 200000, MORE_BYTES_MAX = 32 * 1024 * 1024 };
	char configuration[512];
	const char *store = cleanup_folder();
	/* Not synced: making the log is not what is measured. */
	snprintf(configuration, sizeof(configuration), "jetstream { store_dir: \"%s\", max_file_store: 4GB }", store);
	struct log_fixture *fixture = log_fixture_start(configuration, store);
	log_fixture_ensure(fixture);
	flood(fixture, RECORDS);
	struct memory_projection *projection = memory_projection_new();
	projection->rows_kept = false;
	size_t before = memory_in_use(), most = before;
	int64_t began = clock_monotonic_ms();
	memory_projection_follow(fixture, projection);
	while (!projection_runner_caught_up(projection->runner)) {
		uv_run(&fixture->loop, UV_RUN_ONCE);
		if (memory_in_use() > most)
			most = memory_in_use();
	}
	int64_t took = clock_monotonic_ms() - began;
	assert_int_equal(projection->count, RECORDS);
	print_message("%d records in %lld ms, %d transactions, %zu KiB more at most\n", RECORDS, (long long)took,
		      projection->transactions, (most - before) / 1024);
	assert_true(most - before < MORE_BYTES_MAX);
	memory_projection_unfollow(projection);
	memory_projection_free(projection);
	log_fixture_stop(fixture);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_log_is_caught_up_with_at_once),
	    TEST(records_arrive_in_order_and_the_position_is_kept),
	    TEST(our_own_record_is_applied_at_once_and_only_once),
	    TEST(waiting_ends_with_the_record_or_the_deadline),
	    TEST(catching_up_sees_what_was_in_the_log_before),
	    TEST(one_question_at_a_time_is_on_its_way),
	    TEST(a_killed_server_is_followed_again),
	    TEST(a_log_that_was_replaced_under_a_running_projection_rebuilds_it),
	    TEST(a_log_that_was_replaced_while_the_projection_was_down_rebuilds_it),
	    cmocka_unit_test(a_log_that_went_back_rebuilds_the_projection),
	    TEST(a_record_that_is_gone_from_the_log_cannot_vouch_for_the_projection),
	    TEST(an_absence_longer_than_tombstones_last_rebuilds_the_projection),
	    TEST(records_purged_at_the_end_are_not_waited_for),
	    TEST(a_store_that_cannot_be_written_ends_the_work),
	    TEST(a_consumer_that_vanished_is_made_anew),
	    cmocka_unit_test(replaying_200_000_records_takes_no_more_memory_than_a_request_of_them),
	};
	return cmocka_run_group_tests_name("projection runner", tests, NULL, NULL);
}
