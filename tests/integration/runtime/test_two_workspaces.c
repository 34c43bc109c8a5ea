/* Two workspaces of one repository side by side on one machine: both work at the same time, on the same
 * port, and neither sees the other; what happens to one does not touch the other
 * (S0-04, S0-05, S0-06, S0-07, S0-11, D6, D8). */
#include "tests/integration/runtime/fixture.h"
#include "tests/integration/runtime/outside.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct fixture fixture;
static const char *const ids[] = {"AAA", "BBB"};

struct starting {
	struct runtime_workspace workspace;
	struct runtime_failure failure;
	bool started;
};

static void *start_one(void *context)
{
	struct starting *starting = context;
	struct arena *arena = arena_new();
	starting->started = runtime_start(fixture.runtime, arena, &starting->workspace, NULL, &starting->failure);
	if (!starting->started)
		print_error("%s: %s\n", starting->failure.step, starting->failure.message);
	arena_free(arena);
	return NULL;
}

static int start_both(void **state)
{
	(void)state;
	fixture_open(&fixture, NULL);
	const char *repository = fixture_make_repository(&fixture, "shared");
	struct starting starting[2];
	pthread_t threads[2];
	for (int i = 0; i < 2; i++) {
		starting[i] = (struct starting){.workspace = fixture_workspace(ids[i])};
		starting[i].workspace.repository = repository;
		assert_int_equal(pthread_create(&threads[i], NULL, start_one, &starting[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_true(starting[i].started);
		fixture_add_guest(&fixture, ids[i]);
	}
	return 0;
}

static int end_both(void **state)
{
	(void)state;
	fixture_close(&fixture);
	return 0;
}

static void both_have_the_checkout(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *output;
		assert_int_equal(fixture_inside(&fixture, ids[i], "cat README; git status --porcelain -uno", &output),
				 0);
		assert_string_equal(output, "hello\n");
	}
}

static bool is_served(void *context)
{
	return fixture_fetch(&fixture, context, 8080) != NULL;
}

static void both_listen_on_port_8080_and_each_is_reached(void **state)
{
	(void)state;
	const char *addresses[2];
	pid_t servers[2];
	for (int i = 0; i < 2; i++) {
		addresses[i] = fixture_address(&fixture, ids[i]);
		servers[i] =
		    fixture_background(&fixture, ids[i], "server",
				       i == 0 ? "exec ./guest serve 8080 first" : "exec ./guest serve 8080 second");
	}
	assert_string_not_equal(addresses[0], addresses[1]);
	for (int i = 0; i < 2; i++)
		assert_true(fixture_wait(is_served, (void *)addresses[i]));
	assert_string_equal(fixture_fetch(&fixture, addresses[0], 8080), "first");
	assert_string_equal(fixture_fetch(&fixture, addresses[1], 8080), "second");
	/* Each finds its own on loopback, and neither the other's from within. */
	const char *output;
	assert_int_equal(fixture_inside(&fixture, ids[0], "./guest connect 127.0.0.1 8080", &output), 0);
	assert_string_equal(output, "first");
	const char *script = arena_printf(fixture.arena, "./guest connect %s 8080", addresses[1]);
	assert_int_equal(fixture_inside(&fixture, ids[0], script, NULL), 1);
	for (int i = 0; i < 2; i++) {
		assert_true(runtime_kill_processes(fixture.runtime, ids[i], "server", 1000, NULL));
		assert_int_equal(waitpid(servers[i], NULL, 0), servers[i]);
		assert_null(fixture_fetch(&fixture, addresses[i], 8080));
	}
}

static void files_processes_and_memory_of_one_are_invisible_in_the_other(void **state)
{
	(void)state;
	const char *output;
	pid_t sleeper = fixture_background(&fixture, "AAA", "sleeper", "exec -a marked-process sleep 1000");
	(void)sleeper;
	sleeper = fixture_background(&fixture, "AAA", "sleeper2", "exec sleep 31415");
	assert_int_equal(fixture_inside(&fixture, "AAA",
					"echo mine >/workspace/mine; echo mine >/tmp/mine; echo mine >/dev/shm/mine; "
					"echo mine >/root/mine; ./guest shm-make 4711 && ./guest shm-find 4711",
					NULL),
			 0);
	assert_int_equal(fixture_inside(&fixture, "BBB",
					"ls /workspace/mine /tmp/mine /dev/shm/mine /root/mine 2>/dev/null; "
					"grep -l 31415 /proc/[0-9]*/cmdline 2>/dev/null | grep -v self; "
					"./guest shm-find 4711 && echo shared memory; true",
					&output),
			 0);
	/* The command that searches has the number on its own command line. */
	assert_null(strstr(output, "mine"));
	assert_null(strstr(output, "shared memory"));
	assert_int_equal(fixture_inside(&fixture, "BBB", "ls /proc | grep -c '^[0-9]'", &output), 0);
	assert_true(strtol(output, NULL, 10) <= 5);
	/* The machine sees the processes as nobody that it knows. */
	if (fixture.facts.user_namespace)
		fixture_shell("! ps -o user= -p $(pgrep -f '^sleep 31415') | grep root");
	assert_true(runtime_kill_processes(fixture.runtime, "AAA", "sleeper", 0, NULL));
	assert_true(runtime_kill_processes(fixture.runtime, "AAA", "sleeper2", 0, NULL));
	assert_int_equal(waitpid(sleeper, NULL, 0), sleeper);
}

static void outbound_works_for_both(void **state)
{
	(void)state;
	struct outside outside;
	outside_open(&outside, &fixture);
	for (int i = 0; i < 2; i++) {
		const char *script = arena_printf(fixture.arena, "./guest connect %s 9418", outside.address);
		assert_int_equal(fixture_inside(&fixture, ids[i], script, NULL), 0);
	}
	outside_close(&outside);
}

static void stop_and_restart_of_one_keep_its_files_and_spare_the_other(void **state)
{
	(void)state;
	const char *before, *after;
	const char *fingerprint = "find /workspace /root /etc/passwd -type f | sort | xargs sha256sum";
	pid_t watcher = fixture_background(&fixture, "BBB", "watcher", "exec sleep 1000");
	fixture_background(&fixture, "AAA", "session", "trap '' TERM; while :; do sleep 1; done");
	assert_int_equal(fixture_inside(&fixture, "AAA", "echo work >/workspace/work; chmod 751 work", NULL), 0);
	assert_int_equal(fixture_inside(&fixture, "AAA", fingerprint, &before), 0);

	struct error error;
	bool running;
	if (!runtime_stop(fixture.runtime, "AAA", 200, NULL, &error))
		fail_msg("%s", error.message);
	assert_true(runtime_is_running(fixture.runtime, "AAA", &running, NULL));
	assert_false(running);
	struct runtime_workspace workspace = fixture_workspace("AAA");
	workspace.generation = 2;
	workspace.repository = arena_printf(fixture.arena, "%s/shared", fixture.repositories);
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "AAA", fingerprint, &after), 0);
	assert_string_equal(before, after);
	assert_int_equal(fixture_inside(&fixture, "AAA", "stat -c %a work; ls /proc | grep -c '^[0-9]'", &after), 0);
	assert_int_equal(strncmp(after, "751\n", 4), 0);
	assert_true(strtol(after + 4, NULL, 10) <= 5);

	assert_int_equal(waitpid(watcher, NULL, WNOHANG), 0);
	assert_true(runtime_remove(fixture.runtime, "AAA", NULL, &error));
	assert_int_equal(waitpid(watcher, NULL, WNOHANG), 0);
	assert_int_equal(fixture_inside(&fixture, "BBB", "cat README", NULL), 0);
	assert_true(runtime_kill_processes(fixture.runtime, "BBB", "watcher", 0, NULL));
	assert_int_equal(waitpid(watcher, NULL, 0), watcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_have_the_checkout),
	    cmocka_unit_test(both_listen_on_port_8080_and_each_is_reached),
	    cmocka_unit_test(files_processes_and_memory_of_one_are_invisible_in_the_other),
	    cmocka_unit_test(outbound_works_for_both),
	    cmocka_unit_test(stop_and_restart_of_one_keep_its_files_and_spare_the_other),
	};
	return cmocka_run_group_tests(tests, start_both, end_both);
}
