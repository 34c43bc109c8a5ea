/* Every command in every status, and every report in every status, against tables written out here by hand
 * from the design: what is taken, what is so already, what is refused and why (S1-06, S1-16, D11, D12). The
 * status is set by force, so that also what nobody can reach is tried. */
#include "controller/domain/states.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

static struct world *world;
static const char *node, *workspace, *session;

/* A node with a running workspace in which a session runs, all of generation 1. */
static void begin_anew(void)
{
	if (world != NULL)
		world_free(world);
	world = world_new();
	node = world_make_node(world, "n");
	workspace = world_make_workspace(world, node, "api");
	world_report_running(world, node, workspace, 1);
	session = world_make_session(world, workspace, "s");
	world_tell(world, node, ROOST__REPORT__REPORT_SESSION_RUNNING, session, 0, NULL);
}

static int end(void **state)
{
	(void)state;
	if (world != NULL)
		world_free(world);
	world = NULL;
	return 0;
}

/* A taken; N so already; the rest are refusals: T not from here, R the node does not run, W the workspace
 * does not run, F not there, C to be confirmed. */
static char letter_of(const struct decision *decision)
{
	if (decision->kind == DECISION_APPEND)
		return 'A';
	if (decision->kind == DECISION_NOTHING)
		return 'N';
	assert_int_equal(decision->kind, DECISION_REFUSE);
	assert_true(decision->refusal.message[0] != '\0');
	switch (decision->refusal.code) {
	case ERROR_INVALID_TRANSITION:
		return 'T';
	case ERROR_NODE_NOT_RUNNING:
		return 'R';
	case ERROR_WORKSPACE_NOT_RUNNING:
		return 'W';
	case ERROR_NODE_NOT_FOUND:
	case ERROR_WORKSPACE_NOT_FOUND:
	case ERROR_SESSION_NOT_FOUND:
		return 'F';
	case ERROR_CONFIRMATION_REQUIRED:
		return 'C';
	default:
		fail_msg("%s: %s", error_code_name(decision->refusal.code), decision->refusal.message);
		return '?';
	}
}

enum command {
	STOP,
	RESTART,
	REBUILD,
	DELETE,
	RENAME,
	REAP,
	START_SESSION,
	COMMANDS,
};

static struct decision *command_workspace(enum command command)
{
	struct decision_inputs *inputs = world_inputs(world);
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	Roost__RebuildWorkspaceRequest rebuild = ROOST__REBUILD_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete_it = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	Roost__RenameWorkspaceRequest rename = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	Roost__ReapWorkspaceRequest reap = ROOST__REAP_WORKSPACE_REQUEST__INIT;
	Roost__CreateSessionRequest create = ROOST__CREATE_SESSION_REQUEST__INIT;
	stop.id = restart.id = rebuild.id = delete_it.id = rename.id = reap.id = create.workspace_id = workspace;
	rename.display_name = "another";
	reap.node_id = node;
	switch (command) {
	case STOP:
		return decide_stop_workspace(inputs, &stop);
	case RESTART:
		return decide_restart_workspace(inputs, &restart);
	case REBUILD:
		return decide_rebuild_workspace(inputs, &rebuild);
	case DELETE:
		return decide_delete_workspace(inputs, &delete_it);
	case RENAME:
		return decide_rename_workspace(inputs, &rename);
	case REAP:
		return decide_reap_workspace(inputs, &reap);
	default:
		return decide_create_session(inputs, &create);
	}
}

static void test_every_command_of_a_workspace_in_every_status(void **state)
{
	(void)state;
	static const char *const expected[] = {
	    /* stop restart rebuild delete rename reap session */
	    [ROOST__WORKSPACE__STATUS__CREATING] = "ATTAATW", [ROOST__WORKSPACE__STATUS__RUNNING] = "AAAAATA",
	    [ROOST__WORKSPACE__STATUS__STOPPING] = "NTTAATW", [ROOST__WORKSPACE__STATUS__STOPPED] = "NAAAATW",
	    [ROOST__WORKSPACE__STATUS__ERROR] = "AAAAATW",    [ROOST__WORKSPACE__STATUS__DELETING] = "TTTNANW",
	    [ROOST__WORKSPACE__STATUS__DELETED] = "FFFFFAF",
	};
	for (int status = 1; status <= ROOST__WORKSPACE__STATUS__DELETED; status++) {
		char found[COMMANDS + 1] = {0};
		for (int command = 0; command < COMMANDS; command++) {
			begin_anew();
			world_force_workspace(world, workspace, (Roost__Workspace__Status)status);
			found[command] = letter_of(world_take(world, command_workspace((enum command)command)));
		}
		assert_string_equal(found, expected[status]);
	}
}

