/* The node agent as a program, on a real nats-server with a node's own permissions, against a controller
 * that keeps no log and a runtime without sandboxes. Each test reads what the agent tells. */
#include "bus/wire/message.h"
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN	     ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	     ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	     ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define SESSION_RUN  ROOST__WANTED_SESSION__DESIRED__RUN
#define SESSION_STOP ROOST__WANTED_SESSION__DESIRED__STOP
#define TOLD(kind)   ROOST__REPORT__REPORT_##kind

static int setup(void **state)
{
	static struct bench bench;
	bench_open(&bench, "nodeagent-without-sandboxes");
	*state = &bench;
	return 0;
}

static int teardown(void **state)
{
	bench_close(*state);
	return 0;
}

static void touch(const struct bench *bench, const char *name, bool there)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", bench->agent.folder, name);
	if (!there) {
		unlink(path);
		return;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int starts_of(const struct bench *bench, const char *id)
{
	char beginning[64];
	snprintf(beginning, sizeof(beginning), "start %s", id);
	return agent_program_log_lines(&bench->agent, beginning);
}

/* The pid of a workspace's process. */
static pid_t process_of(const struct bench *bench, const char *id)
{
	char path[600];
	char text[32] = "";
	snprintf(path, sizeof(path), "%s/workspaces/%s/pid", bench->agent.folder, id);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

/* Not one that has ended and waits for its parent. */
static bool lives(pid_t pid)
{
	char path[64];
	char line[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	bool read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	const char *end = strrchr(line, ')');
	return read && end && end[1] && end[2] != 'Z';
}

static const struct told *run_workspace(struct bench *bench, const char *id, uint32_t generation)
{
	fake_controller_want(&bench->controller, id, generation, RUN, "");
	int before = fake_controller_count(&bench->controller, TOLD(WORKSPACE_RUNNING), id);
	return fake_controller_await(&bench->controller, TOLD(WORKSPACE_RUNNING), id, before + 1);
}

static void restart(struct bench *bench)
{
	bench->controller.beats = 0;
	agent_program_start(&bench->agent);
	loop_until_at_least(&bench->loop, &bench->controller.beats, 2, "beats of the agent that was started again");
}

/* S1-02, S0-11, S0-12, D6, S2-05: the whole life of a workspace. */
static void a_workspace_is_made_stopped_restarted_and_removed(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char kept[100];
	bench_id(id);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 1);
	assert_int_equal(run_workspace(bench, id, 1)->generation, 1);
	assert_true(fake_controller_count(controller, TOLD(WORKSPACE_STEP), id) >= 3);
	snprintf(kept, sizeof(kept), "workspaces/%s/checkout/kept", id);
	touch(bench, kept, true);
	fake_controller_want(controller, id, 1, STOP, "");
	assert_int_equal(fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1)->generation, 1);
	assert_true(bench_exists(bench, kept));
	assert_int_equal(run_workspace(bench, id, 2)->generation, 2);
	assert_int_equal(run_workspace(bench, id, 3)->generation, 3);
	assert_true(bench_exists(bench, kept));
	assert_int_equal(starts_of(bench, id), 3);
	fake_controller_want(controller, id, 3, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	kept[sizeof("workspaces/") - 1 + 26] = 0;
	assert_false(bench_exists(bench, kept));
	assert_int_equal(controller->told[0].kind, TOLD(NODE_RUNNING));
}

/* S0-05: what happens to one does not touch the other. */
static void a_neighbour_goes_on(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char neighbour[27];
	run_workspace(bench, bench_id(neighbour), 1);
	pid_t pid = process_of(bench, neighbour);
	run_workspace(bench, bench_id(id), 1);
	run_workspace(bench, id, 2);
	fake_controller_want(&bench->controller, id, 2, REMOVE, "");
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_REMOVED), id, 1);
	assert_int_equal(process_of(bench, neighbour), pid);
	assert_true(lives(pid));
	assert_int_equal(starts_of(bench, neighbour), 1);
	assert_int_equal(fake_controller_count(&bench->controller, TOLD(WORKSPACE_RUNNING), neighbour), 1);
}

/* S0-33, S1-04: each step's failure is told with its reason, leaves nothing, is not repeated by itself,
 * and the workspace can still be deleted or started again. */
