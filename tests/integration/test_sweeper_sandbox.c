/* A machine full of our own leftovers, with real sandboxes: the log that wanted them is gone, the agent's
 * database too. The sweeper has exactly those removed, and spares what the new log wants on the same node
 * and what another installation runs on the same machine (D16, S4-24, S4-27). */
#include "bus/foundation/log.h"
#include "tests/integration/nodeagent/agent_program.h"
#include "tests/integration/nodeagent/fake_controller.h"
#include "tests/integration/sweeper_fixture.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEFTOVERS = 2 };

#define OWNER "local" /* by whom the fake controller has everything made */

/* A node agent with the controller of a log that the real controllers know nothing of. */
struct installation {
	struct agent_program agent;
	struct fake_controller controller;
};

struct machine {
	struct sweepers *sweepers;
	struct nats_server *other_log;
	struct installation ours, theirs;
};

static void open_installation(struct machine *machine, struct installation *installation, const char *node_id)
{
	static int number;
	const char *url = nats_server_url(machine->other_log);
	const char *folder = arena_printf(machine->sweepers->controllers.arena, "%s/%d", cleanup_folder(), number++);
	assert_int_equal(mkdir(folder, 0700), 0);
	fake_controller_start(&installation->controller, &machine->sweepers->controllers.loop, url,
			      nats_server_credentials(machine->other_log, "controller", NULL), node_id);
	agent_program_init(&installation->agent, ROOST_TEST_PROGRAMS "/roost-nodeagent", folder, url,
			   nats_server_credentials(machine->other_log, "node", NULL), node_id);
	agent_program_start(&installation->agent);
}

static const char *run_workspace(struct machine *machine, struct installation *installation)
{
	const char *id = sweepers_id(machine->sweepers, clock_wall_ms());
	fake_controller_want(&installation->controller, id, 1, ROOST__WANTED_WORKSPACE__DESIRED__RUN, "");
	fake_controller_await(&installation->controller, ROOST__REPORT__REPORT_WORKSPACE_RUNNING, id, 1);
	return id;
}

/* A process in a control group that is named after it, and not one that nobody has waited for. */
static bool lives(const char *workspace_id)
{
	static const char script[] = "grep -hs \"$0\" /proc/[0-9]*/cgroup | grep -qv '(deleted)$'";
	char text[64];
	const char *const argv[] = {"sh", "-c", script, workspace_id, NULL};
	return process_run(argv, NULL, text, sizeof(text)) == 0;
}

static bool is_on_disk(const struct installation *installation, const char *workspace_id)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/workspaces/%s", installation->agent.folder, workspace_id);
	return access(path, F_OK) == 0;
}

static int set_up(void **state)
{
	static struct machine machine;
	void *sweepers = NULL;
	memset(&machine, 0, sizeof(machine));
	sweepers_set_up(&sweepers);
	machine.sweepers = sweepers;
	machine.sweepers->owner = OWNER;
	machine.other_log = nats_server_start();
	*state = &machine;
	return 0;
}

static void close_installation(struct installation *installation)
{
	if (installation->agent.path == NULL)
		return;
	agent_program_kill(&installation->agent);
	assert_int_equal(agent_program_stop_all(&installation->agent, true), 0);
}

static int tear_down(void **state)
{
	struct machine *machine = *state;
	void *sweepers = machine->sweepers;
	close_installation(&machine->ours);
	close_installation(&machine->theirs);
	if (machine->theirs.controller.connection != NULL)
		fake_controller_stop(&machine->theirs.controller);
	sweepers_tear_down(&sweepers);
	nats_server_stop(machine->other_log);
	return 0;
}

/* From the old log to the new one, which has the node and nothing on it. */
static void forget_everything(struct machine *machine)
{
	struct agent_program *agent = &machine->ours.agent;
	struct nats_server *server = machine->sweepers->controllers.server;
	agent_program_kill(agent);
	agent_program_delete_database(agent);
	fake_controller_stop(&machine->ours.controller);
	snprintf(agent->url, sizeof(agent->url), "%s", nats_server_url(server));
	snprintf(agent->credentials, sizeof(agent->credentials), "%s", nats_server_credentials(server, "node", NULL));
	agent_program_start(agent);
}

