/* A runtime program that sleeps for ever and is deaf to SIGTERM, or that never gets to the end of a start: every
 * call ends in bounded time, says that the machine hangs, and what ran before can still be stopped and
 * removed (S4-19, D7). */
#include "tests/integration/runtime/fixture.h"

#include "bus/foundation/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A runtime that works until the file beside it names the verb that shall hang; "create": a start that stops
 * halfway, with success. */
enum { TIMEOUT_SECONDS = 1, BOUND_MS = 20000 };

static struct fixture fixture;
static char program[64];

static void make_wedgeable(struct runtime_settings *settings)
{
	static const char script[] = "#!/bin/bash\n"
				     "trap '' TERM\n"
				     "wedged=$(cat \"$0.wedged\" 2>/dev/null)\n"
				     "for argument; do\n"
				     "  [ \"$argument\" = \"$wedged\" ] && while :; do sleep 100; done\n"
				     "done\n"
				     "if [ \"$wedged\" = refuse ] && [ \"$3\" = run ]; then\n"
				     "  echo \"cannot mount $6/rootfs: permission denied\" >&2; exit 1\n"
				     "fi\n"
				     "if [ \"$wedged\" = create ] && [ \"$3\" = run ]; then\n"
				     "  exec runc \"$1\" \"$2\" create \"${@:5}\"\n"
				     "fi\n"
				     "exec runc \"$@\"\n";
	snprintf(program, sizeof(program), "/tmp/roost-runtime-XXXXXX");
	int fd = mkstemp(program);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	fchmod(fd, 0755);
	close(fd);
	settings->binary = program;
	settings->program_timeout_seconds = TIMEOUT_SECONDS;
}

static void wedge(const char *verb)
{
	fixture_shell("echo %s >%s.wedged", verb, program);
}

static int open_fixture(void **state)
{
	(void)state;
	fixture_open(&fixture, make_wedgeable);
	return 0;
}

static int close_fixture(void **state)
{
	(void)state;
	fixture_shell("rm -f %s %s.wedged", program, program);
	fixture_close(&fixture);
	return 0;
}

static int heal(void **state)
{
	(void)state;
	wedge("nothing");
	return 0;
}

static void a_start_that_hangs_ends_says_so_and_leaves_nothing(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("HANGS");
	wedge("run");
	int64_t before = clock_monotonic_ms();
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_true(clock_monotonic_ms() - before < BOUND_MS);
	assert_int_equal(failure->cause, RUNTIME_CAUSE_HANG);
	assert_string_equal(failure->step, "sandbox");
	assert_non_null(strstr(failure->message, "did not answer"));
	assert_null(strstr(fixture_traces(&fixture), "HANGS"));
}

/* What the runtime says names the machine's own paths; its owner is told the cause without them (S4-05). */
static void a_start_that_the_runtime_refuses_tells_no_path(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("REFUSED");
	struct runtime_facts facts;
	struct error error = {.code = ERROR_NONE};
	wedge("refuse");
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_int_equal(failure->cause, RUNTIME_CAUSE_MACHINE);
	assert_non_null(strcasestr(failure->message, "permission denied"));
	assert_null(strchr(failure->message, '/'));
	assert_false(runtime_probe(fixture.runtime, fixture.arena, &facts, &error));
	assert_null(strstr(error.message, "/run/roost"));
	wedge("nothing");
	assert_true(runtime_probe(fixture.runtime, fixture.arena, &facts, NULL));
}

/* The clone is not begun: that is told from a server that is slow. */
static void a_clone_that_cannot_be_begun_is_the_machine_s_fault(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("CLONES");
	workspace.repository = fixture_make_repository(&fixture, "repo");
	wedge("exec");
	int64_t before = clock_monotonic_ms();
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_true(clock_monotonic_ms() - before < BOUND_MS);
	assert_int_equal(failure->cause, RUNTIME_CAUSE_HANG);
	assert_string_equal(failure->step, "clone");
	assert_null(strstr(fixture_traces(&fixture), "CLONES"));
	wedge("nothing");
	workspace.repository = arena_printf(fixture.arena, "%s/missing", fixture.repositories);
	assert_int_equal(fixture_fails(&fixture, &workspace)->cause, RUNTIME_CAUSE_WORKSPACE);
}

static void what_ran_before_can_still_be_seen_stopped_and_removed(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("RAN");
	struct runtime_found *found;
	struct runtime_facts facts;
	struct runtime_left left;
	struct error error = {.code = ERROR_NONE};
	size_t count;
	bool running;
	fixture_start(&fixture, &workspace);
	int64_t before = clock_monotonic_ms();
	wedge("run");
	assert_true(runtime_is_running(fixture.runtime, "RAN", &running, NULL) && running);
	assert_true(runtime_list(fixture.runtime, fixture.arena, &found, &count, NULL));
	assert_int_equal(count, 1);
	assert_true(runtime_tend(fixture.runtime, NULL));
	assert_true(runtime_stop(fixture.runtime, "RAN", 1000, &left, NULL));
	assert_true(runtime_remove(fixture.runtime, "RAN", &left, NULL));
	assert_true(clock_monotonic_ms() - before < BOUND_MS);
	/* Nothing is promised of the node until a real sandbox was made and ended. */
	before = clock_monotonic_ms();
	assert_false(runtime_probe(fixture.runtime, fixture.arena, &facts, &error));
	assert_true(clock_monotonic_ms() - before < BOUND_MS);
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(strstr(error.message, "did not answer"));
	wedge("nothing");
	assert_true(runtime_probe(fixture.runtime, fixture.arena, &facts, NULL));
}

static bool is_dead(void *context)
{
	bool running = true;
	assert_true(runtime_is_running(fixture.runtime, context, &running, NULL));
	return !running;
}

/* The runtime's own child stands where the first process should be, and waits for ever. */
static void a_sandbox_that_never_came_to_its_first_process_does_not_run(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("HALF");
	struct runtime_failure failure;
	struct runtime_found *found;
	size_t count;
	wedge("create");
	runtime_start(fixture.runtime, fixture.arena, &workspace, NULL, &failure);
	wedge("nothing");
	assert_true(fixture_wait(is_dead, (void *)workspace.id));
	assert_true(runtime_list(fixture.runtime, fixture.arena, &found, &count, NULL));
	assert_int_equal(count, 1);
	assert_true(!found[0].running && found[0].has_remains);
	/* It can be started over, and removed. */
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "true", NULL), 0);
	assert_true(runtime_remove(fixture.runtime, workspace.id, NULL, NULL));
}

#define HEALED_AFTER(test) cmocka_unit_test_setup_teardown(test, heal, heal)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HEALED_AFTER(a_start_that_hangs_ends_says_so_and_leaves_nothing),
	    HEALED_AFTER(a_start_that_the_runtime_refuses_tells_no_path),
	    HEALED_AFTER(a_clone_that_cannot_be_begun_is_the_machine_s_fault),
	    HEALED_AFTER(what_ran_before_can_still_be_seen_stopped_and_removed),
	    HEALED_AFTER(a_sandbox_that_never_came_to_its_first_process_does_not_run),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
