/* The watch over daemons, with shell scripts for daemons. */
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include "controller/installation/file.h"
#include "controller/installation/lock.h"
#include "controller/installation/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	uv_loop_t loop;
	struct arena *arena;
	struct installation installation;
	struct supervisor *supervisor;
	bool stopped;
	struct error error;
};

static char said[8192];

static void say(const char *line)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	said[0] = '\0';
	uv_loop_init(&fixture->loop);
	fixture->arena = arena_new();
	assert_true(installation_load_or_make(cleanup_folder(), &fixture->installation, &fixture->error));
	fixture->supervisor = supervisor_new(&fixture->loop, &fixture->installation, say);
	*state = fixture;
	return 0;
}

static void stopped(void *context)
{
	((struct fixture *)context)->stopped = true;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (!fixture->stopped) {
		supervisor_stop(fixture->supervisor, stopped, fixture);
		supervisor_stop(fixture->supervisor, stopped, fixture);
	}
	loop_until_true(&fixture->loop, &fixture->stopped, "the end of the daemons");
	supervisor_free(fixture->supervisor);
	loop_finish(&fixture->loop);
	arena_free(fixture->arena);
	test_free(fixture);
	return 0;
}

static void add(struct fixture *fixture, const char *name, const char *script)
{
	struct daemon_settings settings = {
	    .name = name,
	    .argv = (const char *const[]){"sh", "-c", script, NULL},
	    .environment = (char *const[]){(char *)"GREETING=hello", NULL},
	};
	if (!supervisor_add(fixture->supervisor, &settings, &fixture->error))
		fail_msg("%s", fixture->error.message);
}

static char *log_of(struct fixture *fixture, const char *name)
{
	char *path = installation_path(&fixture->installation, fixture->arena,
				       arena_printf(fixture->arena, "logs/%s.log", name));
	char *text = file_read(path, fixture->arena, NULL);
	return text == NULL ? arena_strdup(fixture->arena, "") : text;
}

static bool two_restarts(void *context)
{
	return supervisor_restarts(((struct fixture *)context)->supervisor) >= 2;
}

static void a_daemon_that_ends_is_started_again_later_and_later(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, "brief", "echo $GREETING; exit 3");
	loop_until(&fixture->loop, two_restarts, fixture, PATIENCE_MS, "two restarts");
	assert_non_null(strstr(said, "brief ended with status 3; starting it again in 0.2 s"));
	assert_non_null(strstr(said, "starting it again in 0.4 s"));
	assert_non_null(strstr(said, "brief runs again"));
	assert_non_null(strstr(log_of(fixture, "brief"), "hello\nhello\n"));
}

static bool over_after_two(void *context, int status)
{
	int *ends = context;
	assert_int_equal(WEXITSTATUS(status), 0);
	return ++*ends == 2;
}

static bool ended_twice(void *context)
{
	return *(int *)context == 2;
}

/* A daemon whose work is done is not started again, and is nobody to wait for at the end. */
static void a_daemon_that_ended_for_good_stays_ended(void **state)
{
	struct fixture *fixture = *state;
	int ends = 0;
	struct daemon_settings settings = {
	    .name = "finite",
	    .argv = (const char *const[]){"true", NULL},
	    .environment = (char *const[]){NULL},
	    .over = over_after_two,
	    .context = &ends,
	};
	assert_true(supervisor_add(fixture->supervisor, &settings, &fixture->error));
	loop_until(&fixture->loop, ended_twice, &ends, PATIENCE_MS, "the second end");
	loop_for(&fixture->loop, 600);
	assert_int_equal(ends, 2);
	assert_int_equal(supervisor_restarts(fixture->supervisor), 1);
}

static bool said_killed(void *context)
{
	(void)context;
	return strstr(said, "was ended by signal 9") != NULL;
}

static bool logged_ready(void *context)
{
	return strstr(log_of(context, "steady"), "ready") != NULL;
}

static struct process_identity first_noted(struct fixture *fixture)
{
	struct process_identity identity = {0};
	char name[32];
	int pid = 0;
	unsigned long long start = 0;
	char *text = file_read(installation_path(&fixture->installation, fixture->arena, "run/processes"),
			       fixture->arena, &fixture->error);
	assert_non_null(text);
	assert_int_equal(sscanf(strchr(text, '\n') + 1, "%31s %d %llu", name, &pid, &start), 3);
	identity.pid = pid;
	identity.start_time = start;
	return identity;
}

