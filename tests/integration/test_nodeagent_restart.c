/* What outlives the node agent, its database, the bus and the log, and what is told of it afterwards. */
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define RUN	    ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	    ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define SESSION_RUN ROOST__WANTED_SESSION__DESIRED__RUN
#define TOLD(kind)  ROOST__REPORT__REPORT_##kind

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
	bench_restart(bench);
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 6);
	fake_controller_want(controller, id, 2, RUN, "");
	assert_int_equal(fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1)->generation, 2);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 0);
}

/* Restarts, also by kill -9, are not noticed by what runs. */
static void what_runs_is_adopted_after_a_kill(void **state)
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
	pid_t pid = bench_process_of(bench, id);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	agent_program_stop(&bench->agent);
	bench_restart(bench);
	assert_int_equal(bench_process_of(bench, id), pid);
	assert_int_equal(bench_starts_of(bench, id), 1);
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
	bench_run_workspace(bench, bench_id(id), 1);
	agent_program_kill(&bench->agent);
	kill(-bench_process_of(bench, id), SIGKILL);
	bench_restart(bench);
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_int_equal(bench_starts_of(bench, id), 1);
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
	bench_run_workspace(bench, bench_id(id), 1);
	bench_run_workspace(bench, bench_id(silent), 1);
	bench_script(bench, "echo ready", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	fake_controller_want_session(controller, bench_id(ended), id, 1, SESSION_RUN, "exit 3");
	fake_controller_await(controller, TOLD(SESSION_ENDED), ended, 1);
	fake_controller_want(controller, silent, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), silent, 1);
	pid_t pid = bench_process_of(bench, id);
	uint64_t epoch = controller->agent_epoch;

	agent_program_kill(&bench->agent);
	agent_program_delete_database(&bench->agent);
	bench_restart(bench);
	fake_controller_await_held(controller);
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 2);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 2);
	assert_int_equal(fake_controller_await(controller, TOLD(SESSION_ENDED), ended, 2)->exit_code, 3);
	assert_int_equal(fake_controller_count(controller, TOLD(SESSION_FAILED), NULL), 0);
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), silent, 2);
	assert_true(controller->agent_epoch > epoch);
	assert_int_equal(bench_process_of(bench, id), pid);
	assert_int_equal(bench_starts_of(bench, id), 1);
	assert_int_equal(bench_starts_of(bench, silent), 1);
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
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(controller->log_id, sizeof(controller->log_id), "log-2");
	controller->row_count = 0;
	controller->version = 0;
	bench_run_workspace(bench, bench_id(other), 1);
	controller->beats = 0;
	loop_until_at_least(&bench->loop, &controller->beats, 2, "beats");
	assert_int_equal(controller->unknown_workspaces, 1);
	assert_int_equal(controller->workspaces_running, 2);
	assert_true(bench_lives(bench_process_of(bench, id)));
	/* The new log learns of it, and it is told anew. */
	bench_run_workspace(bench, id, 1);
	assert_int_equal(bench_starts_of(bench, id), 1);
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
	bench_restart(bench);
	controller->mute = controller->refuse = false;
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_RUNNING), id), 1);
	assert_int_equal(bench_starts_of(bench, id), 1);
}

/* A log that went back forgets reports: everything is told again under a new epoch. */
static void a_log_that_forgot_reports_is_told_again(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	bench_run_workspace(bench, bench_id(id), 1);
	uint64_t epoch = controller->agent_epoch;
	controller->taken = 1;
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_true(controller->agent_epoch > epoch);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 2);
}

/* A log restored from a backup wants older generations, and does not know of some workspaces: nothing ends, and
 * everything is told anew with what really is. */
