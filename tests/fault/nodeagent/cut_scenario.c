/* One scenario, every cut-point of the table. */
#include "tests/fault/nodeagent/cut_scenario.h"

#include "bus/foundation/cutpoint.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define RUN	     ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	     ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	     ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define SESSION_RUN  ROOST__WANTED_SESSION__DESIRED__RUN
#define SESSION_STOP ROOST__WANTED_SESSION__DESIRED__STOP
#define TOLD(kind)   ROOST__REPORT__REPORT_##kind

struct scenario {
	struct bench bench;
	const char *program;
	bool inside;
	char first[27];
	char second[27];
	char long_session[27];
	char short_session[27];
};

static int count(const struct scenario *life, Roost__Report__ReportCase kind, const char *id)
{
	return fake_controller_count(&life->bench.controller, kind, id);
}

static void await(struct scenario *life, Roost__Report__ReportCase kind, const char *id, int least)
{
	fake_controller_await(&life->bench.controller, kind, id, least);
}

struct session_wait {
	const struct scenario *scenario;
	const char *id;
	bool ended;
};

/* A session that was cut while it was being started may have failed instead. */
static bool session_settled(void *context)
{
	const struct session_wait *wait = context;
	int finals = count(wait->scenario, TOLD(SESSION_ENDED), wait->id) +
		     count(wait->scenario, TOLD(SESSION_FAILED), wait->id);
	return finals > 0 || (!wait->ended && count(wait->scenario, TOLD(SESSION_RUNNING), wait->id) > 0);
}

static void await_session(struct scenario *life, const char *id, bool ended)
{
	struct session_wait wait = {life, id, ended};
	loop_until(&life->bench.loop, session_settled, &wait, PATIENCE_MS,
		   ended ? "a session's end" : "a session's beginning or end");
}

/* Each start of a session's program leaves a line; a second one leaves a second line. */
static void script_of(const struct scenario *life, const char *name, const char *rest, char script[512])
{
	snprintf(script, 512, "echo started >> '%s/%s'; %s", life->inside ? "/workspace" : life->bench.folder, name,
		 rest);
}

static void live_through(struct scenario *life)
{
	struct fake_controller *controller = &life->bench.controller;
	char script[512];
	char rest[250];
	fake_controller_want(controller, life->first, 1, RUN, "");
	fake_controller_want(controller, life->second, 1, RUN, "");
	await(life, TOLD(WORKSPACE_RUNNING), life->first, 1);
	await(life, TOLD(WORKSPACE_RUNNING), life->second, 1);
	snprintf(rest, sizeof(rest), life->inside ? "sleep 1000" : "while [ -d '%s' ]; do sleep 0.1; done",
		 life->bench.folder);
	script_of(life, "long", rest, script);
	fake_controller_want_session(controller, life->long_session, life->first, 1, SESSION_RUN, script);
	await_session(life, life->long_session, false);
	fake_controller_want(controller, life->second, 1, STOP, "");
	await(life, TOLD(WORKSPACE_STOPPED), life->second, 1);
	fake_controller_want_session(controller, life->long_session, life->first, 1, SESSION_STOP, script);
	await_session(life, life->long_session, true);
	script_of(life, "short", "exit 5", script);
	fake_controller_want_session(controller, life->short_session, life->first, 1, SESSION_RUN, script);
	await_session(life, life->short_session, true);
	fake_controller_want(controller, life->first, 2, RUN, "");
	await(life, TOLD(WORKSPACE_RUNNING), life->first, 2);
}

static int lines_of(const struct scenario *life, const char *name)
{
	char path[300];
	char line[64];
	int lines = 0;
	snprintf(path, sizeof(path), "%s/%s", life->bench.folder, name);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		lines++;
	if (file)
		fclose(file);
	return lines;
}

static void check_nothing_started_twice(struct scenario *life)
{
	if (!life->inside) {
		char line[64];
		assert_true(lines_of(life, "long") <= 1);
		assert_true(lines_of(life, "short") <= 1);
		for (int generation = 1; generation <= 2; generation++) {
			snprintf(line, sizeof(line), "start %s %d", life->first, generation);
			assert_int_equal(agent_program_log_lines(&life->bench.agent, line), 1);
		}
		return;
	}
	char session[27];
	fake_controller_want_session(&life->bench.controller, bench_id(session), life->first, 2, SESSION_RUN,
				     "for f in long short; do [ ! -e $f ] || [ $(wc -l < $f) = 1 ] || exit 9; done");
	await_session(life, session, true);
	const struct told *told = fake_controller_last(&life->bench.controller, TOLD(SESSION_ENDED), session);
	assert_non_null(told);
	assert_int_equal(told->exit_code, 0);
}

