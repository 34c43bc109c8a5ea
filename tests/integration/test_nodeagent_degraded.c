/* A runtime that fails or hangs (S4-19, S4-20): the real driver over a stand-in for the runtime program, which is
 * the real one until it is told to sleep for ever or to fail. */
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RUN	   ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	   ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	   ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define TOLD(kind) ROOST__REPORT__REPORT_##kind

static void write_stand_in(const struct bench *bench, char path[300])
{
	snprintf(path, 300, "%s/stand-in", bench->folder);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file,
		"#!/bin/sh\n"
		"[ -e %s/hang ] && exec sleep 1000\n"
		"[ -e %s/fail ] && { echo no >&2; exit 1; }\n"
		"for p in runc crun; do command -v $p > /dev/null && exec $p \"$@\"; done\n",
		bench->folder, bench->folder);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
	static struct bench bench;
	char path[300];
	bench_prepare(&bench, "roost-nodeagent");
	write_stand_in(&bench, path);
	setenv("ROOST_RUNTIME_BINARY", path, 1);
	setenv("RUNTIME_TIMEOUT_SECONDS", "2", 1);
	agent_program_start(&bench.agent);
	fake_controller_await(&bench.controller, TOLD(NODE_RUNNING), NULL, 1);
	*state = &bench;
	return 0;
}

static int teardown(void **state)
{
	bench_close(*state);
	unsetenv("ROOST_RUNTIME_BINARY");
	unsetenv("RUNTIME_TIMEOUT_SECONDS");
	return 0;
}

static void make_it(const struct bench *bench, const char *what, bool so)
{
	char name[32];
	snprintf(name, sizeof(name), "../%s", what);
	bench_touch(bench, name, so);
}

static bool beat_says_degraded(void *context)
{
	return ((struct bench *)context)->controller.degraded_error[0] != 0;
}

static bool beat_says_well(void *context)
{
	return !beat_says_degraded(context);
}

/* The start fails at its own limit, others go on, stop and delete of it succeed, and only what really works ends
 * the degradation. */
static void a_runtime_that_hangs_is_noticed_and_holds_up_nobody(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char good[27];
	char hung[27];
	bench_run_workspace(bench, bench_id(good), 1);
	/* An agent that knows of no earlier trouble says so once. */
	int recovered = fake_controller_count(controller, TOLD(NODE_RECOVERED), NULL);
	make_it(bench, "hang", true);
	fake_controller_want(controller, bench_id(hung), 1, RUN, "");
	const struct told *failed = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), hung, 1);
	assert_string_equal(failed->step, "sandbox");
	const struct told *degraded = fake_controller_await(controller, TOLD(NODE_DEGRADED), NULL, 1);
	assert_string_equal(degraded->message, failed->message);
	loop_until(&bench->loop, beat_says_degraded, bench, PATIENCE_MS, "a beat that says degraded");
	fake_controller_want(controller, good, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), good, 1);
	fake_controller_want(controller, hung, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), hung, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_RECOVERED), NULL), recovered);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	loop_until(&bench->loop, beat_says_degraded, bench, PATIENCE_MS, "the agent to remember it");
	make_it(bench, "hang", false);
	fake_controller_await(controller, TOLD(NODE_RECOVERED), NULL, recovered + 1);
	loop_until(&bench->loop, beat_says_well, bench, PATIENCE_MS, "a beat that says nothing of it");
	bench_run_workspace(bench, good, 2);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_DEGRADED), NULL), 1);
}

/* S1-16: the lane is not blocked: a stop calls the hanging start off. */
static void a_hanging_start_is_called_off(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	make_it(bench, "hang", true);
	fake_controller_want(controller, bench_id(id), 1, RUN, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 3);
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_DEGRADED), NULL), 0);
	make_it(bench, "hang", false);
	bench_run_workspace(bench, id, 2);
}

/* Three starts of several workspaces in a row. */
static void a_runtime_that_fails_is_noticed(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char ids[3][27];
	int recovered = fake_controller_count(controller, TOLD(NODE_RECOVERED), NULL);
	make_it(bench, "fail", true);
	for (int i = 0; i < 3; i++) {
		fake_controller_want(controller, bench_id(ids[i]), 1, RUN, "");
		fake_controller_await(controller, TOLD(WORKSPACE_FAILED), ids[i], 1);
	}
	fake_controller_await(controller, TOLD(NODE_DEGRADED), NULL, 1);
	make_it(bench, "fail", false);
	bench_run_workspace(bench, ids[0], 2);
	fake_controller_await(controller, TOLD(NODE_RECOVERED), NULL, recovered + 1);
}

/* What lies in the workspace says nothing about the node, however often it fails. */
static void a_bad_image_and_a_bad_repository_are_no_degradation(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	for (int i = 0; i < 4; i++) {
		char id[27];
		fake_controller_want(controller, bench_id(id), 1, RUN, "no-such-image");
		const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), id, 1);
		assert_non_null(strstr(told->message, "no image \"no-such-image\""));
		/* Known before anything was made. */
		assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_STEP), id), 0);
	}
	assert_int_equal(fake_controller_count(controller, TOLD(NODE_DEGRADED), NULL), 0);
}

#define degraded_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    degraded_test(a_runtime_that_hangs_is_noticed_and_holds_up_nobody),
	    degraded_test(a_hanging_start_is_called_off),
	    degraded_test(a_runtime_that_fails_is_noticed),
	    degraded_test(a_bad_image_and_a_bad_repository_are_no_degradation),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
