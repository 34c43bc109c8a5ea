/* Raw output by absolute offset: nothing lost, nothing doubled, however much and however slow. */
#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "tests/integration/session/session_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* 19 bytes as the terminal writes them, so that no buffer's size is a multiple of it. */
#define LINE		   "0123456789abcdefg\r\n"
#define WRITE_LINES(count) "yes 0123456789abcdefg | head -n " #count

enum { LINE_BYTES = 19, FIFTY_MEGABYTES = 2700001 * LINE_BYTES, EIGHT_MEGABYTES = 400001 * LINE_BYTES };

/* Takes output until `end`, checking every byte against its offset; returns where it got to. */
static uint64_t take_output(struct raw *raw, uint64_t offset, uint64_t end)
{
	while (offset < end) {
		const Roost__HostAnswer *answer = raw_next(raw);
		assert_non_null(answer);
		assert_null(answer->error);
		if (answer->output == NULL)
			continue;
		assert_int_equal(answer->output->offset, offset);
		const unsigned char *data = answer->output->data.data;
		size_t size = answer->output->data.len;
		size_t wrong = 0;
		for (size_t i = 0; i < size; i++)
			wrong += data[i] != (unsigned char)LINE[(offset + i) % LINE_BYTES];
		assert_int_equal(wrong, 0);
		offset += size;
	}
	return offset;
}

/* Once the terminal's echo is off, which the first line shows. */
static void go(struct fixture *fixture, const char *id)
{
	fixture_wait_text(fixture, id, "0123456789abcdefg\n");
	assert_int_equal(fixture_input(fixture, id, "go", "\n"), ERROR_NONE);
}

static void fifty_megabytes_arrive_byte_for_byte(void **state)
{
	struct fixture *fixture = *state;
	struct raw raw;
	const char *id =
	    fixture_start_script(fixture, "stty -echo; echo 0123456789abcdefg; read go; " WRITE_LINES(2700000));
	raw_open(&raw, fixture, id);
	raw_follow(&raw, 0);
	go(fixture, id);
	uint64_t got = take_output(&raw, 0, 20 * 1000 * 1000);
	/* a client that comes back asks for what it does not have */
	raw_close(&raw);
	raw_open(&raw, fixture, id);
	raw_follow(&raw, got);
	const Roost__HostAnswer *answer = raw_next(&raw);
	while (answer != NULL && answer->output == NULL)
		answer = raw_next(&raw);
	assert_non_null(answer);
	/* while nobody listened the host kept the newest bytes of the ring */
	assert_true(answer->output->offset >= got);
	got = answer->output->offset + answer->output->data.len;
	take_output(&raw, got, FIFTY_MEGABYTES);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_int_equal(note->end.output_bytes, FIFTY_MEGABYTES);
	assert_int_equal(note->end.exit_code, 0);
	raw_close(&raw);
	enum error_code code;
	assert_non_null(strstr(fixture_text(fixture, id, 2, &code), "0123456789abcdefg\n"));
}

static void output_that_nobody_reads_does_not_hold_the_program_up(void **state)
{
	struct fixture *fixture = *state;
	const char *id =
	    fixture_start_script(fixture, "echo 0123456789abcdefg; " WRITE_LINES(400000) "; "
											 "echo written; read wait");
	fixture_wait_text(fixture, id, "written");
	struct raw raw;
	raw_open(&raw, fixture, id);
	raw_follow(&raw, 0);
	const Roost__HostAnswer *answer = raw_next(&raw);
	while (answer->output == NULL)
		answer = raw_next(&raw);
	/* the oldest that the ring has */
	uint64_t total = EIGHT_MEGABYTES + sizeof("written\r\n") - 1;
	assert_int_equal(answer->output->offset, total - SESSION_RING_BYTES);
	raw_close(&raw);
}

static void a_slow_follower_holds_the_program_back_and_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct raw raw;
	char marker[700], script[1000];
	snprintf(marker, sizeof(marker), "%s/finished", fixture->folder);
	snprintf(script, sizeof(script),
		 "stty -echo; echo 0123456789abcdefg; read go; " WRITE_LINES(400000) "; touch %s; read end", marker);
	const char *id = fixture_start_script(fixture, script);
	raw_open(&raw, fixture, id);
	raw_follow(&raw, 0);
	go(fixture, id);
	uint64_t got = take_output(&raw, 0, 100000);
	/* nothing is read for a while: the ring fills and the program waits */
	loop_for(&fixture->loop, 500);
	FILE *file = fopen(marker, "r");
	assert_null(file);
	assert_int_equal(take_output(&raw, got, EIGHT_MEGABYTES), EIGHT_MEGABYTES);
	raw_close(&raw);
}

static void a_follower_that_has_stalled_is_dropped_and_the_program_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct raw raw;
	const char *id = fixture_start_script(
	    fixture, "stty -echo; echo 0123456789abcdefg; read go; " WRITE_LINES(400000) "; echo written; read end");
	raw_open(&raw, fixture, id);
	raw_follow(&raw, 0);
	go(fixture, id);
	int64_t before = clock_monotonic_ms();
	fixture_wait_text(fixture, id, "written");
	assert_true(clock_monotonic_ms() - before >= SESSION_FOLLOWER_STALL_MS / 2);
	raw_close(&raw);
}

static void rubbish_ends_the_connection_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "echo alive; read end");
	static const struct {
		const char *bytes;
		size_t size;
	} rubbish[] = {
	    {"\0\0\0\0", 4}, {"\xff\xff\xff\xff", 4}, {"GET / HTTP/1.1\r\n\r\n", 18}, {"\x03\0\0\0\xff\xff\xff", 7}};
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		struct raw raw;
		raw_open(&raw, fixture, id);
		assert_int_equal(send(raw.fd, rubbish[i].bytes, rubbish[i].size, 0), rubbish[i].size);
		assert_null(raw_next(&raw));
		raw_close(&raw);
	}
	/* an unknown request gets an error, not silence */
	struct raw raw;
	raw_open(&raw, fixture, id);
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	request.has_id = true;
	request.id = 77;
	raw_send(&raw, &request);
	const Roost__HostAnswer *answer = raw_next(&raw);
	assert_int_equal(answer->id, 77);
	assert_string_equal(answer->error_code, "invalid_argument");
	raw_close(&raw);
	fixture_wait_exact_text(fixture, id, "alive\n");
}

static void more_clients_than_places_wait_for_one(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "echo alive; read end");
	struct raw raw[SESSION_HOST_CLIENTS_MAX];
	/* the fixture's client has one */
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		raw_open(&raw[i], fixture, id);
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++) {
		raw_follow(&raw[i], 0);
		assert_non_null(raw_next(&raw[i]));
		if (i == 0)
			raw_close(&raw[0]);
	}
	for (int i = 1; i < SESSION_HOST_CLIENTS_MAX; i++)
		raw_close(&raw[i]);
	fixture_wait_exact_text(fixture, id, "alive\n");
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(fifty_megabytes_arrive_byte_for_byte),
	    session_test(output_that_nobody_reads_does_not_hold_the_program_up),
	    session_test(a_slow_follower_holds_the_program_back_and_loses_nothing),
	    session_test(a_follower_that_has_stalled_is_dropped_and_the_program_goes_on),
	    session_test(rubbish_ends_the_connection_and_nothing_else),
	    session_test(more_clients_than_places_wait_for_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
