/* The node agent with real sandboxes: the oci driver, session hosts and git, on a real nats-server. */
#include "bus/wire/message.h"
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

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
	bench_open(&bench, "roost-nodeagent");
	*state = &bench;
	return 0;
}

static int teardown(void **state)
{
	bench_close(*state);
	return 0;
}

static void want(struct bench *bench, const char *id, uint32_t generation, Roost__WantedWorkspace__Desired desired,
		 const char *repository)
{
	struct wanted_row *row = fake_controller_want(&bench->controller, id, generation, desired, "");
	snprintf(row->repository, sizeof(row->repository), "%s", repository);
	row->version = ++bench->controller.version;
	fake_controller_send(&bench->controller);
}

static void await_running(struct bench *bench, const char *id, int times)
{
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_RUNNING), id, times);
}

/* Runs a script in a session of the workspace to its end and returns its exit code. */
static int run_inside(struct bench *bench, const char *id, uint32_t generation, const char *script)
{
	char session[27];
	fake_controller_want_session(&bench->controller, bench_id(session), id, generation, SESSION_RUN, script);
	const struct told *told = fake_controller_await(&bench->controller, TOLD(SESSION_ENDED), session, 1);
	assert_true(told->has_exit_code);
	return told->exit_code;
}

/* S0-03, S0-06, S0-11, S0-12, D6: a checkout that is worked in, kept over stop and restart. */
static void a_repository_is_worked_in_and_kept(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char repository[300];
	bench_repository(bench, repository);
	want(bench, bench_id(id), 1, RUN, repository);
	await_running(bench, id, 1);
	assert_int_equal(
	    run_inside(bench, id, 1, "[ $TERM = xterm-256color ] && grep -q hello README && echo mine > kept"), 0);
	want(bench, id, 2, RUN, repository);
	await_running(bench, id, 2);
	assert_int_equal(run_inside(bench, id, 2, "grep -q mine kept && git status --short | grep -q kept"), 0);
	want(bench, id, 2, REMOVE, repository);
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

/* S0-33, S1-04 */
static void a_repository_that_is_not_there_ends_in_failed(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char repository[400];
	snprintf(repository, sizeof(repository), "%s/repos/absent", bench->folder);
	want(bench, bench_id(id), 1, RUN, repository);
	const struct told *told = fake_controller_await(&bench->controller, TOLD(WORKSPACE_FAILED), id, 1);
	assert_true(strlen(told->message) > 10);
	char folder[64];
	snprintf(folder, sizeof(folder), "workspaces/%s", id);
	assert_false(bench_exists(bench, folder));
}

/* What runs goes on over kill -9 and the loss of the database, and its end is still noticed. */
static void a_sandbox_and_its_session_outlive_the_agent(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, "echo here; sleep 1000");
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	agent_program_kill(&bench->agent);
	agent_program_delete_database(&bench->agent);
	agent_program_start(&bench->agent);
	await_running(bench, id, 2);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 2);
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_ENDED), session), 0);
	/* The same sandbox: what was left in its memory is still there. */
	assert_int_equal(run_inside(bench, id, 1, "pgrep -f 'sleep 1000' > /dev/null"), 0);
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
}

/* S0-17: what a session leaves in the background ends with it, and nothing else does. */
static void a_stopped_session_leaves_no_process(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN,
				     "setsid sh -c 'trap \"\" HUP TERM; sleep 4321' & trap '' HUP TERM; sleep 1234");
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	fake_controller_want_session(controller, session, id, 1, SESSION_STOP, "");
	fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(run_inside(bench, id, 1, "! pgrep -f 'sleep (4321|1234)$' > /dev/null"), 0);
}

/* S0-11, S0-34: interactive shells do not hear the polite end; that their terminal is gone they do. Killed
 * after the grace it would be 128 + 9. */
static void a_shell_deaf_to_the_polite_end_does_not_hold_up_the_stop(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN,
				     "trap '' TERM; touch up; sleep 1000");
	assert_int_equal(run_inside(bench, id, 1, "until test -e up; do sleep 0.02; done"), 0);
	fake_controller_want(controller, id, 1, STOP, "");
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(told->exit_code, 128 + SIGHUP);
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
}

/* The loop learns of it from the kernel. */
static void a_killed_sandbox_is_told_as_lost(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char session[27];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	fake_controller_want_session(&bench->controller, bench_id(session), id, 1, SESSION_RUN, "sleep 1000");
	fake_controller_await(&bench->controller, TOLD(SESSION_RUNNING), session, 1);
	assert_int_equal(bench_kill_sandbox(bench, id), 0);
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_LOST), id, 1);
	/* Not as a program that was killed: that is how it looks from its host. */
	const struct told *told = fake_controller_await(&bench->controller, TOLD(SESSION_FAILED), session, 1);
	assert_string_equal(told->message, "The workspace's sandbox ended by itself, and the session with it.");
	want(bench, id, 2, RUN, "");
	await_running(bench, id, 2);
}

