/* The streams as they are made and checked, and a disk that is full. */
#include "tests/integration/log_fixture.h"

#include "bus/foundation/limits.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state)
{
	*state = log_fixture_start(NULL, NULL);
	return 0;
}

static int tear_down(void **state)
{
	log_fixture_stop(*state);
	return 0;
}

struct ensured {
	struct log_info info;
	int done;
	struct error error;
};

static void on_ensured(void *context, const struct log_info *info, const struct error *error)
{
	struct ensured *ensured = context;
	ensured->done++;
	if (info != NULL)
		ensured->info = *info;
	else
		ensured->error = *error;
}

static void streams_are_made_once_however_many_make_them(void **state)
{
	struct log_fixture *fixture = *state;
	struct connection *other = log_fixture_connect(fixture);
	struct ensured ensured[6] = {0};
	for (int i = 0; i < 6; i++)
		log_stream_ensure(i % 2 == 0 ? fixture->connection : other, &fixture->clock, 1, PATIENCE_MS, on_ensured,
				  &ensured[i]);
	for (int i = 0; i < 6; i++) {
		loop_until_at_least(&fixture->loop, &ensured[i].done, 1, "the streams");
		assert_int_equal(ensured[i].error.code, ERROR_NONE);
		assert_true(ulid_valid(ensured[i].info.identity.log_id));
		assert_int_equal(ensured[i].info.identity.log_epoch, 1);
		assert_string_equal(ensured[i].info.identity.log_id, ensured[0].info.identity.log_id);
	}
	nats_server_restart(fixture->server);
	struct log_info again = log_fixture_info(fixture);
	assert_string_equal(again.identity.log_id, ensured[0].info.identity.log_id);
	log_fixture_disconnect(fixture, other);
}

static void the_server_s_clock_is_learnt(void **state)
{
	struct log_fixture *fixture = *state;
	assert_false(server_clock_fresh(&fixture->clock));
	struct log_info info = log_fixture_ensure(fixture);
	int64_t apart = server_clock_now_ms(&fixture->clock) - clock_wall_ms();
	assert_true(server_clock_fresh(&fixture->clock));
	assert_true(apart > -2000 && apart < 2000);
	assert_true(info.server_ms > 1600000000000);
}

static void ensuring_waits_for_a_server_that_comes_later(void **state)
{
	struct log_fixture *fixture = *state;
	struct ensured ensured = {0};
	nats_server_kill(fixture->server);
	log_stream_ensure(fixture->connection, &fixture->clock, 1, PATIENCE_MS, on_ensured, &ensured);
	loop_for(&fixture->loop, 300);
	assert_int_equal(ensured.done, 0);
	nats_server_resume(fixture->server);
	loop_until_at_least(&fixture->loop, &ensured.done, 1, "the streams");
	assert_int_equal(ensured.error.code, ERROR_NONE);
}

static void ensuring_gives_up_at_its_deadline(void **state)
{
	struct log_fixture *fixture = *state;
	struct ensured ensured = {0};
	nats_server_kill(fixture->server);
	log_stream_ensure(fixture->connection, &fixture->clock, 1, 200, on_ensured, &ensured);
	loop_until_at_least(&fixture->loop, &ensured.done, 1, "the end of it");
	assert_int_equal(ensured.error.code, ERROR_PLATFORM_UNAVAILABLE);
	nats_server_resume(fixture->server);
}

static json_t *made_config(struct log_fixture *fixture, const char *stream)
{
	char subject[96];
	snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", stream);
	json_t *info = log_fixture_api(fixture, subject, NULL);
	json_t *config = json_incref(json_object_get(info, "config"));
	json_decref(info);
	assert_non_null(config);
	return config;
}

static void a_log_that_could_forget_is_not_used(void **state)
{
	struct log_fixture *fixture = *state;
	log_fixture_ensure(fixture);
	struct {
		const char *field;
		json_t *value;
	} const changes[] = {
	    {"max_msgs", json_integer(1000)},
	    {"max_age", json_integer(3600000000000)},
	    {"max_msgs_per_subject", json_integer(5)},
	    {"allow_direct", json_false()},
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		json_t *config = made_config(fixture, LOG_STREAM);
		json_t *before = json_deep_copy(config);
		struct ensured ensured = {0};
		json_object_set_new(config, changes[i].field, changes[i].value);
		json_decref(log_fixture_api(fixture, "$JS.API.STREAM.UPDATE." LOG_STREAM, config));
		log_stream_ensure(fixture->connection, &fixture->clock, 1, PATIENCE_MS, on_ensured, &ensured);
		loop_until_at_least(&fixture->loop, &ensured.done, 1, "the refusal");
		assert_int_equal(ensured.error.code, ERROR_PLATFORM_UNAVAILABLE);
		assert_non_null(strstr(ensured.error.message, changes[i].field));
		json_decref(log_fixture_api(fixture, "$JS.API.STREAM.UPDATE." LOG_STREAM, before));
		log_fixture_ensure(fixture);
	}
}