static void a_failed_creation_is_told_and_leaves_nothing(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	static const char *const steps[] = {"disk", "network", "sandbox"};
	for (size_t i = 0; i < 3; i++) {
		char id[27];
		char image[32];
		char folder[64];
		snprintf(image, sizeof(image), "fail:%s", steps[i]);
		fake_controller_want(controller, bench_id(id), 1, RUN, image);
		const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), id, 1);
		assert_string_equal(told->step, steps[i]);
		assert_non_null(strstr(told->message, "could not be made"));
		snprintf(folder, sizeof(folder), "workspaces/%s", id);
		assert_false(bench_exists(bench, folder));
		agent_program_kill(&bench->agent);
		restart(bench);
		assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 1);
		assert_int_equal(run_workspace(bench, id, 2)->generation, 2);
		fake_controller_want(controller, id, 2, REMOVE, "");
		fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	}
}

/* S1-16: a stop during the creation is not overwritten by its end, and does not wait for it. */
static void a_creation_is_called_off_by_a_stop(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "slow");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 3);
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_RUNNING), id), 0);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 0);
	fake_controller_want(controller, id, 2, RUN, "slow");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 6);
	fake_controller_want(controller, id, 2, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

/* An agent that is told to end does not wait for a long creation; the next one does it again. */
static void a_creation_goes_on_with_the_next_agent(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	struct wanted_row *row = fake_controller_want(controller, bench_id(id), 1, RUN, "slow");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 3);
	agent_program_stop(&bench->agent);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 0);
	row->image[0] = 0;
	row->version = ++controller->version;
	restart(bench);
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 6);
	fake_controller_want(controller, id, 2, RUN, "");
	assert_int_equal(fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1)->generation, 2);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 0);
}

static void a_sandbox_that_ends_by_itself_is_told_as_lost(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "short");
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1);
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_int_equal(told->generation, 1);
	assert_non_null(strstr(told->message, "ended by itself"));
	assert_int_equal(starts_of(bench, id), 1);
	run_workspace(bench, id, 2);
}

/* D12: what is left is told once for each time that it was asked for, files stay, and it is tried again. */
static void a_failed_stop_keeps_everything_and_is_told(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char stubborn[64];
	run_workspace(bench, bench_id(id), 1);
	snprintf(stubborn, sizeof(stubborn), "workspaces/%s/refuse-stop", id);
	touch(bench, stubborn, true);
	fake_controller_want(controller, id, 1, REMOVE, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_STOP_FAILED), id, 1);
	assert_non_null(strstr(told->message, "One process"));
	assert_true(bench_exists(bench, stubborn));
	touch(bench, stubborn, false);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

/* Restarts, also by kill -9, are not noticed by what runs. */
static void what_runs_is_adopted_after_a_kill(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	pid_t pid = process_of(bench, id);
	agent_program_kill(&bench->agent);
	restart(bench);
	agent_program_stop(&bench->agent);
	restart(bench);
	assert_int_equal(process_of(bench, id), pid);
	assert_int_equal(starts_of(bench, id), 1);
	assert_int_equal(controller->workspaces_running, 1);
	assert_int_equal(controller->sessions_running, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_RUNNING), id), 1);
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_RUNNING), session), 1);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_RUNNING), NULL), 1);
	/* It is still watched. */
	kill(-pid, SIGKILL);
	fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
}

static void what_died_while_the_agent_was_away_is_told_as_lost(void **state)
{
	struct bench *bench = *state;
	char id[27];
	run_workspace(bench, bench_id(id), 1);
	agent_program_kill(&bench->agent);
	kill(-process_of(bench, id), SIGKILL);
	restart(bench);
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_int_equal(starts_of(bench, id), 1);
}

/* The database may be deleted at any time. */
static void a_deleted_database_is_found_again(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char silent[27];
	char session[27];
	char ended[27];
	char script[512];
	run_workspace(bench, bench_id(id), 1);
	run_workspace(bench, bench_id(silent), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	fake_controller_want_session(controller, bench_id(ended), id, 1, SESSION_RUN, "exit 3");
	fake_controller_await(controller, TOLD(SESSION_ENDED), ended, 1);
	fake_controller_want(controller, silent, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), silent, 1);
	pid_t pid = process_of(bench, id);
	uint64_t epoch = controller->agent_epoch;

	agent_program_kill(&bench->agent);
	agent_program_delete_database(&bench->agent);
	restart(bench);
	fake_controller_await_held(controller);
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 2);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 2);
	assert_int_equal(fake_controller_await(controller, TOLD(SESSION_ENDED), ended, 2)->exit_code, 3);
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_FAILED), NULL), 0);
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), silent, 2);
	assert_true(controller->agent_epoch > epoch);
	assert_int_equal(process_of(bench, id), pid);
	assert_int_equal(starts_of(bench, id), 1);
	assert_int_equal(starts_of(bench, silent), 1);
	assert_int_equal(agent_program_log_lines(&bench->agent, "command"), 2);
	assert_int_equal(controller->unknown_workspaces, 0);
}

