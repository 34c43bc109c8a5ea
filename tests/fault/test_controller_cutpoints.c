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
	const char *deleted;
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

/* Again and again with the same key, reviving what has died, until the answer is final. */
static struct reply ask(struct story *story, const struct call *call)
{
	int64_t deadline_ms = clock_monotonic_ms() + STORY_TIMEOUT_MS;
	struct reply reply;
	do {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("%s: %s\n%s", call->command, reply.error.message,
				 controllers_log(&story->controllers, 0));
		call_send(&story->controllers, call, &reply);
		do {
			revive(story);
			loop_for(&story->controllers.loop, 2);
		} while (!reply.done);
	} while (!reply_is_final(&reply));
	reply_expect_success(&reply, call->command);
	return reply;
}

static const void *tell(struct story *story, const char *command, const ProtobufCMessage *request, const char *key)
{
	struct call call = {.owner = "alice", .command = command, .request = request, .key = key, .timeout_ms = TRY_MS};
	struct reply first = ask(story, &call);
	if (key != NULL) { /* gives the same answer again, whatever died in between */
		struct reply again = ask(story, &call);
		assert_int_equal(again.body.size, first.body.size);
		assert_memory_equal(again.body.data, first.body.data, first.body.size);
	}
	return first.message;
}

/* Asks until the workspace is as it should be; whoever has died meanwhile is revived. */
static void await_status(struct story *story, const char *id, Roost__Workspace__Status status)
{
	int64_t deadline_ms = clock_monotonic_ms() + STORY_TIMEOUT_MS;
	Roost__GetWorkspaceRequest request = ROOST__GET_WORKSPACE_REQUEST__INIT;
	request.id = id;
	for (;;) {
		const Roost__GetWorkspaceResponse *response = tell(story, "workspace.get", &request.base, NULL);
		if (response->workspace->status == status)
			return;
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("workspace %s stays in state %d, not %d\n%s", id, (int)response->workspace->status,
				 (int)status, controllers_log(&story->controllers, 0));
	}
}

static void await_session_status(struct story *story, const char *id, Roost__AgentSession__Status status)
{
	int64_t deadline_ms = clock_monotonic_ms() + STORY_TIMEOUT_MS;
	Roost__GetSessionRequest request = ROOST__GET_SESSION_REQUEST__INIT;
	request.id = id;
	for (;;) {
		const Roost__GetSessionResponse *response = tell(story, "session.get", &request.base, NULL);
		if (response->session->status == status)
			return;
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("session %s stays in state %d, not %d\n%s", id, (int)response->session->status,
				 (int)status, controllers_log(&story->controllers, 0));
	}
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
	    .beat_ms = 100,
	    .answer_timeout_ms = TRY_MS,
	};
	story->agent = fake_agent_start(&settings);
	await_reports(story);
}

/* What the node did: each generation started once, each session once, what was deleted removed. */
static void expect_done_once(struct story *story, const char *placed, const char *named, const char *session)
{
	const struct fake_workspace *kept = fake_agent_workspace(story->agent, placed);
	const struct fake_workspace *removed = fake_agent_workspace(story->agent, named);
	assert_int_equal(fake_agent_workspace_count(story->agent), 2);
	assert_int_equal(kept->starts, 2);
	assert_int_equal(kept->started_generation, 2);
	assert_int_equal(removed->starts, 1);
	assert_true(removed->removed);
	assert_int_equal(fake_agent_session_count(story->agent), 1);
	assert_int_equal(fake_agent_session(story->agent, session)->starts, 1);
	assert_true(fake_agent_session(story->agent, session)->ended);
}

