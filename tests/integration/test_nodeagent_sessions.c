/* Sessions of the node agent: real session hosts, over the real bus. */
#include "bus/wire/message.h"
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN	     ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define SESSION_RUN  ROOST__WANTED_SESSION__DESIRED__RUN
#define SESSION_STOP ROOST__WANTED_SESSION__DESIRED__STOP
#define TOLD(kind)   ROOST__REPORT__REPORT_##kind

struct output_wait {
	struct bench *bench;
	const char *session;
	const char *expected;
	char text[4096];
};

static void read_output(struct output_wait *wait)
{
	char refused[64];
	struct arena *arena = arena_new();
	struct error error = {0};
	Roost__NodeOutputRequest request = ROOST__NODE_OUTPUT_REQUEST__INIT;
	request.session_id = wait->session;
	struct bytes body =
	    fake_controller_ask(&wait->bench->controller, "output", message_pack(&request.base, arena), arena, refused);
	assert_string_equal(refused, "");
	const Roost__NodeOutputResponse *answer = (const Roost__NodeOutputResponse *)message_unpack(
	    &roost__node_output_response__descriptor, body, arena, &error);
	assert_non_null(answer);
	snprintf(wait->text, sizeof(wait->text), "%s", answer->text);
	arena_free(arena);
}

/* Asks until the screen shows it: the program writes when it likes. */
static void await_output(struct bench *bench, const char *session, const char *expected)
{
	struct output_wait wait = {bench, session, expected, ""};
	for (int tries = 0; tries < 400; tries++) {
		read_output(&wait);
		if (strstr(wait.text, expected))
			return;
		loop_for(&bench->loop, 20);
	}
	fail_msg("the screen does not show %s but: %s", expected, wait.text);
}

static void type(struct bench *bench, const char *session, const char *input_id, const char *text, const char *expected)
{
	char refused[64];
	struct arena *arena = arena_new();
	Roost__NodeInputRequest request = ROOST__NODE_INPUT_REQUEST__INIT;
	request.session_id = session;
	request.input_id = input_id;
	request.has_data = true;
	request.data.data = (uint8_t *)text;
	request.data.len = strlen(text);
	fake_controller_ask(&bench->controller, "input", message_pack(&request.base, arena), arena, refused);
	assert_string_equal(refused, expected);
	arena_free(arena);
}

/* S0-14, S0-16, S0-18, D15: two sessions, typed into, read from, ended apart. */
static void sessions_run_beside_each_other(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char first[27];
	char second[27];
	bench_run_workspace(bench, bench_id(id), 1);
	fake_controller_want_session(controller, bench_id(first), id, 1, SESSION_RUN,
				     "read a; echo got-$a; read b; exit $b");
	fake_controller_want_session(controller, bench_id(second), id, 1, SESSION_RUN, "read a; echo other-$a; read b");
	fake_controller_await(controller, TOLD(SESSION_RUNNING), first, 1);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), second, 1);
	type(bench, first, "one", "hello\n", "");
	type(bench, first, "one", "hello\n", "");
	await_output(bench, first, "got-hello");
	type(bench, first, "two", "7\n", "");
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_ENDED), first, 1);
	assert_int_equal(told->reason, ROOST__AGENT_SESSION__STOP_REASON__EXITED);
	assert_true(told->has_exit_code);
	assert_int_equal(told->exit_code, 7);
	await_output(bench, first, "got-hello");
	type(bench, first, "three", "x", "session_not_running");
	type(bench, second, "one", "world\n", "");
	await_output(bench, second, "other-world");
	/* S0-17 */
	fake_controller_want_session(controller, second, id, 1, SESSION_STOP, "");
	told = fake_controller_await(controller, TOLD(SESSION_ENDED), second, 1);
	assert_int_equal(told->reason, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	assert_int_equal(agent_program_log_lines(&bench->agent, "kill"), 2);
	assert_int_equal(agent_program_log_lines(&bench->agent, "command"), 2);
	assert_true(bench_lives(bench_process_of(bench, id)));
}

/* One row that cannot be done fails by itself: what else is wanted is stored and done (S0-29). */
static void a_session_without_a_command_fails_alone(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27], without[27], good[27], other[27];
	bench_run_workspace(bench, bench_id(id), 1);
	fake_controller_want_session(controller, bench_id(without), id, 1, SESSION_RUN, "");
	fake_controller_want_session(controller, bench_id(good), id, 1, SESSION_RUN, "exit 3");
	assert_string_equal(fake_controller_await(controller, TOLD(SESSION_FAILED), without, 1)->message,
			    "The session has no command that can be run.");
	assert_int_equal(fake_controller_await(controller, TOLD(SESSION_ENDED), good, 1)->exit_code, 3);
	bench_run_workspace(bench, bench_id(other), 1);
	fake_controller_want(controller, id, 1, ROOST__WANTED_WORKSPACE__DESIRED__STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_FAILED), without), 1);
}

/* The pid that a session's host wrote into its lock. */
static pid_t host_of(const struct bench *bench, const char *session)
{
	char path[600];
	char text[64] = "";
	snprintf(path, sizeof(path), "%s/sessions/%s/lock", bench->agent.folder, session);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

static void a_session_whose_host_is_killed_is_told_and_cleared(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	bench_run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	assert_int_equal(kill(host_of(bench, session), SIGKILL), 0);
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_FAILED), session, 1);
	assert_string_equal(told->message, "The session's host process ended by itself.");
	assert_false(told->has_exit_code);
	assert_int_equal(agent_program_log_lines(&bench->agent, "kill"), 1);
	assert_int_equal(agent_program_log_lines(&bench->agent, "command"), 1);
}

/* S0-17: a host that does not answer, and cannot even be asked just then, is ended all the same. */
static void a_session_whose_host_is_deaf_after_a_restart_is_stopped(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	bench_run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	assert_int_equal(kill(host_of(bench, session), SIGSTOP), 0);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	fake_controller_want_session(controller, session, id, 1, SESSION_STOP, "");
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(told->reason, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
}

/* S0-19, S0-34: sessions end with their workspace's generation, and are told before it. */
static void sessions_end_with_their_workspace(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char late[27];
	char script[512];
	bench_run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	fake_controller_want(controller, id, 2, RUN, "");
	const struct told *ended = fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(ended->reason, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	const struct told *running = fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 2);
	assert_true(ended < running);
	/* One of the former generation comes too late, whatever it wants. */
	fake_controller_want_session(controller, bench_id(late), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_ENDED), late, 1);
	assert_int_equal(agent_program_log_lines(&bench->agent, "command"), 1);
	controller->beats = 0;
	loop_until_at_least(&bench->loop, &controller->beats, 2, "beats");
	assert_int_equal(controller->sessions_running, 0);
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(sessions_run_beside_each_other),
	    bench_test(a_session_without_a_command_fails_alone),
	    bench_test(a_session_whose_host_is_killed_is_told_and_cleared),
	    bench_test(a_session_whose_host_is_deaf_after_a_restart_is_stopped),
	    bench_test(sessions_end_with_their_workspace),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