static void a_killed_daemon_is_told_and_noted_processes_are_the_running_ones(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, "steady", "echo ready; exec sleep 1000");
	loop_until(&fixture->loop, logged_ready, fixture, PATIENCE_MS, "the daemon");
	struct process_identity before = first_noted(fixture);
	assert_int_equal(kill(before.pid, SIGKILL), 0);
	loop_until(&fixture->loop, said_killed, fixture, PATIENCE_MS, "its end to be told");
	uint64_t restarts = supervisor_restarts(fixture->supervisor);
	while (restarts == supervisor_restarts(fixture->supervisor))
		loop_for(&fixture->loop, 10);
	assert_int_not_equal(first_noted(fixture).pid, before.pid);
}

static void daemons_end_in_reverse_order(void **state)
{
	struct fixture *fixture = *state;
	char *order = installation_path(&fixture->installation, fixture->arena, "order");
	for (int i = 1; i <= 3; i++)
		add(fixture,
		    i == 1   ? "one"
		    : i == 2 ? "two"
			     : "steady",
		    arena_printf(fixture->arena,
				 "trap 'echo %d >>%s; exit 0' TERM; echo ready; while :; do sleep 0.02; done", i,
				 order));
	loop_until(&fixture->loop, logged_ready, fixture, PATIENCE_MS, "the last daemon");
	loop_for(&fixture->loop, 100);
	supervisor_stop(fixture->supervisor, stopped, fixture);
	loop_until_true(&fixture->loop, &fixture->stopped, "the end of the daemons");
	assert_string_equal(file_read(order, fixture->arena, NULL), "3\n2\n1\n");
}

static void a_second_stop_kills_the_deaf(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, "steady", "trap '' TERM; echo ready; while :; do sleep 0.02; done");
	loop_until(&fixture->loop, logged_ready, fixture, PATIENCE_MS, "the daemon");
	supervisor_stop(fixture->supervisor, stopped, fixture);
	loop_for(&fixture->loop, 100);
	assert_false(fixture->stopped);
	supervisor_stop(fixture->supervisor, stopped, fixture);
	loop_until_true(&fixture->loop, &fixture->stopped, "the end of the daemon");
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct daemon_settings settings = {
	    .name = "absent",
	    .argv = (const char *const[]){"/does/not/exist", NULL},
	    .environment = (char *const[]){NULL},
	};
	assert_false(supervisor_add(fixture->supervisor, &settings, &fixture->error));
	assert_non_null(strstr(fixture->error.message, "/does/not/exist"));
}

static void said_leftover(const char *name, int pid)
{
	snprintf(said, sizeof(said), "%s %d", name, pid);
}

/* What a killed supervisor leaves is ended only when it is still the same process. */
static void leftovers_are_ended_by_pid_and_start_time(void **state)
{
	struct fixture *fixture = *state;
	struct process ours;
	struct process strangers;
	process_start(&ours, (const char *const[]){"sleep", "1000", NULL}, NULL, NULL);
	process_start(&strangers, (const char *const[]){"sleep", "1000", NULL}, NULL, NULL);
	struct noted_process noted[2] = {{.name = "ours"}, {.name = "stranger"}};
	assert_true(process_identity_of(ours.pid, &noted[0].identity));
	assert_true(process_identity_of(strangers.pid, &noted[1].identity));
	noted[1].identity.start_time--;
	assert_true(processes_note(&fixture->installation, noted, 2, &fixture->error));
	assert_true(processes_end(&fixture->installation, said_leftover, &fixture->error));
	assert_int_equal(process_wait(&ours, 1000), 128 + SIGTERM);
	assert_false(process_ended(&strangers));
	assert_non_null(strstr(said, "ours"));
	process_kill(&strangers);
}

static void one_process_has_the_lock(void **state)
{
	struct fixture *fixture = *state;
	struct process_identity holder;
	assert_false(lock_holder(&fixture->installation, &holder));
	int fd = lock_take(&fixture->installation, &fixture->error);
	assert_true(fd >= 0);
	assert_true(lock_holder(&fixture->installation, &holder));
	assert_int_equal(holder.pid, getpid());
	assert_int_equal(lock_take(&fixture->installation, &fixture->error), -1);
	assert_int_equal(fixture->error.code, ERROR_CONFLICT);
	close(fd);
	assert_false(lock_holder(&fixture->installation, &holder));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_daemon_that_ends_is_started_again_later_and_later),
	    TEST(a_daemon_that_ended_for_good_stays_ended),
	    TEST(a_killed_daemon_is_told_and_noted_processes_are_the_running_ones),
	    TEST(daemons_end_in_reverse_order),
	    TEST(a_second_stop_kills_the_deaf),
	    TEST(a_program_that_is_not_there_is_an_error),
	    TEST(leftovers_are_ended_by_pid_and_start_time),
	    TEST(one_process_has_the_lock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
