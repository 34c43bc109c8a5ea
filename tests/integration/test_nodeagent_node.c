/* What is wanted of the node as a whole: stop and delete, with workspaces that the log knows and such that it
 * does not, with what cannot be stopped, and over restarts of the agent. */
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RUN	    ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	    ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	    ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define SESSION_RUN ROOST__WANTED_SESSION__DESIRED__RUN
#define NODE_RUN    ROOST__WANTED_NODE__DESIRED__RUN
#define NODE_STOP   ROOST__WANTED_NODE__DESIRED__STOP
#define NODE_REMOVE ROOST__WANTED_NODE__DESIRED__REMOVE
#define TOLD(kind)  ROOST__REPORT__REPORT_##kind

/* The log is another one from now on and knows of nothing. */
static void forget_everything(struct bench *bench)
{
	struct fake_controller *controller = &bench->controller;
	snprintf(controller->log_id, sizeof(controller->log_id), "log-2");
	controller->row_count = 0;
	controller->node = (Roost__WantedNode__Desired)0;
	controller->version = 1;
	controller->held_version = 0;
	fake_controller_send(controller);
	fake_controller_await_held(controller);
}

static void await_session(struct bench *bench, const char *id, const char *workspace_id)
{
	char script[512];
	bench_script(bench, ":", script);
	fake_controller_want_session(&bench->controller, id, workspace_id, 1, SESSION_RUN, script);
	fake_controller_await(&bench->controller, TOLD(SESSION_RUNNING), id, 1);
}

/* S0-29, S0-30: each wish is told once, also when the agent is killed and started again. */
static void each_wish_for_the_node_is_told_once(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want_node(controller, NODE_RUN);
	/* Reports come in order: once the workspace is told, the node was. */
	bench_run_workspace(bench, bench_id(id), 1);
	int runs = fake_controller_count(controller, TOLD(NODE_RUNNING), NULL);
	assert_true(runs >= 1);
	fake_controller_want_node(controller, NODE_STOP);
	fake_controller_await(controller, TOLD(NODE_STOPPED), NULL, 1);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_STOPPED), NULL), 1);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_RUNNING), NULL), runs);
	fake_controller_want_node(controller, NODE_RUN);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, runs + 1);
	assert_int_equal(bench_starts_of(bench, id), 1);
}

/* S0-30: everything is stopped before the node is, sessions with their reason, and files stay. */
static void a_node_stops_with_all_that_runs_on_it(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char ids[3][27];
	char session[27];
	for (int i = 0; i < 3; i++)
		bench_run_workspace(bench, bench_id(ids[i]), 1);
	await_session(bench, bench_id(session), ids[0]);
	fake_controller_want_node(controller, NODE_STOP);
	fake_controller_await(controller, TOLD(NODE_STOPPED), NULL, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_STOPPED), ids[i]), 1);
	const struct told *ended = fake_controller_last(controller, TOLD(SESSION_ENDED), session);
	assert_non_null(ended);
	assert_int_equal(ended->reason, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_int_equal(controller->told[controller->told_count - 1].kind, TOLD(NODE_STOPPED));
	assert_true(bench_exists(bench, "workspaces"));
}

/* D16: a workspace that no log knows is stopped with the node, and its files stay. */
static void an_unknown_workspace_stops_with_the_node(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char folder[64];
	bench_run_workspace(bench, bench_id(id), 1);
	await_session(bench, bench_id(session), id);
	pid_t process = bench_process_of(bench, id);
	forget_everything(bench);
	assert_true(bench_lives(process));
	fake_controller_want_node(controller, NODE_STOP);
	fake_controller_await(controller, TOLD(NODE_STOPPED), NULL, 1);
	assert_false(bench_lives(process));
	snprintf(folder, sizeof(folder), "workspaces/%s", id);
	assert_true(bench_exists(bench, folder));
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_STOPPED), id), 0);
}

/* S0-31, S4-27: nothing is left, not even of workspaces that no log knows, and the agent ends for good. */
static void a_deleted_node_leaves_nothing_and_its_agent_ends(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char unknown[27];
	char known[27];
	char session[27];
	bench_run_workspace(bench, bench_id(unknown), 1);
	await_session(bench, bench_id(session), unknown);
	forget_everything(bench);
	bench_run_workspace(bench, bench_id(known), 1);
	fake_controller_want_node(controller, NODE_REMOVE);
	bench_await_deleted(bench);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_REMOVED), NULL), 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_REMOVED), known), 1);
	assert_int_equal(controller->told[controller->told_count - 1].kind, TOLD(NODE_REMOVED));
}

/* A node that was abandoned, and whose agent comes back with an empty database and full disks. */
static void an_agent_that_returns_to_a_deleted_node_cleans_up(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	bench_run_workspace(bench, bench_id(id), 1);
	agent_program_kill(&bench->agent);
	agent_program_delete_database(&bench->agent);
	controller->row_count = 0;
	controller->node = NODE_REMOVE;
	controller->node_version = ++controller->version;
	agent_program_start(&bench->agent);
	bench_await_deleted(bench);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_REMOVED), NULL), 1);
	/* Started once more, it says so once more. */
	agent_program_start(&bench->agent);
	bench_await_deleted(bench);
}

/* D12, S4-25: told once with its counts, tried on; told again when it is asked for again. */
static void what_cannot_be_stopped_is_told_with_the_node(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char refusal[80];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(refusal, sizeof(refusal), "workspaces/%s/refuse-stop", id);
	bench_touch(bench, refusal, true);
	fake_controller_want_node(controller, NODE_STOP);
	const struct told *told = fake_controller_await(controller, TOLD(NODE_STOP_FAILED), NULL, 1);
	assert_int_equal(told->left_workspaces, 1);
	assert_int_equal(told->left_processes, 1);
	assert_int_equal(fake_controller_last(controller, TOLD(WORKSPACE_STOP_FAILED), id)->left_processes, 1);
	assert_non_null(strstr(told->message, "1 workspace could not be stopped"));
	fake_controller_want_node(controller, NODE_STOP);
	fake_controller_await(controller, TOLD(NODE_STOP_FAILED), NULL, 2);
	fake_controller_await(controller, TOLD(WORKSPACE_STOP_FAILED), id, 2);
	bench_touch(bench, refusal, false);
	fake_controller_want_node(controller, NODE_STOP);
	fake_controller_await(controller, TOLD(NODE_STOPPED), NULL, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_STOP_FAILED), NULL), 2);
}

/* S4-25: what a removal only seemed to take away is found on the machine, told, and tried on. */
static void a_removal_that_was_none_is_found_out(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char name[80];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(name, sizeof(name), "workspaces/%s/keep-all", id);
	bench_touch(bench, name, true);
	fake_controller_want_node(controller, NODE_REMOVE);
	const struct told *told = fake_controller_await(controller, TOLD(NODE_STOP_FAILED), NULL, 1);
	assert_non_null(strstr(told->message, "is still there"));
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_REMOVED), NULL), 0);
	bench_touch(bench, name, false);
	bench_await_deleted(bench);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_STOP_FAILED), NULL), 1);
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(each_wish_for_the_node_is_told_once),
	    bench_test(a_node_stops_with_all_that_runs_on_it),
	    bench_test(an_unknown_workspace_stops_with_the_node),
	    bench_test(a_deleted_node_leaves_nothing_and_its_agent_ends),
	    bench_test(an_agent_that_returns_to_a_deleted_node_cleans_up),
	    bench_test(what_cannot_be_stopped_is_told_with_the_node),
	    bench_test(a_removal_that_was_none_is_found_out),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
