/* Those who wait for records: order, deadlines, callbacks that wait again. */
#include "bus/foundation/clock.h"
#include "bus/log/waiters.h"
#include "tests/unit/cmocka_all.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct one {
	struct waiters *waiters;
	char *story; /* a letter for each end, upper case for success */
	char letter;
	uint64_t again_for; /* waits again when it ends */
};

static void note(void *context, const struct error *error)
{
	struct one *one = context;
	size_t length = strlen(one->story);
	one->story[length] = one->letter;
	if (error == NULL)
		one->story[length] = (char)toupper(one->letter);
	if (one->again_for != 0) {
		uint64_t seq = one->again_for;
		one->again_for = 0;
		waiters_add(one->waiters, seq, 60000, note, one);
	}
}

static void they_end_in_the_order_of_their_records(void **state)
{
	(void)state;
	char story[32] = "";
	struct waiters waiters = {0};
	struct one a = {&waiters, story, 'a', 0}, b = {&waiters, story, 'b', 0}, c = {&waiters, story, 'c', 0};
	waiters_add(&waiters, 5, 60000, note, &a);
	waiters_add(&waiters, 3, 60000, note, &b);
	waiters_add(&waiters, 5, 60000, note, &c);
	waiters_reach(&waiters, 2);
	assert_string_equal(story, "");
	waiters_reach(&waiters, 4);
	assert_string_equal(story, "B");
	waiters_reach(&waiters, 9);
	assert_string_equal(story, "BAC");
	assert_null(waiters.first);
	assert_null(waiters.last);
}

static void a_callback_may_wait_again(void **state)
{
	(void)state;
	char story[32] = "";
	struct waiters waiters = {0};
	struct error error = {ERROR_PLATFORM_UNAVAILABLE, "over"};
	struct one a = {&waiters, story, 'a', 4}, b = {&waiters, story, 'b', 9};
	waiters_add(&waiters, 3, 60000, note, &a);
	waiters_reach(&waiters, 5); /* 4 is reached as well */
	assert_string_equal(story, "AA");
	waiters_add(&waiters, 7, 60000, note, &b);
	waiters_fail(&waiters, &error); /* not the one that came while failing */
	assert_string_equal(story, "AAb");
	waiters_reach(&waiters, 9);
	assert_string_equal(story, "AAbB");
}

static void a_deadline_ends_only_those_whose_it_is(void **state)
{
	(void)state;
	char story[32] = "";
	struct waiters waiters = {0};
	struct error error = {ERROR_PLATFORM_UNAVAILABLE, "too late"};
	struct one a = {&waiters, story, 'a', 0}, b = {&waiters, story, 'b', 0}, c = {&waiters, story, 'c', 0};
	int64_t now = clock_monotonic_ms();
	assert_int_equal(waiters_deadline(&waiters), INT64_MAX);
	waiters_add(&waiters, 1, 60000, note, &a);
	waiters_add(&waiters, 2, 10, note, &b);
	waiters_add(&waiters, 3, 90000, note, &c);
	assert_true(waiters_deadline(&waiters) >= now + 10 && waiters_deadline(&waiters) < now + 5000);
	waiters_expire(&waiters, now + 30000, &error);
	assert_string_equal(story, "b");
	waiters_expire(&waiters, now + 120000, &error);
	assert_string_equal(story, "bac");
}

static void moving_keeps_the_order_of_coming(void **state)
{
	(void)state;
	char story[32] = "";
	struct waiters from = {0}, to = {0};
	struct one a = {&to, story, 'a', 0}, b = {&to, story, 'b', 0}, c = {&to, story, 'c', 0};
	waiters_add(&to, 9, 60000, note, &c);
	waiters_add(&from, 0, 60000, note, &a);
	waiters_add(&from, 0, 60000, note, &b);
	waiters_move(&from, &to, 7);
	assert_null(from.first);
	waiters_reach(&to, 7);
	assert_string_equal(story, "AB");
	waiters_reach(&to, 9);
	assert_string_equal(story, "ABC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_end_in_the_order_of_their_records),
	    cmocka_unit_test(a_callback_may_wait_again),
	    cmocka_unit_test(a_deadline_ends_only_those_whose_it_is),
	    cmocka_unit_test(moving_keeps_the_order_of_coming),
	};
	return cmocka_run_group_tests_name("waiters", tests, NULL, NULL);
}