static void exactly_our_own_leftovers_are_removed(void **state)
{
	static const char *const young_ones_too[] = {"SWEEP_UNKNOWN_AGE_SECONDS=1", NULL};
	struct machine *machine = *state;
	struct controllers *controllers = &machine->sweepers->controllers;
	const char *node = make_node(controllers, OWNER, "full"), *leftovers[LEFTOVERS];
	open_installation(machine, &machine->ours, node);
	open_installation(machine, &machine->theirs, sweepers_id(machine->sweepers, clock_wall_ms()));
	for (int i = 0; i < LEFTOVERS; i++)
		leftovers[i] = run_workspace(machine, &machine->ours);
	const char *foreign = run_workspace(machine, &machine->theirs);
	forget_everything(machine);
	await_node(controllers, OWNER, node, ROOST__NODE__STATUS__RUNNING);
	const char *wanted = make_workspace(controllers, OWNER, node, "wanted")->id;
	await_workspace(controllers, OWNER, wanted, ROOST__WORKSPACE__STATUS__RUNNING);
	for (int i = 0; i < LEFTOVERS; i++)
		assert_true(lives(leftovers[i]));
	sweepers_start(machine->sweepers, 0, young_ones_too);
	sweepers_await_events(machine->sweepers, "workspace_deleted", LEFTOVERS);
	for (int i = 0; i < LEFTOVERS; i++) {
		assert_false(lives(leftovers[i]));
		assert_false(is_on_disk(&machine->ours, leftovers[i]));
	}
	loop_for(&controllers->loop, 3000); /* further looks */
	assert_int_equal(sweepers_count_events(machine->sweepers, "sweeper_found"), LEFTOVERS);
	assert_int_equal(get_workspace(controllers, OWNER, wanted)->status, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_true(lives(wanted));
	assert_true(lives(foreign));
	assert_true(is_on_disk(&machine->theirs, foreign));
	assert_int_equal(fake_controller_count(&machine->theirs.controller, ROOST__REPORT__REPORT_WORKSPACE_LOST, NULL),
			 0);
}

static void command(struct controllers *controllers, const char *name, const char *id)
{
	const char *text = arena_printf(controllers->arena, "{\"id\":\"%s\"}", id);
	struct call call = {.owner = OWNER, .command = name, .text = text, .json = true};
	struct reply reply = call_make(controllers, &call);
	reply_expect_success(&reply, name);
}

static void lead_a_life(struct controllers *controllers, const char *node)
{
	const char *workspace = make_workspace(controllers, OWNER, node, "api")->id;
	await_workspace(controllers, OWNER, workspace, ROOST__WORKSPACE__STATUS__RUNNING);
	const char *ended = make_session(controllers, OWNER, workspace)->id;
	const char *session = make_session(controllers, OWNER, workspace)->id;
	await_session(controllers, OWNER, session, ROOST__AGENT_SESSION__STATUS__RUNNING);
	command(controllers, "session.stop", ended);
	await_session(controllers, OWNER, ended, ROOST__AGENT_SESSION__STATUS__STOPPED);
	loop_for(&controllers->loop, 2500);
	command(controllers, "workspace.stop", workspace);
	await_workspace(controllers, OWNER, workspace, ROOST__WORKSPACE__STATUS__STOPPED);
	loop_for(&controllers->loop, 2500);
	command(controllers, "workspace.restart", workspace);
	await_workspace(controllers, OWNER, workspace, ROOST__WORKSPACE__STATUS__RUNNING);
	loop_for(&controllers->loop, 2500);
	command(controllers, "workspace.delete", workspace);
}

/* With a look every second and no patience to speak of, the ordinary is never found amiss. */
static void an_ordinary_life_gives_nothing_to_find(void **state)
{
	static const char *const young_ones_too[] = {"SWEEP_UNKNOWN_AGE_SECONDS=1", "STOP_TIMEOUT_SECONDS=10", NULL};
	struct machine *machine = *state;
	struct controllers *controllers = &machine->sweepers->controllers;
	const char *node = make_node(controllers, OWNER, "healthy");
	open_installation(machine, &machine->ours, node);
	forget_everything(machine);
	await_node(controllers, OWNER, node, ROOST__NODE__STATUS__RUNNING);
	sweepers_start(machine->sweepers, 0, young_ones_too);
	lead_a_life(controllers, node);
	sweepers_await_events(machine->sweepers, "workspace_deleted", 1);
	loop_for(&controllers->loop, 3500);
	assert_int_equal(sweepers_count_events(machine->sweepers, "sweeper_found"), 0);
}

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(exactly_our_own_leftovers_are_removed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_ordinary_life_gives_nothing_to_find, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