/* D16, D3: another log takes over; what it does not name is reported and left alone. */
static void what_another_log_does_not_know_is_left_alone(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char other[27];
	run_workspace(bench, bench_id(id), 1);
	snprintf(controller->log_id, sizeof(controller->log_id), "log-2");
	controller->row_count = 0;
	controller->version = 0;
	run_workspace(bench, bench_id(other), 1);
	controller->beats = 0;
	loop_until_at_least(&bench->loop, &controller->beats, 2, "beats");
	assert_int_equal(controller->unknown_workspaces, 1);
	assert_int_equal(controller->workspaces_running, 2);
	assert_true(lives(process_of(bench, id)));
	/* The new log learns of it, and it is told anew. */
	run_workspace(bench, id, 1);
	assert_int_equal(starts_of(bench, id), 1);
}

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
	run_workspace(bench, bench_id(id), 1);
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
	assert_true(lives(process_of(bench, id)));
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
	run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	assert_int_equal(kill(host_of(bench, session), SIGKILL), 0);
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(told->reason, ROOST__AGENT_SESSION__STOP_REASON__FAILED);
	assert_false(told->has_exit_code);
	assert_int_equal(agent_program_log_lines(&bench->agent, "kill"), 1);
	assert_int_equal(agent_program_log_lines(&bench->agent, "command"), 1);
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
	run_workspace(bench, bench_id(id), 1);
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

/* S1-10: a report that nobody takes is kept and told when somebody does, once. */
static void reports_outlast_silence_refusal_and_a_kill(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 1);
	controller->refuse = true;
	int batches = controller->batches;
	fake_controller_want(controller, bench_id(id), 1, RUN, "");
	loop_until_at_least(&bench->loop, &controller->batches, batches + 2, "a second try");
	controller->mute = true;
	agent_program_kill(&bench->agent);
	nats_server_restart(bench->server);
	restart(bench);
	controller->mute = controller->refuse = false;
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_RUNNING), id), 1);
	assert_int_equal(starts_of(bench, id), 1);
}

/* A log that went back forgets reports: everything is told again under a new epoch. */
static void a_log_that_forgot_reports_is_told_again(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	run_workspace(bench, bench_id(id), 1);
	uint64_t epoch = controller->agent_epoch;
	controller->taken = 1;
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_true(controller->agent_epoch > epoch);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 2);
}

/* D7: without a usable runtime a start fails at once with the true cause, and comes back by itself. */
static void a_broken_runtime_is_said_and_recovers(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 1);
	agent_program_kill(&bench->agent);
	touch(bench, "broken", true);
	restart(bench);
	assert_non_null(strstr(controller->runtime_error, "broken"));
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 2);
	touch(bench, "broken", false);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 3);
	run_workspace(bench, bench_id(id), 1);
}

static int setup_without_room(void **state)
{
	setenv("TEST_DISK_RESERVE_MB", "1048576", 1);
	return setup(state);
}

static int teardown_without_room(void **state)
{
	unsetenv("TEST_DISK_RESERVE_MB");
	return teardown(state);
}

/* S0-29 */
static void a_full_disk_refuses_creates_and_says_so(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), id, 1);
	assert_string_equal(told->step, "disk");
	assert_non_null(strstr(told->message, "free disk"));
	assert_int_equal(starts_of(bench, id), 0);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

static int setup_small(void **state)
{
	static struct bench bench;
	bench_open_small(&bench, "nodeagent-without-sandboxes", 64);
	*state = &bench;
	return 0;
}

/* Takes every byte that is left. */
static void fill_disk(const struct bench *bench)
{
	char path[600];
	char block[65536];
	snprintf(path, sizeof(path), "%s/fill", bench->agent.folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	memset(block, 1, sizeof(block));
	for (size_t size = sizeof(block); size > 0;)
		if (write(fd, block, size) <= 0)
			size /= 2;
	close(fd);
}

/* On a full disk nothing is made, and everything can still be stopped, removed and told. */
static void a_disk_without_a_byte_left_stops_and_removes(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char other[27];
	run_workspace(bench, bench_id(id), 1);
	assert_true(bench_exists(bench, "nodeagent.db.ballast"));
	fill_disk(bench);
	fake_controller_want(controller, bench_id(other), 1, RUN, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), other, 1);
	assert_non_null(strstr(told->message, "free disk"));
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	assert_false(process_ended(&bench->agent.process));
	fake_controller_want(controller, other, 2, RUN, "");
	fake_controller_await(controller, TOLD(WORKSPACE_FAILED), other, 2);
	touch(bench, "fill", false);
	run_workspace(bench, other, 3);
	assert_true(bench_exists(bench, "nodeagent.db.ballast"));
}