static void a_stream_of_that_name_that_is_not_ours_is_not_used(void **state)
{
	struct log_fixture *fixture = *state;
	struct ensured ensured = {0};
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.CREATE." LOG_STREAM,
				    json_pack("{ss s[s]}", "name", LOG_STREAM, "subjects", "other.>")));
	log_stream_ensure(fixture->connection, &fixture->clock, 1, PATIENCE_MS, on_ensured, &ensured);
	loop_until_at_least(&fixture->loop, &ensured.done, 1, "the refusal");
	assert_int_equal(ensured.error.code, ERROR_PLATFORM_UNAVAILABLE);
}

static void more_replicas_than_the_log_has_are_refused(void **state)
{
	struct log_fixture *fixture = *state;
	struct ensured ensured = {0};
	log_fixture_ensure(fixture);
	log_stream_ensure(fixture->connection, &fixture->clock, 3, PATIENCE_MS, on_ensured, &ensured);
	loop_until_at_least(&fixture->loop, &ensured.done, 1, "the refusal");
	assert_non_null(strstr(ensured.error.message, "num_replicas is 1 where 3 is needed"));
}

static bool three_beats(void *context)
{
	json_t *info = log_fixture_api(context, "$JS.API.STREAM.INFO." BEATS_STREAM, NULL);
	json_t *state = json_object_get(info, "state");
	bool three = json_integer_value(json_object_get(state, "messages")) == 3 &&
		     json_integer_value(json_object_get(state, "last_seq")) == 9;
	json_decref(info);
	return three;
}

/* The last beat of each node is kept and nobody is answered: a forged reply subject gets nothing. */
static void beats_are_kept_one_per_node_and_never_acknowledged(void **state)
{
	struct log_fixture *fixture = *state;
	log_fixture_ensure(fixture);
	struct error error;
	for (int i = 0; i < 9; i++) {
		char subject[64];
		snprintf(subject, sizeof(subject), "roost.beat.%d", i % 3);
		struct outgoing beat = {
		    .subject = subject, .reply = "roost.evt.mallory.node.1", .data = {(const unsigned char *)"x", 1}};
		assert_true(connection_publish(fixture->connection, &beat, &error));
	}
	loop_until(&fixture->loop, three_beats, fixture, PATIENCE_MS, "three beats");
	assert_int_equal(log_fixture_info(fixture).last_seq, 0);
	json_t *config = made_config(fixture, BEATS_STREAM);
	assert_true(json_is_true(json_object_get(config, "no_ack")));
	assert_string_equal(json_string_value(json_object_get(config, "storage")), "memory");
	json_decref(config);
}

/* A beats' stream that an older version made otherwise is brought up to date. */
static void an_older_beats_stream_is_brought_up_to_date(void **state)
{
	struct log_fixture *fixture = *state;
	json_decref(log_fixture_api(fixture, "$JS.API.STREAM.CREATE." BEATS_STREAM,
				    json_pack("{ss s[s] ss si}", "name", BEATS_STREAM, "subjects", "roost.beat.*",
					      "storage", "memory", "max_msgs_per_subject", 1)));
	log_fixture_ensure(fixture);
	json_t *config = made_config(fixture, BEATS_STREAM);
	assert_true(json_is_true(json_object_get(config, "no_ack")));
	json_decref(config);
}

static int feeds;

static void count_feed(void *context, const struct incoming *message)
{
	(void)context;
	if (incoming_header(message, "Nats-Sequence") != NULL)
		feeds++;
}

static void the_feed_has_what_was_stored_and_nothing_else(void **state)
{
	struct log_fixture *fixture = *state;
	log_fixture_ensure(fixture);
	feeds = 0;
	struct subscription *feed = connection_subscribe(fixture->connection, "roost.feed.>", NULL, count_feed, NULL);
	log_fixture_append(fixture, "roost.evt.alice.node.1", ulid_new(1).text, 0, "one");
	log_fixture_append(fixture, "roost.evt.alice.node.1", ulid_new(2).text, 0, "refused");
	log_fixture_append(fixture, "roost.evt.alice.node.1", ulid_new(3).text, 1, "two");
	loop_until_at_least(&fixture->loop, &feeds, 2, "the feed");
	log_fixture_info(fixture);
	assert_int_equal(feeds, 2);
	subscription_cancel(feed);
}

/* A file system of its own, seen by this process and the server that it starts, gone with them. */
static const char *small_disk(int megabytes)
{
	static char folder[128];
	char options[32];
	snprintf(folder, sizeof(folder), "%s/disk", cleanup_folder());
	snprintf(options, sizeof(options), "size=%dm", megabytes);
	assert_int_equal(mkdir(folder, 0700), 0);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, options) != 0)
		fail_msg("a small file system: %s", strerror(errno));
	return folder;
}