/* What starts needs a node that runs; what ends needs none. */
static void test_every_command_of_a_workspace_on_a_node_in_every_status(void **state)
{
	(void)state;
	static const char *const expected[] = {
	    [ROOST__NODE__STATUS__PENDING] = "ARRAAT",	[ROOST__NODE__STATUS__CREATING] = "ARRAAT",
	    [ROOST__NODE__STATUS__RUNNING] = "AAAAAT",	[ROOST__NODE__STATUS__STOPPING] = "ARRAAT",
	    [ROOST__NODE__STATUS__STOPPED] = "ARRAAT",	[ROOST__NODE__STATUS__ERROR] = "ARRAAT",
	    [ROOST__NODE__STATUS__DELETING] = "ARRAAT", [ROOST__NODE__STATUS__DELETED] = "FFFFFF",
	};
	for (int status = 1; status <= ROOST__NODE__STATUS__DELETED; status++) {
		char found[COMMANDS + 1] = {0};
		for (int command = 0; command <= REAP; command++) {
			begin_anew();
			world_force_workspace(world, workspace, ROOST__WORKSPACE__STATUS__ERROR);
			world_force_node(world, node, (Roost__Node__Status)status);
			found[command] = letter_of(world_take(world, command_workspace((enum command)command)));
		}
		assert_string_equal(found, expected[status]);
	}
}

static struct decision *command_node(int command, bool confirm)
{
	struct decision_inputs *inputs = world_inputs(world);
	Roost__StopNodeRequest stop = ROOST__STOP_NODE_REQUEST__INIT;
	Roost__StartNodeRequest start = ROOST__START_NODE_REQUEST__INIT;
	Roost__DeleteNodeRequest delete_it = ROOST__DELETE_NODE_REQUEST__INIT;
	Roost__CreateWorkspaceRequest create = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	stop.id = start.id = delete_it.id = create.node_id = node;
	stop.confirm = delete_it.confirm = confirm;
	create.name = "w";
	switch (command) {
	case 0:
		return decide_stop_node(inputs, &stop);
	case 1:
		return decide_start_node(inputs, &start);
	case 2:
		return decide_delete_node(inputs, &delete_it);
	case 3:
		delete_it.has_abandon = delete_it.abandon = true;
		return decide_delete_node(inputs, &delete_it);
	default:
		return decide_create_workspace(inputs, &create);
	}
}

/* S0-22, D10, D17 */
static void test_every_command_of_a_node_in_every_status(void **state)
{
	(void)state;
	static const char *const expected[][2] = {
	    /* stop start delete abandon create; confirmed, and not */
	    [ROOST__NODE__STATUS__PENDING] = {"TAAAR", "TACCR"},  [ROOST__NODE__STATUS__CREATING] = {"TNAAR", "TNCCR"},
	    [ROOST__NODE__STATUS__RUNNING] = {"ANAAA", "CNCCA"},  [ROOST__NODE__STATUS__STOPPING] = {"NTAAR", "NTCCR"},
	    [ROOST__NODE__STATUS__STOPPED] = {"NAAAR", "NACCR"},  [ROOST__NODE__STATUS__ERROR] = {"AAAAR", "CACCR"},
	    [ROOST__NODE__STATUS__DELETING] = {"TTNAR", "TTNCR"}, [ROOST__NODE__STATUS__DELETED] = {"FFFFF", "FFFFF"},
	};
	for (int status = 1; status <= ROOST__NODE__STATUS__DELETED; status++) {
		for (int confirm = 0; confirm <= 1; confirm++) {
			char found[6] = {0};
			for (int command = 0; command < 5; command++) {
				begin_anew();
				world_force_node(world, node, (Roost__Node__Status)status);
				found[command] = letter_of(world_take(world, command_node(command, confirm != 0)));
			}
			assert_string_equal(found, expected[status][confirm == 0]);
		}
	}
}

