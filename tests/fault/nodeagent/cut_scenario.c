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
	bool inside;
	char first[27];
	char second[27];
	char long_session[27];
	char short_session[27];
};

static int count(const struct scenario *scenario, Roost__Report__ReportCase kind, const char *id)
{
	return fake_controller_count(&scenario->bench.controller, kind, id);
}

static void await(struct scenario *scenario, Roost__Report__ReportCase kind, const char *id, int least)
{
	fake_controller_await(&scenario->bench.controller, kind, id, least);
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

static void await_session(struct scenario *scenario, const char *id, bool ended)
{
	struct session_wait wait = {scenario, id, ended};
	loop_until(&scenario->bench.loop, session_settled, &wait, PATIENCE_MS,
		   ended ? "a session's end" : "a session's beginning or end");
}

/* Each start of a session's program leaves a line; a second one leaves a second line. */
static void script_of(const struct scenario *scenario, const char *name, const char *rest, char script[512])
{
	snprintf(script, 512, "echo started >> '%s/%s'; %s", scenario->inside ? "/workspace" : scenario->bench.folder,
		 name, rest);
}

static void live_through(struct scenario *scenario)
{
	struct fake_controller *controller = &scenario->bench.controller;
	char script[512];
	char rest[250];
	fake_controller_want(controller, scenario->first, 1, RUN, "");
	fake_controller_want(controller, scenario->second, 1, RUN, "");
	await(scenario, TOLD(WORKSPACE_RUNNING), scenario->first, 1);
	await(scenario, TOLD(WORKSPACE_RUNNING), scenario->second, 1);
	snprintf(rest, sizeof(rest), scenario->inside ? "sleep 1000" : "while [ -d '%s' ]; do sleep 0.1; done",
		 scenario->bench.folder);
	script_of(scenario, "long", rest, script);
	fake_controller_want_session(controller, scenario->long_session, scenario->first, 1, SESSION_RUN, script);
	await_session(scenario, scenario->long_session, false);
	fake_controller_want(controller, scenario->second, 1, STOP, "");
	await(scenario, TOLD(WORKSPACE_STOPPED), scenario->second, 1);
	fake_controller_want_session(controller, scenario->long_session, scenario->first, 1, SESSION_STOP, script);
	await_session(scenario, scenario->long_session, true);
	script_of(scenario, "short", "exit 5", script);
	fake_controller_want_session(controller, scenario->short_session, scenario->first, 1, SESSION_RUN, script);
	await_session(scenario, scenario->short_session, true);
	fake_controller_want(controller, scenario->first, 2, RUN, "");
	await(scenario, TOLD(WORKSPACE_RUNNING), scenario->first, 2);
}

static int lines_of(const struct scenario *scenario, const char *name)
{
	char path[300];
	char line[64];
	int lines = 0;
	snprintf(path, sizeof(path), "%s/%s", scenario->bench.folder, name);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		lines++;
	if (file)
		fclose(file);
	return lines;
}

static void check_nothing_started_twice(struct scenario *scenario)
{
	if (!scenario->inside) {
		char line[64];
		assert_true(lines_of(scenario, "long") <= 1);
		assert_true(lines_of(scenario, "short") <= 1);
		for (int generation = 1; generation <= 2; generation++) {
			snprintf(line, sizeof(line), "start %s %d", scenario->first, generation);
			assert_int_equal(agent_program_log_lines(&scenario->bench.agent, line), 1);
		}
		return;
	}
	char session[27];
	fake_controller_want_session(&scenario->bench.controller, bench_id(session), scenario->first, 2, SESSION_RUN,
				     "for f in long short; do [ ! -e $f ] || [ $(wc -l < $f) = 1 ] || exit 9; done");
	await_session(scenario, session, true);
	const struct told *told = fake_controller_last(&scenario->bench.controller, TOLD(SESSION_ENDED), session);
	assert_non_null(told);
	assert_int_equal(told->exit_code, 0);
}

static void check_told_once(const struct scenario *scenario)
{
	assert_int_equal(count(scenario, TOLD(WORKSPACE_RUNNING), scenario->first), 2);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_RUNNING), scenario->second), 1);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_STOPPED), scenario->second), 1);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_REMOVED), scenario->first), 1);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_REMOVED), scenario->second), 1);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_FAILED), NULL), 0);
	assert_int_equal(count(scenario, TOLD(WORKSPACE_LOST), NULL), 0);
	const char *const sessions[] = {scenario->long_session, scenario->short_session};
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(count(scenario, TOLD(SESSION_ENDED), sessions[i]) +
				     count(scenario, TOLD(SESSION_FAILED), sessions[i]),
				 1);
}

static void remove_all(struct scenario *scenario)
{
	fake_controller_want(&scenario->bench.controller, scenario->first, 2, REMOVE, "");
	fake_controller_want(&scenario->bench.controller, scenario->second, 1, REMOVE, "");
	await(scenario, TOLD(WORKSPACE_REMOVED), scenario->first, 1);
	await(scenario, TOLD(WORKSPACE_REMOVED), scenario->second, 1);
}

static void run_one(const char *program, bool inside, const char *cutpoint)
{
	static struct scenario scenario;
	bool of_agent = strncmp(cutpoint, "nodeagent.", 10) == 0;
	memset(&scenario, 0, sizeof(scenario));
	scenario.inside = inside;
	bench_id(scenario.first);
	bench_id(scenario.second);
	bench_id(scenario.long_session);
	bench_id(scenario.short_session);
	bench_open_cut(&scenario.bench, program, cutpoint);
	bench_supervise(&scenario.bench);
	live_through(&scenario);
	check_nothing_started_twice(&scenario);
	remove_all(&scenario);
	check_told_once(&scenario);
	assert_true(bench_exists(&scenario.bench, "cut"));
	assert_int_equal(scenario.bench.restarts, of_agent ? 1 : 0);
	print_message("%s: %d restart\n", cutpoint, scenario.bench.restarts);
	bench_close(&scenario.bench);
}

void cut_scenario_run_all(const char *program, bool started_inside, const char *only)
{
	int cuts = 0;
	for (int place = 0; place < CUTPOINT_COUNT; place++) {
		const char *name = cutpoint_name((enum cutpoint)place);
		bool ours = strncmp(name, "nodeagent.", 10) == 0 || strncmp(name, "sessionhost.", 12) == 0;
		if (!ours || (only && !strstr(name, only)))
			continue;
		run_one(program, started_inside, name);
		cuts++;
	}
	assert_true(cuts > 0);
}