static void write_ballast(const char *path, size_t bytes)
{
	char block[4096] = "";
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t written = 0; written < bytes; written += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)), (ssize_t)sizeof(block));
	close(fd);
}

enum { BALLAST_BYTES = 3145728 };

struct disk {
	const char *folder;
	char ballast[300];
	struct log_fixture *fixture;
	uint64_t last;
	size_t record_bytes;
};

static struct append_result append_large(struct disk *disk)
{
	char *text = calloc(1, disk->record_bytes + 1);
	memset(text, 'x', disk->record_bytes);
	struct append_result result = log_fixture_append(disk->fixture, "roost.evt.alice.node.1",
							 ulid_new(clock_wall_ms()).text, disk->last, text);
	if (result.outcome == APPEND_DONE)
		disk->last = result.seq;
	free(text);
	return result;
}

static struct append_result fill_disk(struct disk *disk, int megabytes, size_t record_bytes)
{
	char store[256];
	struct append_result result = {.outcome = APPEND_DONE};
	*disk = (struct disk){.folder = small_disk(megabytes), .record_bytes = record_bytes};
	snprintf(disk->ballast, sizeof(disk->ballast), "%s/ballast", disk->folder);
	snprintf(store, sizeof(store), "%s/store", disk->folder);
	write_ballast(disk->ballast, BALLAST_BYTES);
	disk->fixture = log_fixture_start(NULL, store);
	log_fixture_ensure(disk->fixture);
	for (int i = 0; i < 1000 && result.outcome == APPEND_DONE; i++)
		result = append_large(disk);
	print_message("%llu records, then: %s\n", (unsigned long long)disk->last, result.error.message);
	return result;
}

static void release_disk(struct disk *disk)
{
	log_fixture_stop(disk->fixture);
	assert_int_equal(umount2(disk->folder, MNT_DETACH), 0);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	(void)state;
	struct disk disk;
	struct append_result result = fill_disk(&disk, 8, 102400);
	assert_int_equal(result.outcome, APPEND_REFUSED);
	assert_int_equal(result.error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_true(disk.last > 10);
	assert_int_equal(log_fixture_info(disk.fixture).last_seq, disk.last);

	assert_int_equal(unlink(disk.ballast), 0);
	assert_int_equal(append_large(&disk).outcome, APPEND_DONE);
	nats_server_restart(disk.fixture->server);
	assert_int_equal(log_fixture_info(disk.fixture).last_seq, disk.last);
	release_disk(&disk);
}

/* The first file of 8 MiB is full, and there is no room for the second: the server then numbers anew
 * from 1. Nothing is sent to it until it is restarted. */
static void a_server_that_lost_count_on_a_full_disk_is_not_believed(void **state)
{
	(void)state;
	struct disk disk;
	struct ensured asked = {0};
	assert_int_equal(fill_disk(&disk, 11, 131072).outcome, APPEND_REFUSED);
	uint64_t before = disk.last;
	assert_int_equal(unlink(disk.ballast), 0);
	log_stream_info(disk.fixture->connection, &disk.fixture->clock, PATIENCE_MS, on_ensured, &asked);
	loop_until_at_least(&disk.fixture->loop, &asked.done, 1, "the answer");
	assert_int_equal(asked.error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(strstr(asked.error.message, "lost count"));
	for (int i = 0; i < 3; i++) {
		struct append_result result = append_large(&disk);
		assert_int_equal(result.outcome, APPEND_REFUSED);
		assert_non_null(strstr(result.error.message, "lost count"));
	}
	nats_server_restart(disk.fixture->server);
	assert_int_equal(log_fixture_info(disk.fixture).last_seq, before);
	assert_int_equal(append_large(&disk).outcome, APPEND_DONE);
	assert_int_equal(disk.last, before + 1);
	release_disk(&disk);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(streams_are_made_once_however_many_make_them),
	    TEST(the_server_s_clock_is_learnt),
	    TEST(ensuring_waits_for_a_server_that_comes_later),
	    TEST(ensuring_gives_up_at_its_deadline),
	    TEST(a_log_that_could_forget_is_not_used),
	    TEST(a_stream_of_that_name_that_is_not_ours_is_not_used),
	    TEST(more_replicas_than_the_log_has_are_refused),
	    TEST(beats_are_kept_one_per_node_and_never_acknowledged),
	    TEST(an_older_beats_stream_is_brought_up_to_date),
	    TEST(the_feed_has_what_was_stored_and_nothing_else),
	    cmocka_unit_test(a_full_disk_refuses_and_recovers),
	    cmocka_unit_test(a_server_that_lost_count_on_a_full_disk_is_not_believed),
	};
	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