static int setup_few_processes(void **state)
{
	setenv("WORKSPACE_PIDS", "64", 1);
	int failed = setup(state);
	unsetenv("WORKSPACE_PIDS");
	return failed;
}

struct outcome {
	struct fake_controller *controller;
	const char *session;
};

static bool has_an_outcome(void *context)
{
	const struct outcome *outcome = context;
	return fake_controller_count(outcome->controller, TOLD(SESSION_FAILED), outcome->session) > 0 ||
	       fake_controller_count(outcome->controller, TOLD(SESSION_ENDED), outcome->session) > 0;
}

/* D8: the limit is said, and not only that something did not work. */
static void a_session_at_the_process_limit_says_so(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char hog[27];
	char session[27];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	/* The shell that could not go on leaves one place, which is taken too. */
	fake_controller_want_session(controller, bench_id(hog), id, 1, SESSION_RUN,
				     "(while :; do sleep 1000 & done) 2>/dev/null; sleep 1000 & : >full; read x");
	fake_controller_await(controller, TOLD(SESSION_RUNNING), hog, 1);
	char folder[400];
	snprintf(folder, sizeof(folder), "/run/roost/%s/%s/disk/workspace/full", bench->agent.node_id, id);
	for (int tries = 0; tries < 2000 && access(folder, F_OK) != 0; tries++)
		usleep(10000);
	assert_int_equal(access(folder, F_OK), 0);
	/* A runtime that moves a process in, instead of making one inside, gets past the limit now and then. */
	struct outcome outcome = {controller, session};
	for (int tries = 0; tries < 20 && fake_controller_count(controller, TOLD(SESSION_FAILED), session) == 0;
	     tries++) {
		fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, "echo here");
		loop_until(&bench->loop, has_an_outcome, &outcome, PATIENCE_MS, "the session's end");
	}
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_FAILED), session, 1);
	assert_non_null(strstr(told->message, "The workspace is at its limit of 64 processes."));
}

/* S2-11, S2-12: who it is, whose child, and a token that only it can read, another one for each start, and
 * in no log. */
static void a_workspace_knows_who_it_is(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char parent[27];
	char script[2048];
	struct wanted_row *row = fake_controller_want(controller, bench_id(id), 1, RUN, "");
	snprintf(row->parent_id, sizeof(row->parent_id), "%s", bench_id(parent));
	row->version = ++controller->version;
	row->generation = 2;
	fake_controller_send(controller);
	const struct told *told = NULL;
	do
		told = fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, told ? 2 : 1);
	while (told->generation != 2);
	snprintf(
	    script, sizeof(script),
	    "set -x; [ $ROOST_WORKSPACE_ID = %s ] && [ $ROOST_NODE_ID = %s ] && [ $ROOST_OWNER = local ] &&"
	    " [ $ROOST_GENERATION = 2 ] && [ $PARENT_ID = %s ] && [ $ROOST_PARENT_ID = %s ] && [ $WORKSPACE = test ] &&"
	    " [ $(wc -c < $ROOST_TOKEN_FILE) = 43 ] && [ $(stat -c %%a:%%u $ROOST_TOKEN_FILE) = 400:0 ] &&"
	    " cp $ROOST_TOKEN_FILE /workspace/seen",
	    id, bench->agent.node_id, parent, parent);
	assert_int_equal(run_inside(bench, id, 2, script), 0);
	row->generation = 3;
	row->version = ++controller->version;
	fake_controller_send(controller);
	told = fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 2);
	assert_int_equal(run_inside(bench, id, 3, "! cmp -s $ROOST_TOKEN_FILE seen && cp $ROOST_TOKEN_FILE now"), 0);
	/* The only copies are those that this test had made, the database's and the one for the workspace. */
	snprintf(script, sizeof(script),
		 "token=$(cat /run/roost/%s/%s/disk/workspace/now); [ ${#token} = 43 ] &&"
		 " ! grep -qF -e \"$token\" %s/agent.log %s/nodelogs/* && grep -qF -e \"$token\" %s/nodeagent.db*",
		 bench->agent.node_id, id, bench->agent.folder, bench->agent.folder, bench->agent.folder);
	const char *const argv[] = {"sh", "-c", script, NULL};
	assert_int_equal(process_run(argv, NULL, NULL, 0), 0);
}

