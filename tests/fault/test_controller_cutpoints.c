/* kill -9 of the controller at every one of its cut-points, at the first time that it comes there, the
 * second, and so on until it comes there no more, while a client does everything that a client can do
 * and retries with the same keys: nothing that was answered is lost, nothing is made twice, every
 * report is taken once (S1-09, S1-10, S0-18, D5). */
#include "tests/support/cleanup.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Short, since a dead controller answers nobody; asking again too early does no harm. */
enum { STORY_TIMEOUT_MS = 60000, TIMES_MAX = 40, TRY_MS = 500 };

struct story {
	struct controllers controllers;
	struct fake_agent *agent;
	const char *once; /* exists when the cut-point was reached */
	int deaths;
};

/* A supervisor in one line: what has died is started again, and lives on. */
static void revive(struct story *story)
{
	struct controllers *controllers = &story->controllers;
	if (!process_ended(&controllers->processes[0]))
		return;
	story->deaths++;
	controllers_start(controllers, 0, NULL);
}

static const void *tell(struct story *story, const char *command, const ProtobufCMessage *request, const char *key)
{
	struct call call = {.owner = "alice", .command = command, .request = request, .key = key, .timeout_ms = TRY_MS};
	int64_t deadline_ms = clock_monotonic_ms() + STORY_TIMEOUT_MS;
	struct reply reply;
	do {
		struct reply *waiting = &reply;
		call_send(&story->controllers, &call, waiting);
		while (!reply.done) {
			revive(story);
			loop_for(&story->controllers.loop, 2);
		}
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("%s: %s\n%s", command, reply.error.message, controllers_log(&story->controllers, 0));
	} while (!reply_is_final(&reply));
	const void *first = reply_expect_success(&reply, command);
	/* The key gives the same answer again, whatever died in between. */
	struct reply again = call_until_final(&story->controllers, &call, STORY_TIMEOUT_MS);
	reply_expect_success(&again, command);
	assert_int_equal(again.body.size, reply.body.size);
	assert_memory_equal(again.body.data, reply.body.data, reply.body.size);
	return first;
}

static bool outbox_is_empty(void *context)
{
	struct story *story = context;
	revive(story);
	return fake_agent_waiting(story->agent) == 0;
}

static void await_reports(struct story *story)
{
	loop_until(&story->controllers.loop, outbox_is_empty, story, STORY_TIMEOUT_MS, "reports to be taken");
}

static const char *create_workspace(struct story *story, const char *node, const char *key)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "api";
	request.node_id = node;
	const Roost__CreateWorkspaceResponse *response = tell(story, "workspace.create", &request.base, key);
	return response->workspace->id;
}

static void start_agent(struct story *story, const char *node)
{
	struct fake_agent_settings settings = {
	    .loop = &story->controllers.loop,
	    .url = nats_server_url(story->controllers.server),
	    .credentials_file = nats_server_credentials(story->controllers.server, "node", NULL),
	    .node_id = node,
	    .manual = true,
	    .answer_timeout_ms = TRY_MS,
	};
	story->agent = fake_agent_start(&settings);
	fake_agent_says_node_running(story->agent);
	await_reports(story);
}

static void expect_lists(struct story *story, const char *node, const char *renamed)
{
	struct controllers *controllers = &story->controllers;
	Roost__ListNodesRequest nodes = ROOST__LIST_NODES_REQUEST__INIT;
	Roost__ListWorkspacesRequest workspaces = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	Roost__ListSessionsRequest sessions = ROOST__LIST_SESSIONS_REQUEST__INIT;
	struct call calls[] = {
	    {.owner = "alice", .command = "node.list", .request = &nodes.base},
	    {.owner = "alice", .command = "workspace.list", .request = &workspaces.base},
	    {.owner = "alice", .command = "session.list", .request = &sessions.base},
	};
	struct reply replies[3];
	for (int i = 0; i < 3; i++)
		replies[i] = call_until_final(controllers, &calls[i], STORY_TIMEOUT_MS);
	const Roost__ListNodesResponse *has_nodes = reply_expect_success(&replies[0], "node.list");
	const Roost__ListWorkspacesResponse *has_workspaces = reply_expect_success(&replies[1], "workspace.list");
	const Roost__ListSessionsResponse *has_sessions = reply_expect_success(&replies[2], "session.list");
	assert_int_equal(has_nodes->n_nodes, 1);
	assert_string_equal(has_nodes->nodes[0]->id, node);
	assert_int_equal(has_nodes->nodes[0]->capacity->used, 1);
	assert_int_equal(has_workspaces->n_workspaces, 1);
	assert_string_equal(has_workspaces->workspaces[0]->id, renamed);
	assert_string_equal(has_workspaces->workspaces[0]->display_name, "renamed");
	assert_int_equal(has_workspaces->workspaces[0]->generation, 2);
	assert_int_equal(has_sessions->n_sessions, 1);
	assert_int_equal(has_sessions->sessions[0]->status, ROOST__AGENT_SESSION__STATUS__STOPPED);
}