static void expect_lists(struct story *story, const char *node, const char *renamed)
{
	Roost__ListNodesRequest nodes = ROOST__LIST_NODES_REQUEST__INIT;
	Roost__ListWorkspacesRequest workspaces = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	Roost__ListSessionsRequest sessions = ROOST__LIST_SESSIONS_REQUEST__INIT;
	struct call calls[] = {
	    {.owner = "alice", .command = "node.list", .request = &nodes.base},
	    {.owner = "alice", .command = "workspace.list", .request = &workspaces.base},
	    {.owner = "alice", .command = "session.list", .request = &sessions.base},
	};
	const Roost__ListNodesResponse *has_nodes = ask(story, &calls[0]).message;
	const Roost__ListWorkspacesResponse *has_workspaces = ask(story, &calls[1]).message;
	const Roost__ListSessionsResponse *has_sessions = ask(story, &calls[2]).message;
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

static bool removed_and_reported(void *context)
{
	struct story *story = context;
	return outbox_is_empty(story) && fake_agent_workspace(story->agent, story->deleted)->removed;
}

/* A node that never had an agent goes, and leaves its place to another. MAX_NODES_PER_USER is 2. */
static void replace_a_node(struct story *story)
{
	Roost__CreateNodeRequest create = ROOST__CREATE_NODE_REQUEST__INIT;
	Roost__DeleteNodeRequest delete = ROOST__DELETE_NODE_REQUEST__INIT;
	create.name = "second";
	const Roost__CreateNodeResponse *made = tell(story, "node.create", &create.base, "k-second");
	delete.id = made->node->id;
	tell(story, "node.delete", &delete.base, "k-delete-node");
	create.name = "third";
	struct call call = {.owner = "alice",
			    .command = "node.create",
			    .request = &create.base,
			    .key = "k-third",
			    .timeout_ms = TRY_MS};
	int64_t deadline_ms = clock_monotonic_ms() + STORY_TIMEOUT_MS;
	struct reply reply;
	do {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("the place is not free\n%s", controllers_log(&story->controllers, 0));
		revive(story);
		reply = call_make(&story->controllers, &call);
		loop_for(&story->controllers.loop, 10);
	} while (!reply.arrived || reply.error.code != ERROR_NONE);
}

/* Every durable command once; the node obeys in between. */
static void tell_all(struct story *story)
{
	Roost__CreateNodeRequest create_node = ROOST__CREATE_NODE_REQUEST__INIT;
	create_node.name = "first";
	const Roost__CreateNodeResponse *made = tell(story, "node.create", &create_node.base, "k-node");
	const char *node = made->node->id;
	start_agent(story, node);

	const char *placed = create_workspace(story, NULL, "k-placed");
	const char *named = create_workspace(story, node, "k-named");
	await_status(story, placed, ROOST__WORKSPACE__STATUS__RUNNING);
	await_status(story, named, ROOST__WORKSPACE__STATUS__RUNNING);

	Roost__RenameWorkspaceRequest rename = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	rename.id = placed;
	rename.display_name = "renamed";
	tell(story, "workspace.rename", &rename.base, "k-rename");

	Roost__CreateSessionRequest create_session = ROOST__CREATE_SESSION_REQUEST__INIT;
	create_session.workspace_id = placed;
	const Roost__CreateSessionResponse *session = tell(story, "session.create", &create_session.base, "k-session");
	await_session_status(story, session->session->id, ROOST__AGENT_SESSION__STATUS__RUNNING);
	Roost__StopSessionRequest stop_session = ROOST__STOP_SESSION_REQUEST__INIT;
	stop_session.id = session->session->id;
	tell(story, "session.stop", &stop_session.base, "k-stop-session");
	await_session_status(story, session->session->id, ROOST__AGENT_SESSION__STATUS__STOPPED);

	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	stop.id = restart.id = placed;
	tell(story, "workspace.stop", &stop.base, "k-stop");
	await_status(story, placed, ROOST__WORKSPACE__STATUS__STOPPED);
	tell(story, "workspace.restart", &restart.base, "k-restart");
	await_status(story, placed, ROOST__WORKSPACE__STATUS__RUNNING);

	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	delete.id = named;
	tell(story, "workspace.delete", &delete.base, "k-delete");
	story->deleted = named;
	loop_until(&story->controllers.loop, removed_and_reported, story, STORY_TIMEOUT_MS, "the removal");
	expect_lists(story, node, placed);
	expect_done_once(story, placed, named, session->session->id);
	replace_a_node(story);
}

static bool has_died(void *context)
{
	struct story *story = context;
	revive(story);
	return story->deaths > 0;
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
	controllers_setenv(&story.controllers, "MAX_NODES_PER_USER", "2");
	controllers_start(&story.controllers, 0, environment);
	controllers_wait_ready(&story.controllers);
	tell_all(&story);
	bool reached = access(story.once, F_OK) == 0;
	if (reached) /* perhaps by what followed from the last command */
		loop_until(&story.controllers.loop, has_died, &story, STORY_TIMEOUT_MS, "the controller's death");
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
