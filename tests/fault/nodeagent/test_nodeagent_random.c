/* kill -9 of the node agent at random moments while workspaces and sessions come and go. The seed is
 * printed; TEST_SEED=<number> repeats a run. */
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUN	    ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	    ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	    ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define SESSION_RUN ROOST__WANTED_SESSION__DESIRED__RUN
#define TOLD(kind)  ROOST__REPORT__REPORT_##kind

enum { WORKSPACES = 5, SESSIONS = 20, ROUNDS = 120 };

struct chaos {
	struct bench bench;
	char workspaces[WORKSPACES][27];
	uint32_t generations[WORKSPACES];
	bool running[WORKSPACES];
	char sessions[SESSIONS][27];
	int session_count;
	int kills;
};

static void change_workspace(struct chaos *chaos, int which)
{
	bool run = chaos->generations[which] == 0 || random() % 3 != 0;
	if (run)
		chaos->generations[which]++;
	chaos->running[which] = run;
	fake_controller_want(&chaos->bench.controller, chaos->workspaces[which], chaos->generations[which],
			     run ? RUN : STOP, "");
}

static void start_session(struct chaos *chaos, int which)
{
	char script[512];
	if (chaos->session_count == SESSIONS || !chaos->running[which])
		return;
	int number = chaos->session_count++;
	snprintf(script, sizeof(script), "echo x >> '%s/session-%d'; while [ -d '%s' ]; do sleep 0.1; done",
		 chaos->bench.folder, number, chaos->bench.folder);
	fake_controller_want_session(&chaos->bench.controller, bench_id(chaos->sessions[number]),
				     chaos->workspaces[which], chaos->generations[which], SESSION_RUN, script);
}

static void rage(struct chaos *chaos)
{
	for (int round = 0; round < ROUNDS; round++) {
		int which = (int)(random() % WORKSPACES);
		if (random() % 3 == 0)
			start_session(chaos, which);
		else
			change_workspace(chaos, which);
		loop_for(&chaos->bench.loop, (uint32_t)(random() % 60));
		if (random() % 4 == 0 && !process_ended(&chaos->bench.agent.process)) {
			agent_program_kill(&chaos->bench.agent);
			agent_program_start(&chaos->bench.agent);
			chaos->kills++;
		}
	}
}

/* The last that was told of a workspace is what is wanted of it. */
static bool at_rest(void *context)
{
	const struct chaos *chaos = context;
	const struct fake_controller *controller = &chaos->bench.controller;
	for (int i = 0; i < WORKSPACES; i++) {
		const struct told *last = NULL;
		for (int k = controller->told_count - 1; k >= 0 && !last; k--)
			if (strcmp(controller->told[k].id, chaos->workspaces[i]) == 0 &&
			    controller->told[k].kind != TOLD(WORKSPACE_STEP))
				last = &controller->told[k];
		if (!last || last->generation != chaos->generations[i] ||
		    last->kind != (chaos->running[i] ? TOLD(WORKSPACE_RUNNING) : TOLD(WORKSPACE_STOPPED)))
			return false;
	}
	return controller->held_version == controller->version;
}

static void check_starts(struct chaos *chaos)
{
	for (int i = 0; i < WORKSPACES; i++)
		for (uint32_t generation = 1; generation <= chaos->generations[i]; generation++) {
			char line[64];
			snprintf(line, sizeof(line), "start %s %u\n", chaos->workspaces[i], generation);
			int starts = agent_program_log_lines(&chaos->bench.agent, line);
			if (starts > 1)
				fail_msg("%d times: %s", starts, line);
		}
	for (int i = 0; i < chaos->session_count; i++) {
		char path[300];
		char text[8] = "";
		snprintf(path, sizeof(path), "%s/session-%d", chaos->bench.folder, i);
		FILE *file = fopen(path, "r");
		if (!file)
			continue;
		size_t length = fread(text, 1, sizeof(text), file);
		fclose(file);
		assert_true(length <= 2);
	}
}

static void check_sessions(struct chaos *chaos)
{
	for (int i = 0; i < chaos->session_count; i++) {
		const char *id = chaos->sessions[i];
		int ends = fake_controller_count(&chaos->bench.controller, TOLD(SESSION_ENDED), id) +
			   fake_controller_count(&chaos->bench.controller, TOLD(SESSION_FAILED), id);
		if (ends == 1)
			continue;
		bench_show_log(&chaos->bench);
		fail_msg("session %s ended %d times", id, ends);
	}
}

static void kills_at_random_moments_double_lose_and_leave_nothing(void **state)
{
	static struct chaos chaos;
	(void)state;
	const char *given = getenv("TEST_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);
	print_message("TEST_SEED=%u\n", seed);
	srandom(seed);
	bench_open(&chaos.bench, "nodeagent-without-sandboxes");
	bench_supervise(&chaos.bench);
	for (int i = 0; i < WORKSPACES; i++)
		bench_id(chaos.workspaces[i]);
	for (int i = 0; i < WORKSPACES; i++)
		change_workspace(&chaos, i);
	rage(&chaos);
	loop_until(&chaos.bench.loop, at_rest, &chaos, PATIENCE_MS, "everything to be as wanted");
	check_starts(&chaos);
	for (int i = 0; i < WORKSPACES; i++)
		fake_controller_want(&chaos.bench.controller, chaos.workspaces[i], chaos.generations[i], REMOVE, "");
	for (int i = 0; i < WORKSPACES; i++)
		fake_controller_await(&chaos.bench.controller, TOLD(WORKSPACE_REMOVED), chaos.workspaces[i], 1);
	check_sessions(&chaos);
	assert_int_equal(fake_controller_count(&chaos.bench.controller, TOLD(WORKSPACE_LOST), NULL), 0);
	assert_int_equal(fake_controller_count(&chaos.bench.controller, TOLD(WORKSPACE_FAILED), NULL), 0);
	print_message("%d kills, %d sessions, %d reports\n", chaos.kills, chaos.session_count,
		      chaos.bench.controller.told_count);
	bench_close(&chaos.bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kills_at_random_moments_double_lose_and_leave_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
