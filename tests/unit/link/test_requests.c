/* Tickets and deadlines, without a server. */
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/link/requests.h"

#include <string.h>

enum { MANY = 1000 };

struct fixture;

struct one {
	struct fixture *fixture;
	int number;
	int answered;
	int failed;
	enum error_code code;
	char message[64];
	bool ask_again;
};

struct fixture {
	uv_loop_t loop;
	struct requests *requests;
	struct one ones[MANY];
	int ended;
	int order[MANY * 2];
	uint64_t answer_late; /* answered just before deadlines are looked at */
};

static void done(void *context, const struct incoming *answer, const struct error *error)
{
	struct one *one = context;
	struct fixture *fixture = one->fixture;
	if (fixture->ended < MANY * 2)
		fixture->order[fixture->ended] = one->number;
	fixture->ended++;
	if (answer != NULL) {
		one->answered++;
		return;
	}
	one->failed++;
	one->code = error->code;
	snprintf(one->message, sizeof(one->message), "%.60s", error->message);
	if (one->ask_again)
		requests_fail_soon(fixture->requests, requests_add(fixture->requests, "s", 5000, done, one), ERROR_BUSY,
				   "again");
}

static void before_expiry(void *context)
{
	struct fixture *fixture = context;
	struct incoming answer = {.subject = "", .reply = ""};
	requests_answer(fixture->requests, fixture->answer_late, &answer);
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->requests = requests_start(&fixture->loop, before_expiry, fixture);
	for (int i = 0; i < MANY; i++)
		fixture->ones[i] = (struct one){.fixture = fixture, .number = i};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	requests_stop(fixture->requests);
	loop_finish(&fixture->loop);
	test_free(fixture);
	return 0;
}

static uint64_t add(struct fixture *fixture, int number, const char *subject, uint32_t timeout_ms)
{
	return requests_add(fixture->requests, subject, timeout_ms, done, &fixture->ones[number]);
}

static void deadlines_pass_in_their_order(void **state)
{
	struct fixture *fixture = *state;
	/* A shuffle without randomness: 7 and 100 have no common factor. */
	for (int i = 0; i < 100; i++)
		add(fixture, i * 7 % 100, "s", (uint32_t)(10 + 3 * (i * 7 % 100)));
	loop_until_at_least(&fixture->loop, &fixture->ended, 100, "all deadlines");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(fixture->order[i], i);
		assert_int_equal(fixture->ones[i].code, ERROR_PLATFORM_UNAVAILABLE);
		assert_string_equal(fixture->ones[i].message, "timed out");
	}
}

static void answers_find_their_request_in_any_order(void **state)
{
	struct fixture *fixture = *state;
	uint64_t tickets[MANY];
	struct incoming answer = {.subject = "", .reply = ""};
	for (int i = 0; i < MANY; i++)
		tickets[i] = add(fixture, i, "s", 60000);
	for (int i = 0; i < MANY; i++)
		requests_answer(fixture->requests, tickets[i * 7 % MANY], &answer);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(fixture->ones[i].answered, 1);
	assert_int_equal(requests_in_flight(fixture->requests), 0);
}

static void a_late_answer_to_a_used_slot_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct incoming answer = {.subject = "", .reply = ""};
	uint64_t old = add(fixture, 0, "s", 60000);
	requests_forget(fixture->requests, old);
	uint64_t fresh = add(fixture, 1, "s", 60000);
	assert_int_equal((uint32_t)old, (uint32_t)fresh);
	requests_answer(fixture->requests, old, &answer);
	requests_answer(fixture->requests, 0, &answer);
	requests_answer(fixture->requests, UINT64_MAX, &answer);
	assert_int_equal(fixture->ended, 0);
	requests_answer(fixture->requests, fresh, &answer);
	requests_answer(fixture->requests, fresh, &answer);
	assert_int_equal(fixture->ones[1].answered, 1);
	assert_int_equal(fixture->ended, 1);
}

static void an_answer_that_is_there_beats_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	fixture->answer_late = add(fixture, 0, "s", 1);
	loop_until_at_least(&fixture->loop, &fixture->ended, 1, "the outcome");
	assert_int_equal(fixture->ones[0].answered, 1);
}

static void failing_soon_comes_later_and_does_not_starve_the_loop(void **state)
{
	struct fixture *fixture = *state;
	fixture->ones[0].ask_again = true;
	requests_fail_soon(fixture->requests, add(fixture, 0, "s", 60000), ERROR_BUSY, "too many");
	assert_int_equal(fixture->ended, 0);
	add(fixture, 1, "s", 30);
	/* The first fails for ever and asks again each time; the second still gets its turn. */
	while (fixture->ones[1].failed == 0)
		loop_for(&fixture->loop, 5);
	fixture->ones[0].ask_again = false;
	assert_true(fixture->ones[0].failed > 1);
	assert_int_equal(fixture->ones[0].code, ERROR_BUSY);
	while (requests_in_flight(fixture->requests) > 0)
		loop_for(&fixture->loop, 5);
}

static void all_fail_when_the_line_is_lost_and_new_ones_stay(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 100; i++)
		add(fixture, i, "s", 60000);
	fixture->ones[50].ask_again = true;
	requests_fail_all(fixture->requests, ERROR_PLATFORM_UNAVAILABLE, "lost");
	assert_int_equal(fixture->ended, 100);
	assert_int_equal(requests_in_flight(fixture->requests), 1);
	fixture->ones[50].ask_again = false;
	loop_until_at_least(&fixture->loop, &fixture->ended, 101, "the new one's outcome");
}

static void a_refusal_ends_the_requests_to_that_subject(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, 0, "one.subject", 60000);
	add(fixture, 1, "another.subject", 60000);
	add(fixture, 2, "one.subject", 60000);
	requests_refuse(fixture->requests, "one.subject", ERROR_FORBIDDEN, "no");
	assert_int_equal(fixture->ones[0].code, ERROR_FORBIDDEN);
	assert_int_equal(fixture->ones[1].failed, 0);
	assert_int_equal(fixture->ones[2].code, ERROR_FORBIDDEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(deadlines_pass_in_their_order),
	    TEST(answers_find_their_request_in_any_order),
	    TEST(a_late_answer_to_a_used_slot_is_ignored),
	    TEST(an_answer_that_is_there_beats_its_deadline),
	    TEST(failing_soon_comes_later_and_does_not_starve_the_loop),
	    TEST(all_fail_when_the_line_is_lost_and_new_ones_stay),
	    TEST(a_refusal_ends_the_requests_to_that_subject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