static void a_log_that_went_back_ends_nothing_and_is_told_everything(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char runs[27], stopped[27], unknown[27], session[27], script[512];
	bench_run_workspace(bench, bench_id(runs), 3);
	bench_run_workspace(bench, bench_id(stopped), 2);
	bench_run_workspace(bench, bench_id(unknown), 1);
	bench_script(bench, ":", script);
	fake_controller_want_session(controller, bench_id(session), runs, 3, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	fake_controller_want(controller, stopped, 2, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), stopped, 1);
	pid_t processes[2] = {bench_process_of(bench, runs), bench_process_of(bench, unknown)};
	/* As it was when the backup was taken: both ran at their first generation, the third was not there. */
	controller->row_count = 0;
	controller->version = 2;
	controller->log_epoch++;
	int told = controller->told_count;
	fake_controller_want(controller, runs, 1, STOP, "");
	fake_controller_want(controller, stopped, 1, RUN, "");
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), runs, 2);
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), stopped, 2);
	assert_int_equal(fake_controller_last(controller, TOLD(WORKSPACE_RUNNING), runs)->generation, 3);
	assert_int_equal(fake_controller_last(controller, TOLD(WORKSPACE_STOPPED), stopped)->generation, 2);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	assert_int_equal(controller->unknown_workspaces, 1);
	for (int i = 0; i < 2; i++)
		assert_true(bench_lives(processes[i]));
	for (int i = told; i < controller->told_count; i++)
		assert_int_not_equal(controller->told[i].kind, TOLD(SESSION_ENDED));
	/* Once the log has raised its generation, what it wants is done. */
	fake_controller_want(controller, runs, 3, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), runs, 1);
	assert_true(bench_lives(processes[1]));
}

/* What `roost down` asks for: without the bus, and with nothing left. */
static void stop_all_ends_everything_without_the_bus(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	bench_run_workspace(bench, bench_id(id), 1);
	bench_script(bench, "trap '' TERM HUP", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, SESSION_RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	pid_t pid = bench_process_of(bench, id);
	assert_int_not_equal(agent_program_stop_all(&bench->agent, false), 0); /* the agent is still there */
	agent_program_stop(&bench->agent);
	assert_true(bench_lives(pid));
	nats_server_kill(bench->server);
	assert_int_equal(agent_program_stop_all(&bench->agent, false), 0);
	assert_false(bench_lives(pid));
	assert_true(bench_exists(bench, "nodeagent.db"));
	nats_server_resume(bench->server);
	bench_restart(bench);
	fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
}

/* What the owner stopped with everything else is told with that reason, and nothing starts by itself. */
static void what_stop_all_ended_is_told_by_the_next_agent(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char session[27];
	char script[512];
	bench_run_workspace(bench, bench_id(id), 1);
	bench_script(bench, ":", script);
	fake_controller_want_session(controller, bench_id(session), id, 1, ROOST__WANTED_SESSION__DESIRED__RUN, script);
	fake_controller_await(controller, TOLD(SESSION_RUNNING), session, 1);
	agent_program_stop(&bench->agent);
	assert_int_equal(agent_program_stop_all(&bench->agent, false), 0);
	agent_program_start(&bench->agent);
	const struct told *lost = fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_non_null(strstr(lost->message, "roost down"));
	assert_int_equal(lost->generation, 1);
	const struct told *ended = fake_controller_await(controller, TOLD(SESSION_ENDED), session, 1);
	assert_int_equal(ended->reason, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_int_equal(bench_starts_of(bench, id), 1);
	bench_run_workspace(bench, id, 2);
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(a_creation_goes_on_with_the_next_agent),
	    bench_test(what_runs_is_adopted_after_a_kill),
	    bench_test(what_died_while_the_agent_was_away_is_told_as_lost),
	    bench_test(a_deleted_database_is_found_again),
	    bench_test(what_another_log_does_not_know_is_left_alone),
	    bench_test(reports_outlast_silence_refusal_and_a_kill),
	    bench_test(a_log_that_forgot_reports_is_told_again),
	    bench_test(a_log_that_went_back_ends_nothing_and_is_told_everything),
	    bench_test(stop_all_ends_everything_without_the_bus),
	    bench_test(what_stop_all_ended_is_told_by_the_next_agent),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