static void test_stopping_a_session_in_every_status(void **state)
{
	(void)state;
	static const char expected[] = {
	    [ROOST__AGENT_SESSION__STATUS__STARTING] = 'A', [ROOST__AGENT_SESSION__STATUS__RUNNING] = 'A',
	    [ROOST__AGENT_SESSION__STATUS__STOPPING] = 'N', [ROOST__AGENT_SESSION__STATUS__STOPPED] = 'N',
	    [ROOST__AGENT_SESSION__STATUS__ERROR] = 'A',
	};
	for (int status = 1; status <= ROOST__AGENT_SESSION__STATUS__ERROR; status++) {
		begin_anew();
		world_force_session(world, session, (Roost__AgentSession__Status)status);
		Roost__StopSessionRequest stop = ROOST__STOP_SESSION_REQUEST__INIT;
		stop.id = session;
		assert_int_equal(letter_of(world_take(world, decide_stop_session(world_inputs(world), &stop))),
				 expected[status]);
	}
}

/* What a report does in a status: '.' nothing, '=' it is told and the status stays, otherwise the first
 * letter of the new status, 'D' for deleted. */
static char effect(const struct decision *decision, int before, int after, const char *word)
{
	size_t changes = decision->kind == DECISION_APPEND ? decision->record->n_changes : 0;
	if (changes == 0) {
		assert_int_equal(before, after);
		return '.';
	}
	assert_int_equal(changes, 1);
	assert_int_not_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
	return before == after		      ? '='
	       : strcmp(word, "deleted") == 0 ? 'D'
	       : strcmp(word, "stopped") == 0 ? 'S'
					      : word[0];
}

static const Roost__Report__ReportCase about_workspaces[] = {
    ROOST__REPORT__REPORT_WORKSPACE_RUNNING, ROOST__REPORT__REPORT_WORKSPACE_FAILED,
    ROOST__REPORT__REPORT_WORKSPACE_STOPPED, ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED,
    ROOST__REPORT__REPORT_WORKSPACE_REMOVED, ROOST__REPORT__REPORT_WORKSPACE_LOST,
    ROOST__REPORT__REPORT_WORKSPACE_STEP,
};
enum { WORKSPACE_REPORTS = sizeof(about_workspaces) / sizeof(about_workspaces[0]) };

static char tell_workspace(Roost__Report__ReportCase which, Roost__Workspace__Status status, uint32_t generation)
{
	begin_anew();
	Roost__WorkspaceState *forced = world_workspace(world, workspace);
	forced->resource->status = status;
	forced->resource->generation = 2;
	world->store->put_workspace(world->store->context, forced);
	const struct decision *decision = world_tell(world, node, which, workspace, generation, "so it is");
	/* the decision lives in `step`, which is not reset by reading */
	Roost__Workspace__Status after = world_workspace(world, workspace)->resource->status;
	return effect(decision, (int)status, (int)after, workspace_status_word(after));
}

static void test_every_report_about_a_workspace_in_every_status(void **state)
{
	(void)state;
	static const char *const expected[] = {
	    /* running failed stopped stop_failed removed lost step */
	    [ROOST__WORKSPACE__STATUS__CREATING] = "re.=.e=", [ROOST__WORKSPACE__STATUS__RUNNING] = ".e...e.",
	    [ROOST__WORKSPACE__STATUS__STOPPING] = "..Se...", [ROOST__WORKSPACE__STATUS__STOPPED] = ".......",
	    [ROOST__WORKSPACE__STATUS__ERROR] = "...=...",    [ROOST__WORKSPACE__STATUS__DELETING] = "...=D..",
	    [ROOST__WORKSPACE__STATUS__DELETED] = ".......",
	};
	for (int status = 1; status <= ROOST__WORKSPACE__STATUS__DELETED; status++) {
		char now[WORKSPACE_REPORTS + 1] = {0}, late[WORKSPACE_REPORTS + 1] = {0};
		for (int i = 0; i < WORKSPACE_REPORTS; i++) {
			now[i] = tell_workspace(about_workspaces[i], (Roost__Workspace__Status)status, 2);
			late[i] = tell_workspace(about_workspaces[i], (Roost__Workspace__Status)status, 1);
		}
		assert_string_equal(now, expected[status]);
		/* Of an earlier generation only the removal counts, which has none: all of it is gone. */
		assert_string_equal(late, status == ROOST__WORKSPACE__STATUS__DELETING ? "....D.." : ".......");
	}
}

