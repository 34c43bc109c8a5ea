/* Health as a function of what was heard: heartbeats and answers, the older of the two (S4-19, S0-24). */
#include "controller/effects/silence.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

enum { T = 30000, LISTENING = 1000, NOW = 1000000 };

static const struct node_signs well = {
    .beat = true, .answer = true, .beat_at_ms = NOW - 2000, .answer_at_ms = NOW - 8000};

static Roost__Node__Health health_of(const struct node_signs *signs, int64_t listening_since_ms, int64_t now_ms)
{
	return silence_health(silence_of(signs, listening_since_ms, now_ms).ms, T);
}

static void health_gets_worse_with_silence(void **state)
{
	(void)state;
	static const struct {
		int64_t silent_ms;
		Roost__Node__Health health;
	} cases[] = {
	    {0, ROOST__NODE__HEALTH__HEALTHY},	     {30000, ROOST__NODE__HEALTH__HEALTHY},
	    {30001, ROOST__NODE__HEALTH__STALE},     {60000, ROOST__NODE__HEALTH__STALE},
	    {60001, ROOST__NODE__HEALTH__UNHEALTHY}, {INT64_MAX, ROOST__NODE__HEALTH__UNHEALTHY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(silence_health(cases[i].silent_ms, T), cases[i].health);
}

static void a_node_that_beats_and_answers_is_healthy(void **state)
{
	(void)state;
	assert_int_equal(health_of(&well, LISTENING, NOW), ROOST__NODE__HEALTH__HEALTHY);
	assert_int_equal(silence_of(&well, LISTENING, NOW).ms, 2000);
}

/* Nobody called it meanwhile: that is not its fault. */
static void an_old_answer_is_no_silence_while_no_call_fails(void **state)
{
	(void)state;
	struct node_signs signs = well;
	signs.answer_at_ms = NOW - 10 * T;
	assert_int_equal(silence_of(&signs, LISTENING, NOW).channel_ms, 0);
	assert_int_equal(health_of(&signs, LISTENING, NOW), ROOST__NODE__HEALTH__HEALTHY);
}

static void heartbeats_without_answers_make_a_node_stale_and_then_unhealthy(void **state)
{
	(void)state;
	struct node_signs signs = well;
	signs.failing = true;
	signs.failing_since_ms = NOW;
	int64_t answered = signs.answer_at_ms;
	for (int64_t now = NOW; now < NOW + 3 * T; now += 1000) {
		signs.beat_at_ms = now;
		int64_t silent = now - answered;
		assert_int_equal(health_of(&signs, LISTENING, now), silence_health(silent, T));
	}
	assert_int_equal(health_of(&signs, LISTENING, NOW + 3 * T), ROOST__NODE__HEALTH__UNHEALTHY);
}

static void answers_without_heartbeats_do_too(void **state)
{
	(void)state;
	struct node_signs signs = well;
	signs.answer_at_ms = signs.beat_at_ms + T + 1;
	assert_int_equal(health_of(&signs, LISTENING, signs.answer_at_ms), ROOST__NODE__HEALTH__STALE);
}

/* A controller that has just started, or just come back, blames nobody for what it could not hear. */
static void what_we_could_not_hear_counts_for_nothing(void **state)
{
	(void)state;
	struct node_signs never = {0};
	assert_int_equal(silence_of(&never, 0, NOW).ms, 0);
	assert_int_equal(silence_of(&never, NOW - 5000, NOW).ms, 5000);
	struct node_signs signs = well;
	signs.failing = true;
	signs.answer_at_ms = NOW - 10 * T; /* before the break */
	signs.failing_since_ms = NOW - 1000;
	assert_int_equal(silence_of(&signs, NOW - 5000, NOW).channel_ms, 5000);
	assert_int_equal(silence_of(&signs, 0, NOW).channel_ms, 0);
	signs.answer = false; /* never called before: silent since we began to try */
	assert_int_equal(silence_of(&signs, LISTENING, NOW).channel_ms, 1000);
}

static void the_next_change_for_the_worse_is_known(void **state)
{
	(void)state;
	static const struct {
		int64_t silent_ms, left_ms;
	} cases[] = {{0, T + 1}, {T, 1}, {T + 1, T}, {2 * T, 1}, {2 * T + 1, INT64_MAX}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct silence silence = {.ms = cases[i].silent_ms};
		int64_t left = silence_left(&silence, T);
		assert_int_equal(left, cases[i].left_ms);
		if (left != INT64_MAX)
			assert_int_not_equal(silence_health(silence.ms + left, T), silence_health(silence.ms, T));
	}
}

static void the_message_names_what_is_silent(void **state)
{
	(void)state;
	char text[192];
	silence_describe(&(struct silence){.beats_ms = 1000, .channel_ms = 45000, .ms = 45000}, T, text, sizeof(text));
	assert_non_null(strstr(text, "its heartbeats come, but it has not answered on its command channel for 45 s"));
	silence_describe(&(struct silence){.beats_ms = 45000, .ms = 45000}, T, text, sizeof(text));
	assert_non_null(strstr(text, "no heartbeat"));
	silence_describe(&(struct silence){.beats_ms = 45000, .channel_ms = 50000, .ms = 50000}, T, text, sizeof(text));
	assert_non_null(strstr(text, "nothing has been heard"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(health_gets_worse_with_silence),
	    cmocka_unit_test(a_node_that_beats_and_answers_is_healthy),
	    cmocka_unit_test(an_old_answer_is_no_silence_while_no_call_fails),
	    cmocka_unit_test(heartbeats_without_answers_make_a_node_stale_and_then_unhealthy),
	    cmocka_unit_test(answers_without_heartbeats_do_too),
	    cmocka_unit_test(what_we_could_not_hear_counts_for_nothing),
	    cmocka_unit_test(the_next_change_for_the_worse_is_known),
	    cmocka_unit_test(the_message_names_what_is_silent),
	};
	return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
