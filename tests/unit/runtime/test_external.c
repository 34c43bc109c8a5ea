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
	    cmocka_unit_test(bytes_of_strangers_are_made_safe),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