static void expect_refusal(struct bench *bench, const char *verb, struct bytes body, const char *expected)
{
	char refused[64];
	struct arena *arena = arena_new();
	fake_controller_ask(&bench->controller, verb, body, arena, refused);
	assert_string_equal(refused, expected);
	arena_free(arena);
}

static void rubbish_is_answered_with_an_error(void **state)
{
	struct bench *bench = *state;
	struct arena *arena = arena_new();
	loop_until_at_least(&bench->loop, &bench->controller.beats, 1, "a beat");
	struct bytes rubbish = {(const unsigned char *)"\xff\xff\xff\xff rubbish", 12};
	expect_refusal(bench, "explode", (struct bytes){0}, "invalid_argument");
	expect_refusal(bench, "apply", rubbish, "invalid_argument");
	expect_refusal(bench, "apply", (struct bytes){0}, "invalid_argument");
	expect_refusal(bench, "input", (struct bytes){0}, "invalid_argument");
	Roost__NodeOutputRequest output = ROOST__NODE_OUTPUT_REQUEST__INIT;
	output.session_id = "../../../etc/passwd";
	expect_refusal(bench, "output", message_pack(&output.base, arena), "invalid_argument");
	output.session_id = "01JABCDEFGHJKMNPQRSTVWXYZ9";
	expect_refusal(bench, "output", message_pack(&output.base, arena), "session_not_found");
	expect_refusal(bench, "probe", (struct bytes){0}, "");
	arena_free(arena);
}

static void the_inventory_names_what_is_there(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char refused[64];
	struct arena *arena = arena_new();
	struct error error = {0};
	run_workspace(bench, bench_id(id), 4);
	struct bytes body = fake_controller_ask(&bench->controller, "inventory", (struct bytes){0}, arena, refused);
	const Roost__InventoryResponse *answer = (const Roost__InventoryResponse *)message_unpack(
	    &roost__inventory_response__descriptor, body, arena, &error);
	assert_non_null(answer);
	assert_int_equal(answer->n_workspaces, 1);
	assert_string_equal(answer->workspaces[0]->id, id);
	assert_int_equal(answer->workspaces[0]->generation, 4);
	assert_true(answer->workspaces[0]->running && answer->workspaces[0]->known);
	assert_null(answer->next_cursor);
	arena_free(arena);
}

/* What `roost down` asks for: without the bus, and with nothing left. */
static void stop_all_ends_everything_without_the_bus(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "trap '' TERM HUP", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	pid_t pid = process_of(bench, id);
	assert_int_not_equal(agent_program_stop_all(&bench->agent, false), 0); /* the agent is still there */
	agent_program_stop(&bench->agent);
	assert_true(lives(pid));
	nats_server_kill(bench->server);
	assert_int_equal(agent_program_stop_all(&bench->agent, false), 0);
	assert_false(lives(pid));
	assert_true(bench_exists(bench, "nodeagent.db"));
	nats_server_resume(bench->server);
	restart(bench);
	fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
}

#define bench_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(a_workspace_is_made_stopped_restarted_and_removed),
	    bench_test(a_neighbour_goes_on),
	    bench_test(a_failed_creation_is_told_and_leaves_nothing),
	    bench_test(a_creation_is_called_off_by_a_stop),
	    bench_test(a_creation_goes_on_with_the_next_agent),
	    bench_test(a_sandbox_that_ends_by_itself_is_told_as_lost),
	    bench_test(a_failed_stop_keeps_everything_and_is_told),
	    bench_test(what_runs_is_adopted_after_a_kill),
	    bench_test(what_died_while_the_agent_was_away_is_told_as_lost),
	    bench_test(a_deleted_database_is_found_again),
	    bench_test(what_another_log_does_not_know_is_left_alone),
	    bench_test(sessions_run_beside_each_other),
	    bench_test(a_session_whose_host_is_killed_is_told_and_cleared),
	    bench_test(sessions_end_with_their_workspace),
	    bench_test(reports_outlast_silence_refusal_and_a_kill),
	    bench_test(a_log_that_forgot_reports_is_told_again),
	    bench_test(a_broken_runtime_is_said_and_recovers),
	    cmocka_unit_test_setup_teardown(a_full_disk_refuses_creates_and_says_so, setup_without_room,
					    teardown_without_room),
	    bench_test(rubbish_is_answered_with_an_error),
	    /* It takes this process into a mount namespace of its own. */
	    cmocka_unit_test_setup_teardown(a_disk_without_a_byte_left_stops_and_removes, setup_small, teardown),
	    bench_test(the_inventory_names_what_is_there),
	    bench_test(stop_all_ends_everything_without_the_bus),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
