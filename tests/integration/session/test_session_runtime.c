/* Programs that an OCI runtime starts: the terminal comes over the console socket, the pid in a file,
 * and the program is the host's own child afterwards. The runtime here is fake_runtime; the real ones
 * are tried in tests/fault. */
#include "nodeagent/session/folder.h"
#include "tests/integration/session/session_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *start(struct fixture *fixture, const char *how, const char *script)
{
	const char *argv[] = {
	    FAKE_RUNTIME_PROGRAM, how, SESSION_ARGUMENT_CONSOLE, SESSION_ARGUMENT_PID_FILE, "bash", "-c", script,
	    "%console%",	  NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	const char *id = fixture_id();
	struct error error;
	struct session_start request = {.session_id = id, .argv = argv, .env = env, .cols = 100, .rows = 30};
	if (!session_start(fixture->client, &request, &error))
		fail_msg("%s", error.message);
	return id;
}

static void a_program_started_by_a_runtime_is_the_hosts_own(void **state)
{
	struct fixture *fixture = *state;
	/* the user's own words are left alone, also when they look like ours */
	const char *id = start(fixture, "good", "stty size; echo \"$0\"; read x; echo got $x; exit 9");
	fixture_wait_running(fixture, id);
	fixture_wait_text(fixture, id, "30 100\n%console%\n");
	assert_true(process_lives(fixture_note(fixture, id)->program_pid));
	assert_int_not_equal(access(fixture_path(fixture, id, FOLDER_CONSOLE), F_OK), 0);
	assert_int_equal(fixture_input(fixture, id, "a", "this\r"), ERROR_NONE);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_int_equal(note->end.exit_code, 9);
	fixture_wait_text(fixture, id, "got this\n");
}

static void it_is_stopped_like_any_other(void **state)
{
	struct fixture *fixture = *state;
	const char *id = start(fixture, "good", "trap '' HUP TERM; echo deaf; read x; read x");
	fixture_wait_text(fixture, id, "deaf");
	pid_t program = fixture_note(fixture, id)->program_pid;
	assert_int_equal(fixture_stop(fixture, id, 100), ERROR_NONE);
	assert_int_equal(fixture_wait_ended(fixture, id)->end.exit_code, 128 + SIGKILL);
	wait_process_gone(program);
}

static void a_short_program_loses_no_output(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 20; i++) {
		const char *id = start(fixture, "good", "seq 1000 | tail -n 3; exit 4");
		const struct note *note = fixture_wait_ended(fixture, id);
		enum error_code code;
		assert_int_equal(note->end.exit_code, 4);
		assert_string_equal(fixture_text(fixture, id, 0, &code), "998\n999\n1000\n");
	}
}

static void what_a_failing_runtime_says_is_for_the_log(void **state)
{
	struct fixture *fixture = *state;
	const struct note *note = fixture_wait_ended(fixture, start(fixture, "missing", "true"));
	assert_false(note->end.started);
	assert_string_equal(note->message, "The program was not found in the workspace.");
	assert_non_null(strstr(note->detail, "executable file not found in $PATH"));
	note = fixture_wait_ended(fixture, start(fixture, "mute", "true"));
	assert_false(note->end.started);
	assert_string_equal(note->message, "The program could not be started.");
}

static void a_runtime_that_hangs_is_ended_by_a_stop(void **state)
{
	struct fixture *fixture = *state;
	const char *id = start(fixture, "hang", "true");
	enum error_code code;
	do
		code = fixture_stop(fixture, id, 50);
	while (code == ERROR_SESSION_NOT_RUNNING);
	assert_int_equal(code, ERROR_NONE);
	assert_false(fixture_wait_ended(fixture, id)->end.started);
}

static void a_host_killed_with_its_runtime_program_takes_it_along(void **state)
{
	struct fixture *fixture = *state;
	const char *id = start(fixture, "good", "echo ready; read x");
	fixture_wait_text(fixture, id, "ready");
	pid_t program = fixture_note(fixture, id)->program_pid;
	kill(fixture_host_pid(fixture, id), SIGKILL);
	assert_true(fixture_wait_ended(fixture, id)->end.unexpected);
	wait_process_gone(program);
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_program_started_by_a_runtime_is_the_hosts_own),
	    session_test(it_is_stopped_like_any_other),
	    session_test(a_short_program_loses_no_output),
	    session_test(what_a_failing_runtime_says_is_for_the_log),
	    session_test(a_runtime_that_hangs_is_ended_by_a_stop),
	    session_test(a_host_killed_with_its_runtime_program_takes_it_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