static void test_every_report_about_a_session_in_every_status(void **state)
{
	(void)state;
	static const char *const expected[] = {
	    /* running ended failed */
	    [ROOST__AGENT_SESSION__STATUS__STARTING] = "rSe", [ROOST__AGENT_SESSION__STATUS__RUNNING] = ".Se",
	    [ROOST__AGENT_SESSION__STATUS__STOPPING] = ".Se", [ROOST__AGENT_SESSION__STATUS__STOPPED] = "...",
	    [ROOST__AGENT_SESSION__STATUS__ERROR] = "...",
	};
	for (int status = 1; status <= ROOST__AGENT_SESSION__STATUS__ERROR; status++) {
		char found[4] = {0};
		for (int i = 0; i < 3; i++) {
			begin_anew();
			world_force_session(world, session, (Roost__AgentSession__Status)status);
			const struct decision *decision = world_tell(
			    world, node, (Roost__Report__ReportCase)(ROOST__REPORT__REPORT_SESSION_RUNNING + i),
			    session, 0, "why");
			Roost__AgentSession__Status after = world_session(world, session)->resource->status;
			found[i] = effect(decision, status, (int)after, session_status_word(after));
		}
		assert_string_equal(found, expected[status]);
	}
}

/* Only the node's own word makes it running, stopped or deleted; a deleted one is only listened to. */
static void test_every_report_about_a_node_in_every_status(void **state)
{
	(void)state;
	static const Roost__Report__ReportCase reports[] = {
	    ROOST__REPORT__REPORT_NODE_RUNNING,	 ROOST__REPORT__REPORT_NODE_STOPPED,
	    ROOST__REPORT__REPORT_NODE_REMOVED,	 ROOST__REPORT__REPORT_NODE_STOP_FAILED,
	    ROOST__REPORT__REPORT_NODE_DEGRADED, ROOST__REPORT__REPORT_NODE_RECOVERED,
	};
	static const char *const expected[] = {
	    /* running stopped removed stop_failed degraded recovered */
	    [ROOST__NODE__STATUS__PENDING] = "....=.",	[ROOST__NODE__STATUS__CREATING] = "r...=.",
	    [ROOST__NODE__STATUS__RUNNING] = "....=.",	[ROOST__NODE__STATUS__STOPPING] = ".S.==.",
	    [ROOST__NODE__STATUS__STOPPED] = "....=.",	[ROOST__NODE__STATUS__ERROR] = "....=.",
	    [ROOST__NODE__STATUS__DELETING] = "..D==.", [ROOST__NODE__STATUS__DELETED] = "......",
	};
	for (int status = 1; status <= ROOST__NODE__STATUS__DELETED; status++) {
		char found[7] = {0};
		for (int i = 0; i < 6; i++) {
			begin_anew();
			world_force_node(world, node, (Roost__Node__Status)status);
			const struct decision *decision = world_tell(world, node, reports[i], NULL, 0, "so it is");
			Roost__Node__Status after = world_node(world, node)->resource->status;
			found[i] = effect(decision, status, (int)after, node_status_word(after));
		}
		assert_string_equal(found, expected[status]);
	}
}

/* S0-34, S0-42: why a session ended is what its holder was asked for. */
static void test_a_session_stops_for_the_reason_of_what_holds_it(void **state)
{
	(void)state;
	static const struct {
		bool of_node;
		int command;
		Roost__AgentSession__StopReason reason;
	} rows[] = {
	    {false, STOP, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP},
	    {false, DELETE, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP},
	    {false, RESTART, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART},
	    {false, REBUILD, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART},
	    {true, 0, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP}, /* stop */
	    {true, 2, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP}, /* delete */
	    {true, 3, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP}, /* abandon */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_anew();
		world_take(world, rows[i].of_node ? command_node(rows[i].command, true)
						  : command_workspace((enum command)rows[i].command));
		const Roost__AgentSession *resource = world_session(world, session)->resource;
		assert_int_equal(resource->stop_reason, rows[i].reason);
		/* A session that its user had stopped before keeps that reason. */
		begin_anew();
		Roost__StopSessionRequest stop = ROOST__STOP_SESSION_REQUEST__INIT;
		stop.id = session;
		world_take(world, decide_stop_session(world_inputs(world), &stop));
		world_take(world, rows[i].of_node ? command_node(rows[i].command, true)
						  : command_workspace((enum command)rows[i].command));
		assert_int_equal(world_session(world, session)->resource->stop_reason,
				 ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_every_command_of_a_workspace_in_every_status),
	    TEST(test_every_command_of_a_workspace_on_a_node_in_every_status),
	    TEST(test_every_command_of_a_node_in_every_status),
	    TEST(test_stopping_a_session_in_every_status),
	    TEST(test_a_session_stops_for_the_reason_of_what_holds_it),
	    TEST(test_every_report_about_a_workspace_in_every_status),
	    TEST(test_every_report_about_a_session_in_every_status),
	    TEST(test_every_report_about_a_node_in_every_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
