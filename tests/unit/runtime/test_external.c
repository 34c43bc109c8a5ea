/* External programs: their end, their deadline, the cancel, and what is kept of their output. */
#include "nodeagent/runtime/external.h"
#include "nodeagent/runtime/output.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;

static void run(const char *script, const struct external_wait *wait, uint32_t timeout_ms,
		struct external_result *result)
{
	char *argv[] = {"/bin/sh", "-c", (char *)script, NULL};
	struct external_options options = {.argv = argv, .timeout_ms = timeout_ms};
	struct error error;
	assert_true(external_run(&options, wait, arena, result, &error));
}

static void exit_codes_and_both_outputs_are_kept(void **state)
{
	(void)state;
	struct external_result result;
	run("echo out; echo err >&2; exit 7", NULL, 0, &result);
	assert_int_equal(result.end, EXTERNAL_EXITED);
	assert_int_equal(result.exit_code, 7);
	assert_string_equal(result.output, "out\nerr\n");
	run("kill -9 $$", NULL, 0, &result);
	assert_int_equal(result.exit_code, 128 + 9);
}

static void the_last_of_much_output_is_kept(void **state)
{
	(void)state;
	struct external_result result;
	run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", NULL, 0, &result);
	assert_int_equal(strlen(result.output), STEP_OUTPUT_TAIL_BYTES);
	assert_string_equal(result.output + strlen(result.output) - 11, "line 19999\n");
}

static void time_up_ends_the_whole_group(void **state)
{
	(void)state;
	struct external_result result;
	int64_t before = clock_monotonic_ms();
	run("sleep 100 & sleep 100", NULL, 100, &result);
	assert_int_equal(result.end, EXTERNAL_TIMED_OUT);
	assert_true(clock_monotonic_ms() - before < 10000);
}

static void a_cancel_ends_it(void **state)
{
	(void)state;
	struct external_result result;
	struct external_wait wait = {.cancel_fd = eventfd(1, EFD_CLOEXEC)};
	assert_true(external_wait_cancelled(&wait));
	run("sleep 100", &wait, 0, &result);
	assert_int_equal(result.end, EXTERNAL_CANCELLED);
	close(wait.cancel_fd);
}

static void a_grandchild_with_the_pipe_does_not_hold_us_up(void **state)
{
	(void)state;
	struct external_result result;
	int64_t before = clock_monotonic_ms();
	run("setsid sleep 5 & echo done", NULL, 0, &result);
	assert_string_equal(result.output, "done\n");
	assert_true(clock_monotonic_ms() - before < 4000);
}

static void a_missing_program_is_an_error(void **state)
{
	(void)state;
	char *argv[] = {"/nonexistent/program", NULL};
	struct external_options options = {.argv = argv};
	struct external_result result;
	struct error error = {.code = ERROR_NONE};
	assert_false(external_run(&options, NULL, arena, &result, &error));
	assert_int_equal(error.code, ERROR_INTERNAL);
}

/* Lines as they were told, with a bar after each. */
static char told[OUTPUT_TOLD_BYTES_MAX * 2];
static size_t told_size, told_count, longest;

static void hear(void *context, const char *line)
{
	(void)context;
	size_t length = strlen(line);
	assert_true(told_size + length + 2 < sizeof(told));
	memcpy(told + told_size, line, length);
	memcpy(told + told_size + length, "|", 2);
	told_size += length + 1;
	told_count++;
	longest = length > longest ? length : longest;
}

static const struct external_wait listening = {.cancel_fd = -1, .output = hear};

static void forget_told(void)
{
	told[0] = '\0';
	told_size = told_count = longest = 0;
}

static void every_line_is_told_as_it_comes(void **state)
{
	(void)state;
	struct external_result result;
	forget_told();
	run("printf 'one\\ntwo'; sleep 0.05; printf ' halves\\n\\n10%%\\r20%%\\rbad \\033 byte\\nno end'", &listening,
	    0, &result);
	assert_string_equal(told, "one|two halves|10%|20%|bad ? byte|no end|");
}

static void what_is_told_has_bounds(void **state)
{
	(void)state;
	struct external_result result;
	forget_told();
	run("head -c 10000 /dev/zero | tr '\\0' x; echo", &listening, 0, &result);
	assert_int_equal(told_count, 3);
	assert_int_equal(longest, LOG_LINE_BYTES_MAX - 1);
	assert_int_equal(told_size, 10000 + 3);
	/* Much more than is kept: it is listened to for a while, and the tail is the end all the same. */
	forget_told();
	run("yes some words | head -n 300000; echo last", &listening, 0, &result);
	assert_true(told_size < OUTPUT_TOLD_BYTES_MAX + 400 * 1024);
	assert_non_null(strstr(told + told_size - 64, "the rest of the output is not kept"));
	assert_string_equal(result.output + strlen(result.output) - 5, "last\n");
}

/* A program that has to answer and does not is told from one that has much to do. */
static void silence_is_a_hang_and_slowness_is_not(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		bool must_answer;
		uint32_t answer_ms;
		bool hung;
	} cases[] = {{"sleep 100", false, 0, false},
		     {"sleep 100", true, 0, true},
		     {"sleep 100", false, 50, true},
		     {"echo begun; sleep 100", false, 200, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool hung = false;
		struct external_wait wait = {.cancel_fd = -1, .hung = &hung};
		char *argv[] = {"/bin/sh", "-c", (char *)cases[i].script, NULL};
		struct external_options options = {.argv = argv,
						   .timeout_ms = 600,
						   .must_answer = cases[i].must_answer,
						   .answer_ms = cases[i].answer_ms};
		struct external_result result;
		assert_true(external_run(&options, &wait, arena, &result, NULL));
		assert_int_equal(result.end, EXTERNAL_TIMED_OUT);
		assert_int_equal(hung, cases[i].hung);
		assert_int_equal(result.hung, cases[i].hung);
	}
}

static void bytes_of_strangers_are_made_safe(void **state)
{
	(void)state;
	char text[] = "a\x1b[31m\rb\xff\xc3\xa9\xed\xa0\x80\x7f";
	output_make_safe(text, sizeof(text) - 1);
	assert_string_equal(text, "a?[31m\nb?\xc3\xa9????");
}

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exit_codes_and_both_outputs_are_kept),
	    cmocka_unit_test(the_last_of_much_output_is_kept),
	    cmocka_unit_test(time_up_ends_the_whole_group),
	    cmocka_unit_test(a_cancel_ends_it),
	    cmocka_unit_test(a_grandchild_with_the_pipe_does_not_hold_us_up),
	    cmocka_unit_test(a_missing_program_is_an_error),
	    cmocka_unit_test(every_line_is_told_as_it_comes),
	    cmocka_unit_test(what_is_told_has_bounds),
	    cmocka_unit_test(silence_is_a_hang_and_slowness_is_not),
	    cmocka_unit_test(bytes_of_strangers_are_made_safe),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