/* Every durable command once, and the reports in between. */
static void tell_all(struct story *story)
{
	Roost__CreateNodeRequest create_node = ROOST__CREATE_NODE_REQUEST__INIT;
	create_node.name = "first";
	const Roost__CreateNodeResponse *made = tell(story, "node.create", &create_node.base, "k-node");
	const char *node = made->node->id;
	start_agent(story, node);

	const char *placed = create_workspace(story, NULL, "k-placed");
	const char *named = create_workspace(story, node, "k-named");
	fake_agent_says_workspace_running(story->agent, placed, 1);
	fake_agent_says_workspace_running(story->agent, named, 1);
	await_reports(story);

	Roost__RenameWorkspaceRequest rename = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	rename.id = placed;
	rename.display_name = "renamed";
	tell(story, "workspace.rename", &rename.base, "k-rename");

	Roost__CreateSessionRequest create_session = ROOST__CREATE_SESSION_REQUEST__INIT;
	create_session.workspace_id = placed;
	const Roost__CreateSessionResponse *session = tell(story, "session.create", &create_session.base, "k-session");
	fake_agent_says_session_running(story->agent, session->session->id);
	await_reports(story);
	Roost__StopSessionRequest stop_session = ROOST__STOP_SESSION_REQUEST__INIT;
	stop_session.id = session->session->id;
	tell(story, "session.stop", &stop_session.base, "k-stop-session");
	fake_agent_says_session_ended(story->agent, session->session->id, 143);
	await_reports(story);

	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	stop.id = restart.id = placed;
	tell(story, "workspace.stop", &stop.base, "k-stop");
	fake_agent_says_workspace_stopped(story->agent, placed, 1);
	await_reports(story);
	tell(story, "workspace.restart", &restart.base, "k-restart");
	fake_agent_says_workspace_running(story->agent, placed, 2);

	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	delete.id = named;
	tell(story, "workspace.delete", &delete.base, "k-delete");
	fake_agent_says_workspace_removed(story->agent, named);
	await_reports(story);
	expect_lists(story, node, placed);
}

/* True when the controller came to the cut-point that often. */
static bool story_with_a_cut(enum cutpoint place, int times)
{
	struct story story = {0};
	struct arena *arena;
	controllers_open(&story.controllers);
	arena = story.controllers.arena;
	story.once = arena_printf(arena, "%s/once", nats_server_folder(story.controllers.server));
	const char *const environment[] = {
	    arena_printf(arena, "ROOST_CUTPOINT=%s:%d", cutpoint_name(place), times),
	    arena_printf(arena, "ROOST_CUTPOINT_ONCE=%s", story.once),
	    NULL,
	};
	controllers_start(&story.controllers, 0, environment);
	controllers_wait_ready(&story.controllers);
	tell_all(&story);
	bool reached = access(story.once, F_OK) == 0;
	assert_int_equal(story.deaths, reached ? 1 : 0);
	fake_agent_stop(story.agent);
	controllers_close(&story.controllers);
	return reached;
}

static void it_loses_and_doubles_nothing(void **state)
{
	enum cutpoint place = *(const enum cutpoint *)*state;
	int times = 1;
	while (story_with_a_cut(place, times))
		if (++times > TIMES_MAX)
			fail_msg("%s is reached too often", cutpoint_name(place));
	if (times == 1)
		fail_msg("%s was never reached", cutpoint_name(place));
}

/* One test for each of the controller's cut-points, from the table; or for the one that is named. */
int main(int argc, char **argv)
{
	struct CMUnitTest tests[CUTPOINT_COUNT];
	enum cutpoint places[CUTPOINT_COUNT];
	size_t count = 0;
	log_open("test", LOG_ERROR);
	for (int place = 0; place < CUTPOINT_COUNT; place++) {
		const char *name = cutpoint_name((enum cutpoint)place);
		if (strncmp(name, "controller.", 11) != 0 || (argc > 1 && strcmp(name, argv[1]) != 0))
			continue;
		places[count] = (enum cutpoint)place;
		tests[count] = (struct CMUnitTest){
		    .name = name, .test_func = it_loses_and_doubles_nothing, .initial_state = &places[count]};
		count++;
	}
	return _cmocka_run_group_tests("killed at every cut-point", tests, count, NULL, NULL);
}