static int finals_of(const struct scenario *life, const char *id)
{
	return count(life, TOLD(SESSION_ENDED), id) + count(life, TOLD(SESSION_FAILED), id);
}

static void check_told_once(const struct scenario *life)
{
	assert_int_equal(count(life, TOLD(WORKSPACE_RUNNING), life->first), 2);
	assert_int_equal(count(life, TOLD(WORKSPACE_RUNNING), life->second), 1);
	assert_int_equal(count(life, TOLD(WORKSPACE_STOPPED), life->second), 1);
	assert_int_equal(count(life, TOLD(WORKSPACE_REMOVED), life->first), 1);
	assert_int_equal(count(life, TOLD(WORKSPACE_REMOVED), life->second), 1);
	assert_int_equal(count(life, TOLD(WORKSPACE_FAILED), NULL), 0);
	assert_int_equal(count(life, TOLD(WORKSPACE_LOST), NULL), 0);
	assert_int_equal(finals_of(life, life->short_session), 1);
	/* One that had come to its end before it was asked to stop is told for that wish too. */
	int finals = finals_of(life, life->long_session);
	assert_true(finals == 1 || finals == 2);
}

static void remove_all(struct scenario *life)
{
	fake_controller_want(&life->bench.controller, life->first, 2, REMOVE, "");
	fake_controller_want(&life->bench.controller, life->second, 1, REMOVE, "");
	await(life, TOLD(WORKSPACE_REMOVED), life->first, 1);
	await(life, TOLD(WORKSPACE_REMOVED), life->second, 1);
}

static void leave(struct scenario *life)
{
	fake_controller_want_node(&life->bench.controller, ROOST__WANTED_NODE__DESIRED__REMOVE);
	await(life, TOLD(NODE_REMOVED), NULL, 1);
	bench_await_deleted(&life->bench);
	assert_int_equal(count(life, TOLD(NODE_REMOVED), NULL), 1);
}

static struct scenario scenario;

static int setup(void **state)
{
	const char *cutpoint = *state;
	bool inside = scenario.inside;
	const char *program = scenario.program;
	memset(&scenario, 0, sizeof(scenario));
	scenario.inside = inside;
	scenario.program = program;
	bench_id(scenario.first);
	bench_id(scenario.second);
	bench_id(scenario.long_session);
	bench_id(scenario.short_session);
	bench_open_cut(&scenario.bench, program, cutpoint);
	bench_supervise(&scenario.bench);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&scenario.bench);
	return 0;
}

static void a_kill_there_is_made_good(void **state)
{
	const char *cutpoint = *state;
	live_through(&scenario);
	check_nothing_started_twice(&scenario);
	remove_all(&scenario);
	check_told_once(&scenario);
	leave(&scenario);
	assert_true(bench_exists(&scenario.bench, "cut"));
	int expected = strncmp(cutpoint, "nodeagent.", 10) == 0 ? 1 : 0;
	if (scenario.bench.restarts != expected) {
		bench_show_log(&scenario.bench);
		fail_msg("%d restarts of the agent instead of %d", scenario.bench.restarts, expected);
	}
}

int cut_scenario_run_all(const char *program, bool started_inside, const char *only)
{
	struct CMUnitTest tests[CUTPOINT_COUNT];
	size_t cuts = 0;
	scenario.program = program;
	scenario.inside = started_inside;
	for (int place = 0; place < CUTPOINT_COUNT; place++) {
		const char *name = cutpoint_name((enum cutpoint)place);
		bool ours = strncmp(name, "nodeagent.", 10) == 0 || strncmp(name, "sessionhost.", 12) == 0;
		if (ours && (!only || strstr(name, only)))
			tests[cuts++] = (struct CMUnitTest){.name = name,
							    .test_func = a_kill_there_is_made_good,
							    .setup_func = setup,
							    .teardown_func = teardown,
							    .initial_state = (void *)name};
	}
	return _cmocka_run_group_tests("a kill there is made good", tests, cuts, NULL, NULL);
}