static bool lives_inside(const char *words)
{
	char script[256];
	snprintf(script, sizeof(script), "pgrep -f '%s' > /dev/null", words);
	const char *const argv[] = {"sh", "-c", script, NULL};
	return process_run(argv, NULL, NULL, 0) == 0;
}

/* S0-19: whoever kills a session's host ends the session, with all that ran in it, and nothing else. */
static void a_session_whose_host_is_killed_ends_wholly(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char killed[27];
	char other[27];
	char script[512];
	want(bench, bench_id(id), 1, RUN, "");
	await_running(bench, id, 1);
	fake_controller_want_session(controller, bench_id(killed), id, 1, SESSION_RUN, "sleep 98761; true");
	fake_controller_want_session(controller, bench_id(other), id, 1, SESSION_RUN, "sleep 98762; true");
	fake_controller_await(controller, TOLD(SESSION_RUNNING), killed, 1);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), other, 1);
	snprintf(script, sizeof(script), "kill -9 $(pgrep -f '[r]oost-sessionhost %s/sessions/%s')",
		 bench->agent.folder, killed);
	const char *const argv[] = {"sh", "-c", script, NULL};
	assert_int_equal(process_run(argv, NULL, NULL, 0), 0);
	const struct told *told = fake_controller_await(controller, TOLD(SESSION_FAILED), killed, 1);
	assert_string_equal(told->message, "The session's host process ended by itself.");
	assert_false(lives_inside("^sleep 98761"));
	assert_true(lives_inside("^sleep 98762"));
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_ENDED), other), 0);
}

/* S0-30, S0-34: real sandboxes whose programs do not want to end, with the node; nothing of them is left. */
static void a_node_stops_what_ignores_the_polite_end(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char ids[2][27];
	char session[27];
	for (int i = 0; i < 2; i++) {
		want(bench, bench_id(ids[i]), 1, RUN, "");
		await_running(bench, ids[i], 1);
	}
	fake_controller_want_session(controller, bench_id(session), ids[0], 1, SESSION_RUN,
				     "trap '' TERM HUP INT; touch up; while :; do sleep 98763; done");
	assert_int_equal(run_inside(bench, ids[0], 1, "until test -e up; do sleep 0.02; done"), 0);
	fake_controller_want_node(controller, ROOST__WANTED_NODE__DESIRED__STOP);
	fake_controller_await(controller, TOLD(NODE_STOPPED), NULL, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_STOPPED), ids[i]), 1);
	assert_false(lives_inside("^sleep 98763"));
	fake_controller_want_node(controller, ROOST__WANTED_NODE__DESIRED__REMOVE);
	bench_await_deleted(bench);
}

/* S4-27, D16: two nodes of different installations on one machine; the one that is deleted takes everything of
 * its own, what no log knows included, and nothing of the other's. */
static void a_deleted_node_spares_its_neighbour(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	static struct bench neighbour;
	char unknown[27];
	char theirs[27];
	bench_open(&neighbour, "roost-nodeagent");
	want(&neighbour, bench_id(theirs), 1, RUN, "");
	await_running(&neighbour, theirs, 1);
	want(bench, bench_id(unknown), 1, RUN, "");
	await_running(bench, unknown, 1);
	agent_program_kill(&bench->agent);
	agent_program_delete_database(&bench->agent);
	controller->row_count = 0;
	fake_controller_want_node(controller, ROOST__WANTED_NODE__DESIRED__REMOVE);
	agent_program_start(&bench->agent);
	bench_await_deleted(bench);
	assert_int_equal(run_inside(&neighbour, theirs, 1, "echo alive"), 0);
	assert_int_equal(fake_controller_count(&neighbour.controller, TOLD(WORKSPACE_LOST), theirs), 0);
	bench_close(&neighbour);
}

#define sandbox_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    sandbox_test(a_repository_is_worked_in_and_kept),
	    sandbox_test(a_repository_that_is_not_there_ends_in_failed),
	    sandbox_test(a_sandbox_and_its_session_outlive_the_agent),
	    sandbox_test(a_stopped_session_leaves_no_process),
	    sandbox_test(a_shell_deaf_to_the_polite_end_does_not_hold_up_the_stop),
	    sandbox_test(a_killed_sandbox_is_told_as_lost),
	    cmocka_unit_test_setup_teardown(a_session_at_the_process_limit_says_so, setup_few_processes, teardown),
	    sandbox_test(a_workspace_knows_who_it_is),
	    sandbox_test(a_session_whose_host_is_killed_ends_wholly),
	    sandbox_test(a_node_stops_what_ignores_the_polite_end),
	    sandbox_test(a_deleted_node_spares_its_neighbour),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
