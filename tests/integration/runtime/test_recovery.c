/* kill -9 in the middle of starts and stops, at every cut-point: the next process finds what is there, and
 * the same call ends as if nothing had happened; nothing is left over (S0-33). */
#include "tests/integration/runtime/fixture.h"

#include "bus/foundation/cutpoint.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture fixture;
static struct runtime_workspace workspace;

static int open_fixture(void **state)
{
	(void)state;
	fixture_open(&fixture, NULL);
	workspace = fixture_workspace("CRASH");
	workspace.repository = fixture_make_repository(&fixture, "repo");
	return 0;
}

static int close_fixture(void **state)
{
	(void)state;
	fixture_close(&fixture);
	return 0;
}

/* Runs `work` in another process that ends itself at the cut-point. */
static void die_at(enum cutpoint place, void (*work)(void))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("ROOST_CUTPOINT", cutpoint_name(place), 1);
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("%s was not reached", cutpoint_name(place));
}

static void do_start(void)
{
	struct runtime_failure failure;
	runtime_start(fixture.runtime, fixture.arena, &workspace, NULL, &failure);
}

static void do_stop(void)
{
	runtime_stop(fixture.runtime, workspace.id, 0, NULL, NULL);
}

static void do_remove(void)
{
	runtime_remove(fixture.runtime, workspace.id, NULL, NULL);
}

static void works(void)
{
	const char *output;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "cat README; git status --porcelain", &output), 0);
	assert_string_equal(output, "hello\n");
	/* One of everything, not two. */
	fixture_shell("test $(ip -o link | grep -c 'roost %s CRASH') = 1 && "
		      "test $(grep -c ' /run/roost/%s/CRASH/disk ' /proc/self/mounts) = 1",
		      fixture.installation, fixture.installation);
}

static void gone(void)
{
	assert_true(runtime_remove(fixture.runtime, workspace.id, NULL, NULL));
	const char *traces = fixture_traces(&fixture);
	if (strstr(traces, "CRASH") != NULL)
		fail_msg("left behind:\n%s", traces);
}

static const enum cutpoint start_places[] = {CUTPOINT_AGENT_DISK_MADE, CUTPOINT_AGENT_NETWORK_MADE,
					     CUTPOINT_AGENT_ROOT_CONDEMNED, CUTPOINT_AGENT_SANDBOX_STARTED,
					     CUTPOINT_AGENT_CHECKOUT_MADE};

static void a_start_that_was_killed_can_be_done_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(start_places) / sizeof(start_places[0]); i++) {
		die_at(start_places[i], do_start);
		works();
		gone();
	}
}

static void a_start_that_was_killed_can_be_removed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(start_places) / sizeof(start_places[0]); i++) {
		die_at(start_places[i], do_start);
		gone();
	}
}

static void a_stop_that_was_killed_can_be_done_again_and_keeps_the_files(void **state)
{
	(void)state;
	works();
	assert_int_equal(fixture_inside(&fixture, workspace.id, "echo mine >mine", NULL), 0);
	die_at(CUTPOINT_AGENT_SANDBOX_STOPPED, do_stop);
	assert_true(runtime_stop(fixture.runtime, workspace.id, 0, NULL, NULL));
	workspace.generation++;
	fixture_start(&fixture, &workspace);
	const char *output;
	assert_int_equal(fixture_inside(&fixture, workspace.id, "cat mine", &output), 0);
	assert_string_equal(output, "mine\n");
	/* A restart straight over a stop that was killed. */
	die_at(CUTPOINT_AGENT_SANDBOX_STOPPED, do_stop);
	workspace.generation++;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "cat mine", &output), 0);
	gone();
}

static void a_remove_that_was_killed_can_be_done_again(void **state)
{
	(void)state;
	works();
	die_at(CUTPOINT_AGENT_DISK_REMOVED, do_remove);
	gone();
}

/* A rebuild that was killed between throwing away and making anew: never half a root, and the work is kept. */
static void a_rebuild_that_was_killed_is_done_again(void **state)
{
	(void)state;
	const char *output;
	works();
	assert_int_equal(fixture_inside(&fixture, workspace.id, "echo mine >mine; echo x >/etc/extra", NULL), 0);
	assert_true(runtime_stop(fixture.runtime, workspace.id, 0, NULL, NULL));
	workspace.generation++;
	workspace.rebuild_generation = workspace.generation;
	die_at(CUTPOINT_AGENT_ROOT_CONDEMNED, do_start);
	/* The wish may even be forgotten: what is condemned is not used. */
	workspace.rebuild_generation = 0;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "cat mine; ls /etc/extra; cat README", &output), 0);
	assert_string_equal(output, "mine\nls: cannot access '/etc/extra': No such file or directory\nhello\n");
	gone();
}

/* As a runtime program leaves it that was killed while its own program was mounted over a file. */
static void what_a_killed_runtime_program_mounted_goes_with_the_workspace(void **state)
{
	(void)state;
	works();
	fixture_shell("cd /run/roost/%s/CRASH/runtime && touch runc.killed && mount --bind /bin/true runc.killed",
		      fixture.installation);
	assert_true(runtime_stop(fixture.runtime, workspace.id, 0, NULL, NULL));
	works();
	gone();
}

static bool is_dead(void *context)
{
	bool running = true;
	(void)context;
	assert_true(runtime_is_running(fixture.runtime, workspace.id, &running, NULL));
	return !running;
}

static void kill_sandbox(void)
{
	fixture_shell("grep -ls 'roost/%s/%s' /proc/[0-9]*/cgroup | cut -d/ -f3 | xargs -r kill -9 2>/dev/null; true",
		      fixture.installation, workspace.id);
	assert_true(fixture_wait(is_dead, NULL));
}

/* A checkout that was not synced when the machine went down is worth nothing; one that was is kept, with all
 * that was written since. */
static void after_a_power_cut_only_a_synced_checkout_counts(void **state)
{
	(void)state;
	const char *output;
	const char *mark =
	    arena_printf(fixture.arena, "/run/roost/%s/%s/disk/marks/checkout", fixture.installation, workspace.id);
	works();
	assert_int_equal(fixture_inside(&fixture, workspace.id, "rm README; touch mine", NULL), 0);
	fixture_shell("cmp %s /proc/sys/kernel/random/boot_id && echo of-another-boot >%s", mark, mark);
	kill_sandbox();
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "ls", &output), 0);
	assert_string_equal(output, "README\n");
	assert_int_equal(fixture_inside(&fixture, workspace.id, "touch mine", NULL), 0);
	assert_true(runtime_tend(fixture.runtime, NULL));
	fixture_shell("test ! -s %s", mark);
	kill_sandbox();
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, workspace.id, "ls", &output), 0);
	assert_string_equal(output, "README\nmine\n");
	gone();
	/* A stop syncs too. */
	works();
	assert_true(runtime_stop(fixture.runtime, workspace.id, 0, NULL, NULL));
	workspace.generation++;
	fixture_start(&fixture, &workspace);
	fixture_shell("test -e %s -a ! -s %s", mark, mark);
	gone();
}

static void kill_at_random_moments(void **state)
{
	(void)state;
	unsigned seed = (unsigned)getpid();
	print_message("seed %u\n", seed);
	for (int round = 0; round < 12; round++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			do_start();
			do_stop();
			_exit(0);
		}
		usleep((useconds_t)(rand_r(&seed) % 120000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	workspace.generation++;
	/* An orphan of a killed process may have started an older generation after all. */
	struct error error;
	if (!runtime_stop(fixture.runtime, workspace.id, 0, NULL, &error))
		fail_msg("%s", error.message);
	works();
	gone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_start_that_was_killed_can_be_done_again),
	    cmocka_unit_test(a_start_that_was_killed_can_be_removed),
	    cmocka_unit_test(a_stop_that_was_killed_can_be_done_again_and_keeps_the_files),
	    cmocka_unit_test(a_remove_that_was_killed_can_be_done_again),
	    cmocka_unit_test(a_rebuild_that_was_killed_is_done_again),
	    cmocka_unit_test(what_a_killed_runtime_program_mounted_goes_with_the_workspace),
	    cmocka_unit_test(after_a_power_cut_only_a_synced_checkout_counts),
	    cmocka_unit_test(kill_at_random_moments),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
