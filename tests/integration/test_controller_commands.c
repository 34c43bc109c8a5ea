/* Every command against a real controller, a real nats-server and a node agent that speaks the real
 * protocol: its success, and the errors that it can give. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT_ID "01J00000000000000000000000"

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_setenv(&fixture->controllers, "MAX_WORKSPACES_PER_NODE", "3");
	controllers_setenv(&fixture->controllers, "MAX_AGENT_SESSIONS_PER_WORKSPACE", "2");
	controllers_setenv(&fixture->controllers, "MAX_NODES_PER_USER", "2");
	controllers_setenv(&fixture->controllers, "ROOST_NODE_CALL_TIMEOUT_MS", "500");
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .manual = true,
	};
	fixture->agent = fake_agent_start(&settings);
	fake_agent_says_node_running(fixture->agent);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static const Roost__Workspace *running_workspace(struct fixture *fixture, const char *name)
{
	const Roost__Workspace *workspace = make_workspace(&fixture->controllers, "alice", fixture->node, name);
	fake_agent_says_workspace_running(fixture->agent, workspace->id, workspace->generation);
	return await_workspace(&fixture->controllers, "alice", workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
}

static const Roost__AgentSession *running_session(struct fixture *fixture, const char *workspace)
{
	const Roost__AgentSession *session = make_session(&fixture->controllers, "alice", workspace);
	fake_agent_says_session_running(fixture->agent, session->id);
	return await_session(&fixture->controllers, "alice", session->id, ROOST__AGENT_SESSION__STATUS__RUNNING);
}

static struct reply make(struct fixture *fixture, const char *owner, const char *command,
			 const ProtobufCMessage *request)
{
	struct call call = {.owner = owner, .command = command, .request = request};
	return call_make(&fixture->controllers, &call);
}

static struct reply make_json(struct fixture *fixture, const char *command, const char *text)
{
	struct call call = {.owner = "alice", .command = command, .text = text, .json = true};
	return call_make(&fixture->controllers, &call);
}

/* S0-02 */
static void a_node_is_listed_at_once_with_its_status(void **state)
{
	struct fixture *fixture = *state;
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	const char *second = make_node(&fixture->controllers, "alice", "second");
	struct reply reply = make(fixture, "alice", "node.list", &request.base);
	const Roost__ListNodesResponse *response = reply_expect_success(&reply, "node.list");
	assert_int_equal(response->n_nodes, 2);
	assert_string_equal(response->nodes[0]->id, second);
	assert_int_equal(response->nodes[0]->status, ROOST__NODE__STATUS__CREATING);
	assert_string_equal(response->nodes[1]->name, "first");
	assert_int_equal(response->nodes[1]->status, ROOST__NODE__STATUS__RUNNING);
	assert_int_equal(response->nodes[1]->capacity->workspaces, 3);
	assert_true(response->nodes[1]->has_heartbeat_stale_after_seconds);
}

/* S0-41 */
static void the_number_of_nodes_is_limited(void **state)
{
	struct fixture *fixture = *state;
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	make_node(&fixture->controllers, "alice", "second");
	request.name = "third";
	struct reply reply = make(fixture, "alice", "node.create", &request.base);
	reply_expect_error(&reply, ERROR_LIMIT_REACHED, "a third node");
}

/* S0-03, S0-04 */
static void workspaces_appear_under_their_node_and_reach_running(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *one = make_workspace(&fixture->controllers, "alice", fixture->node, "api");
	assert_int_equal(one->status, ROOST__WORKSPACE__STATUS__CREATING);
	assert_string_equal(one->node_id, fixture->node);
	const Roost__Workspace *other = running_workspace(fixture, "web");
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	request.node_id = fixture->node;
	struct reply reply = make(fixture, "alice", "workspace.list", &request.base);
	const Roost__ListWorkspacesResponse *response = reply_expect_success(&reply, "workspace.list");
	assert_int_equal(response->n_workspaces, 2);
	assert_string_equal(response->workspaces[0]->id, other->id);
	assert_string_equal(response->workspaces[1]->id, one->id);
	request.has_status = true;
	request.status = ROOST__WORKSPACE__STATUS__RUNNING;
	reply = make(fixture, "alice", "workspace.list", &request.base);
	response = reply_expect_success(&reply, "workspace.list running");
	assert_int_equal(response->n_workspaces, 1);
	assert_string_equal(response->workspaces[0]->id, other->id);
	request.status = (Roost__Workspace__Status)99; /* never a list without its filter */
	reply = make(fixture, "alice", "workspace.list", &request.base);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "workspace.list of no status");
}

/* S0-08, S0-09 */
static void names_are_made_unique_within_the_node_and_renaming_keeps_the_id(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *one = make_workspace(&fixture->controllers, "alice", fixture->node, "api");
	const Roost__Workspace *other = make_workspace(&fixture->controllers, "alice", fixture->node, " API ");
	assert_string_equal(one->display_name, "api");
	assert_string_equal(other->display_name, "API (2)");
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.id = one->id;
	request.display_name = "api (2)";
	struct reply reply = make(fixture, "alice", "workspace.rename", &request.base);
	const Roost__RenameWorkspaceResponse *response = reply_expect_success(&reply, "workspace.rename");
	assert_string_equal(response->workspace->display_name, "api (2) (2)");
	assert_string_equal(response->workspace->id, one->id);
	assert_string_equal(get_workspace(&fixture->controllers, "alice", one->id)->display_name, "api (2) (2)");
}

/* S0-29, S0-41 */
static void a_full_node_refuses_with_a_sentence_that_helps(void **state)
{
	struct fixture *fixture = *state;
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	for (int i = 0; i < 3; i++)
		make_workspace(&fixture->controllers, "alice", fixture->node, "w");
	request.name = "one too many";
	request.node_id = fixture->node;
	struct reply reply = make(fixture, "alice", "workspace.create", &request.base);
	reply_expect_error(&reply, ERROR_NODE_AT_CAPACITY, "a fourth workspace");
	assert_non_null(strstr(reply.error.message, "Delete one"));
	request.node_id = NULL;
	reply = make(fixture, "alice", "workspace.create", &request.base);
	reply_expect_error(&reply, ERROR_NODE_AT_CAPACITY, "a fourth workspace anywhere");
}

/* Design 3: the owner's roster places a workspace that names no node. */
static void a_workspace_without_a_node_goes_to_one_that_runs(void **state)
{
	struct fixture *fixture = *state;
	make_node(&fixture->controllers, "alice", "does not run yet");
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "anywhere";
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base, .key = "k-1"};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__CreateWorkspaceResponse *response = reply_expect_success(&reply, "workspace.create");
	assert_string_equal(response->workspace->node_id, fixture->node);
	struct reply again = call_make(&fixture->controllers, &call);
	const Roost__CreateWorkspaceResponse *same = reply_expect_success(&again, "workspace.create again");
	assert_string_equal(same->workspace->id, response->workspace->id);
	reply = make(fixture, "bob", "workspace.create", &request.base);
	reply_expect_error(&reply, ERROR_NODE_NOT_FOUND, "an owner without nodes");
}

/* S0-11, S0-12, S0-34, D6 */
static void stop_and_restart_end_sessions_and_raise_the_generation(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	const Roost__AgentSession *session = running_session(fixture, workspace->id);
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	stop.id = restart.id = workspace->id;

	struct reply reply = make(fixture, "alice", "workspace.stop", &stop.base);
	const Roost__StopWorkspaceResponse *stopping = reply_expect_success(&reply, "workspace.stop");
	assert_int_equal(stopping->status, ROOST__WORKSPACE__STATUS__STOPPING);
	fake_agent_says_session_ended(fixture->agent, session->id, 143);
	fake_agent_says_workspace_stopped(fixture->agent, workspace->id, 1);
	await_workspace(controllers, "alice", workspace->id, ROOST__WORKSPACE__STATUS__STOPPED);
	const Roost__AgentSession *ended =
	    await_session(controllers, "alice", session->id, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(ended->stop_reason, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);

	reply = make(fixture, "alice", "workspace.stop", &stop.base);
	stopping = reply_expect_success(&reply, "workspace.stop of a stopped one");
	assert_int_equal(stopping->status, ROOST__WORKSPACE__STATUS__STOPPED);

	reply = make(fixture, "alice", "workspace.restart", &restart.base);
	const Roost__RestartWorkspaceResponse *restarting = reply_expect_success(&reply, "workspace.restart");
	assert_int_equal(restarting->status, ROOST__WORKSPACE__STATUS__CREATING);
	fake_agent_says_workspace_running(fixture->agent, workspace->id, 2);
	workspace = await_workspace(controllers, "alice", workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(workspace->generation, 2);
	assert_true(workspace->prior_sessions_ended);
}

/* D12 */
static void a_deleted_workspace_is_gone_once_the_node_says_so(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = workspace->id;
	struct reply reply = make(fixture, "alice", "workspace.delete", &request.base);
	assert_true(((const Roost__DeleteWorkspaceResponse *)reply_expect_success(&reply, "delete"))->success);
	assert_int_equal(get_workspace(&fixture->controllers, "alice", workspace->id)->status,
			 ROOST__WORKSPACE__STATUS__DELETING);
	fake_agent_says_workspace_removed(fixture->agent, workspace->id);
	Roost__GetWorkspaceRequest get = ROOST__GET_WORKSPACE_REQUEST__INIT;
	get.id = workspace->id;
	do
		reply = make(fixture, "alice", "workspace.get", &get.base);
	while (reply.error.code == ERROR_NONE);
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_FOUND, "a deleted workspace");
}

/* S0-14, S0-16, S0-17 */
static void sessions_are_listed_and_stopped_one_by_one(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	const Roost__AgentSession *one = running_session(fixture, workspace->id);
	const Roost__AgentSession *other = running_session(fixture, workspace->id);
	Roost__StopSessionRequest stop = ROOST__STOP_SESSION_REQUEST__INIT;
	stop.id = one->id;
	struct reply reply = make(fixture, "alice", "session.stop", &stop.base);
	const Roost__StopSessionResponse *stopping = reply_expect_success(&reply, "session.stop");
	assert_int_equal(stopping->status, ROOST__AGENT_SESSION__STATUS__STOPPING);
	fake_agent_says_session_ended(fixture->agent, one->id, 143);
	one = await_session(&fixture->controllers, "alice", one->id, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(one->stop_reason, ROOST__AGENT_SESSION__STOP_REASON__USER_STOP);
	assert_true(one->has_stopped_at);

	Roost__ListSessionsRequest list = ROOST__LIST_SESSIONS_REQUEST__INIT;
	list.workspace_id = workspace->id;
	reply = make(fixture, "alice", "session.list", &list.base);
	const Roost__ListSessionsResponse *response = reply_expect_success(&reply, "session.list");
	assert_int_equal(response->n_sessions, 2);
	assert_string_equal(response->sessions[0]->id, other->id);
	assert_int_equal(response->sessions[0]->status, ROOST__AGENT_SESSION__STATUS__RUNNING);
	assert_int_equal(response->sessions[1]->status, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(get_workspace(&fixture->controllers, "alice", workspace->id)->status,
			 ROOST__WORKSPACE__STATUS__RUNNING);
}

/* S0-19, S0-29, S0-41 */
static void a_session_needs_a_running_workspace_and_room(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *creating = make_workspace(&fixture->controllers, "alice", fixture->node, "new");
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = creating->id;
	struct reply reply = make(fixture, "alice", "session.create", &request.base);
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_RUNNING, "a session in a workspace that is not running");
	const Roost__Workspace *running = running_workspace(fixture, "api");
	make_session(&fixture->controllers, "alice", running->id);
	make_session(&fixture->controllers, "alice", running->id);
	request.workspace_id = running->id;
	reply = make(fixture, "alice", "session.create", &request.base);
	reply_expect_error(&reply, ERROR_LIMIT_REACHED, "a third session");
}

static const char *input(struct fixture *fixture, const char *session, const char *text, const char *key,
			 enum error_code expected)
{
	Roost__InputSessionRequest request = ROOST__INPUT_SESSION_REQUEST__INIT;
	request.id = session;
	request.text = text;
	struct call call = {.owner = "alice", .command = "session.input", .request = &request.base, .key = key};
	struct reply reply = call_make(&fixture->controllers, &call);
	if (expected == ERROR_NONE)
		reply_expect_success(&reply, "session.input");
	else
		reply_expect_error(&reply, expected, "session.input");
	return text;
}

static const char *output(struct fixture *fixture, const char *session)
{
	Roost__OutputSessionRequest request = ROOST__OUTPUT_SESSION_REQUEST__INIT;
	request.id = session;
	struct reply reply = make(fixture, "alice", "session.output", &request.base);
	return ((const Roost__OutputSessionResponse *)reply_expect_success(&reply, "session.output"))->text;
}

/* S3-03, D15; input is typed once for one key. */
static void input_reaches_the_node_once_and_output_comes_back_even_after_the_end(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	const Roost__AgentSession *starting = make_session(&fixture->controllers, "alice", workspace->id);
	input(fixture, starting->id, "too early", NULL, ERROR_SESSION_NOT_RUNNING);
	fake_agent_knows_session(fixture->agent, starting->id, workspace->id);
	fake_agent_says_session_running(fixture->agent, starting->id);
	await_session(&fixture->controllers, "alice", starting->id, ROOST__AGENT_SESSION__STATUS__RUNNING);
	input(fixture, starting->id, "ls\n", "input-1", ERROR_NONE);
	input(fixture, starting->id, "ls\n", "input-1", ERROR_NONE);
	assert_string_equal(fake_agent_session(fixture->agent, starting->id)->last_input_id, "input-1");
	assert_string_equal(output(fixture, starting->id), "ls\n");
	input(fixture, starting->id, "pwd\n", NULL, ERROR_NONE);
	assert_string_equal(output(fixture, starting->id), "ls\npwd\n");
	fake_agent_says_session_ended(fixture->agent, starting->id, 0);
	const Roost__AgentSession *ended =
	    await_session(&fixture->controllers, "alice", starting->id, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(ended->stop_reason, ROOST__AGENT_SESSION__STOP_REASON__EXITED);
	assert_int_equal(ended->exit_code, 0);
	input(fixture, starting->id, "too late", NULL, ERROR_SESSION_NOT_RUNNING);
	assert_string_equal(output(fixture, starting->id), "ls\npwd\n");
}

static void a_node_that_does_not_answer_is_unreachable_at_once(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	const Roost__AgentSession *session = running_session(fixture, workspace->id);
	fake_agent_listen(fixture->agent, false);
	loop_for(&fixture->controllers.loop, 50); /* the server learns that nobody listens */
	input(fixture, session->id, "hello", NULL, ERROR_NODE_UNREACHABLE);
}

/* D14: somebody else's object does not exist, for any command. */
static void another_owners_things_do_not_exist(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	const Roost__AgentSession *session = running_session(fixture, workspace->id);
	char text[256];
	const struct {
		const char *command, *format, *id;
		enum error_code code;
	} rows[] = {
	    {"node.get", "{\"id\":\"%s\"}", fixture->node, ERROR_NODE_NOT_FOUND},
	    {"workspace.get", "{\"id\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"workspace.list", "{\"nodeId\":\"%s\"}", fixture->node, ERROR_NODE_NOT_FOUND},
	    {"workspace.create", "{\"name\":\"x\",\"nodeId\":\"%s\"}", fixture->node, ERROR_NODE_NOT_FOUND},
	    {"workspace.rename", "{\"id\":\"%s\",\"displayName\":\"x\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"workspace.stop", "{\"id\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"workspace.restart", "{\"id\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"workspace.delete", "{\"id\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"session.create", "{\"workspaceId\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"session.list", "{\"workspaceId\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"session.get", "{\"id\":\"%s\"}", session->id, ERROR_SESSION_NOT_FOUND},
	    {"session.stop", "{\"id\":\"%s\"}", session->id, ERROR_SESSION_NOT_FOUND},
	    {"session.input", "{\"id\":\"%s\",\"text\":\"x\"}", session->id, ERROR_SESSION_NOT_FOUND},
	    {"session.output", "{\"id\":\"%s\"}", session->id, ERROR_SESSION_NOT_FOUND},
	    {"event.list", "{\"nodeId\":\"%s\"}", fixture->node, ERROR_NODE_NOT_FOUND},
	    {"event.list", "{\"workspaceId\":\"%s\"}", workspace->id, ERROR_WORKSPACE_NOT_FOUND},
	    {"event.list", "{\"sessionId\":\"%s\"}", session->id, ERROR_SESSION_NOT_FOUND},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int absent = 0; absent < 2; absent++) {
			snprintf(text, sizeof(text), rows[i].format, absent ? ABSENT_ID : rows[i].id);
			struct call call = {
			    .owner = absent ? "alice" : "bob", .command = rows[i].command, .text = text, .json = true};
			struct reply reply = call_make(&fixture->controllers, &call);
			reply_expect_error(&reply, rows[i].code, rows[i].command);
		}
	}
	struct call call = {.owner = "bob", .command = "workspace.list", .text = "{}", .json = true};
	struct reply reply = call_make(&fixture->controllers, &call);
	assert_non_null(strstr((const char *)reply.body.data, "\"workspaces\":[]"));
}

static bool tells_of_the_end(struct fixture *fixture, const Roost__ListEventsRequest *request)
{
	struct reply reply = make(fixture, "alice", "event.list", &request->base);
	const Roost__ListEventsResponse *events = reply_expect_success(&reply, "event.list of what is deleted");
	return events->n_events > 0 && strcmp(events->events[0]->type, "workspace_deleted") == 0;
}

/* D15: the history of what is deleted stays readable, for its owner. */
static void events_of_a_deleted_workspace_are_still_told(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "short-lived");
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.workspace_id = delete.id = workspace->id;
	struct reply reply = make(fixture, "alice", "workspace.delete", &delete.base);
	reply_expect_success(&reply, "workspace.delete");
	fake_agent_says_workspace_removed(fixture->agent, workspace->id);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!tells_of_the_end(fixture, &request))
		assert_true(clock_monotonic_ms() < deadline);
	reply = make(fixture, "bob", "event.list", &request.base);
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_FOUND, "somebody else's");
}

/* S0-30; the feed for people who were away. */
static void events_tell_what_happened_in_both_directions_and_page_by_page(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.workspace_id = workspace->id;
	struct reply reply = make(fixture, "alice", "event.list", &request.base);
	const Roost__ListEventsResponse *newest = reply_expect_success(&reply, "event.list");
	assert_int_equal(newest->n_events, 2);
	assert_string_equal(newest->events[0]->type, "workspace_running");
	assert_string_equal(newest->events[1]->type, "workspace_created");
	request.has_ascending = request.has_limit = true;
	request.ascending = true;
	request.limit = 1;
	reply = make(fixture, "alice", "event.list", &request.base);
	const Roost__ListEventsResponse *first = reply_expect_success(&reply, "event.list ascending");
	assert_int_equal(first->n_events, 1);
	assert_string_equal(first->events[0]->type, "workspace_created");
	request.cursor = first->next_cursor;
	reply = make(fixture, "alice", "event.list", &request.base);
	const Roost__ListEventsResponse *second = reply_expect_success(&reply, "event.list, next page");
	assert_string_equal(second->events[0]->type, "workspace_running");
	request.cursor = second->next_cursor;
	reply = make(fixture, "alice", "event.list", &request.base);
	const Roost__ListEventsResponse *last = reply_expect_success(&reply, "event.list, past the end");
	assert_int_equal(last->n_events, 0);
	assert_non_null(last->next_cursor);
}

/* S0-18, D5 */
static void the_same_key_gives_the_first_answer_again_and_another_request_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const Roost__Workspace *workspace = running_workspace(fixture, "api");
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = workspace->id;
	request.label = "work";
	struct call call = {.owner = "alice", .command = "session.create", .request = &request.base, .key = "once"};
	struct reply first = call_make(&fixture->controllers, &call);
	const Roost__CreateSessionResponse *made = reply_expect_success(&first, "session.create");
	fake_agent_says_session_running(fixture->agent, made->session->id);
	await_session(&fixture->controllers, "alice", made->session->id, ROOST__AGENT_SESSION__STATUS__RUNNING);
	struct reply again = call_make(&fixture->controllers, &call);
	reply_expect_success(&again, "session.create again");
	assert_int_equal(again.body.size, first.body.size);
	assert_memory_equal(again.body.data, first.body.data, first.body.size);
	request.label = "other work";
	struct reply other = call_make(&fixture->controllers, &call);
	reply_expect_error(&other, ERROR_IDEMPOTENCY_KEY_REUSED, "the key with another request");
	request.label = "work";
	call.key = "a-second-time";
	other = call_make(&fixture->controllers, &call);
	const Roost__CreateSessionResponse *second = reply_expect_success(&other, "another key");
	assert_string_not_equal(second->session->id, made->session->id);
}

/* Design 2: JSON for people, and read-your-writes by sequence. */
static void json_is_answered_with_json_and_every_reply_carries_the_sequence(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = make_json(fixture, "workspace.create", "{\"name\":\"api\"}");
	reply_expect_success(&reply, "workspace.create in JSON");
	assert_non_null(strstr((const char *)reply.body.data, "\"status\":\"creating\""));
	assert_non_null(strstr((const char *)reply.body.data, "\"displayName\":\"api\""));
	assert_true(reply.seq > 0);
	struct call call = {
	    .owner = "alice", .command = "workspace.list", .text = "{}", .json = true, .min_seq = reply.seq};
	struct reply list = call_make(&fixture->controllers, &call);
	assert_non_null(strstr((const char *)list.body.data, "\"displayName\":\"api\""));
	assert_true(list.seq >= reply.seq);
	reply = make_json(fixture, "workspace.get", "{\"id\":\"" ABSENT_ID "\"}");
	reply_expect_error(&reply, ERROR_WORKSPACE_NOT_FOUND, "an unknown id in JSON");
	assert_non_null(strstr((const char *)reply.body.data, "\"error\":\"workspace_not_found\""));
}

static void an_answer_waits_for_the_sequence_that_is_asked_for_and_then_gives_up(void **state)
{
	struct fixture *fixture = *state;
	struct call call = {.owner = "alice", .command = "node.list", .text = "{}", .json = true, .min_seq = 1000000};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_PLATFORM_UNAVAILABLE, "a sequence that never comes");
}

struct heard {
	int count;
	char subject[256], text[1024];
	struct arena *arena;
	const Roost__Record *record;
};

static void hear(void *context, const struct incoming *message)
{
	struct heard *heard = context;
	struct error ignored;
	heard->count++;
	snprintf(heard->subject, sizeof(heard->subject), "%s", message->subject);
	snprintf(heard->text, sizeof(heard->text), "%.*s", (int)message->data.size, (const char *)message->data.data);
	heard->record =
	    (const Roost__Record *)message_unpack(&roost__record__descriptor, message->data, heard->arena, &ignored);
}

/* Design 2: a line of JSON for people, once for each change, after the acknowledgement; and the feed's
 * record with who, why and the caller's trace. */
static void a_change_is_told_on_the_tail_and_recorded_with_its_cause(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	struct connection *alice = controllers_connection(controllers, "alice");
	struct heard tail = {.arena = controllers->arena}, feed = {.arena = controllers->arena};
	static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	connection_subscribe(alice, "roost.tail.alice.>", NULL, hear, &tail);
	connection_subscribe(alice, "roost.feed.alice.>", NULL, hear, &feed);
	struct call call = {.owner = "alice",
			    .command = "workspace.create",
			    .text = "{\"name\":\"api\",\"env\":{\"A\":\"b\"}}",
			    .key = "told-once",
			    .traceparent = trace,
			    .json = true};
	struct reply reply = call_make(controllers, &call);
	reply_expect_success(&reply, "workspace.create");
	const int two = 2; /* the placing and the workspace */
	loop_until_at_least(&controllers->loop, &tail.count, two, "the tail");
	loop_until_at_least(&controllers->loop, &feed.count, two, "the feed");
	reply = call_make(controllers, &call); /* a repetition is no change */
	loop_for(&controllers->loop, 100);
	assert_int_equal(tail.count, two);
	assert_int_equal(feed.count, two);

	char subject[256];
	const char *id = feed.record->changes[0]->workspace_created->workspace_id;
	snprintf(subject, sizeof(subject), "roost.tail.alice.%s.%s.-.workspace_created", fixture->node, id);
	assert_string_equal(tail.subject, subject);
	assert_non_null(strstr(tail.text, "\"type\":\"workspace_created\""));
	assert_null(strchr(tail.text, '\n'));
	assert_string_equal(feed.record->cause, "workspace.create");
	assert_string_equal(feed.record->actor, "alice");
	assert_string_equal(feed.record->traceparent, trace);
	assert_string_equal(feed.record->idempotency_key, "told-once");
}

/* Design 2: `nats micro ls` shows controllers, and what they have done is counted. */
static void a_controller_counts_what_it_answers(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before, after;
	assert_int_equal(controllers_shares(&fixture->controllers, &before, 1), 1);
	struct reply reply = make_json(fixture, "node.list", "{}");
	reply_expect_success(&reply, "node.list");
	reply = make_json(fixture, "node.list", "{\"limit\":0}");
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "node.list");
	assert_int_equal(controllers_shares(&fixture->controllers, &after, 1), 1);
	assert_int_equal(after, before + 2);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_node_is_listed_at_once_with_its_status),
	    TEST(the_number_of_nodes_is_limited),
	    TEST(workspaces_appear_under_their_node_and_reach_running),
	    TEST(names_are_made_unique_within_the_node_and_renaming_keeps_the_id),
	    TEST(a_full_node_refuses_with_a_sentence_that_helps),
	    TEST(a_workspace_without_a_node_goes_to_one_that_runs),
	    TEST(stop_and_restart_end_sessions_and_raise_the_generation),
	    TEST(a_deleted_workspace_is_gone_once_the_node_says_so),
	    TEST(sessions_are_listed_and_stopped_one_by_one),
	    TEST(a_session_needs_a_running_workspace_and_room),
	    TEST(input_reaches_the_node_once_and_output_comes_back_even_after_the_end),
	    TEST(a_node_that_does_not_answer_is_unreachable_at_once),
	    TEST(another_owners_things_do_not_exist),
	    TEST(events_of_a_deleted_workspace_are_still_told),
	    TEST(events_tell_what_happened_in_both_directions_and_page_by_page),
	    TEST(the_same_key_gives_the_first_answer_again_and_another_request_is_refused),
	    TEST(json_is_answered_with_json_and_every_reply_carries_the_sequence),
	    TEST(a_change_is_told_on_the_tail_and_recorded_with_its_cause),
	    TEST(a_controller_counts_what_it_answers),
	    TEST(an_answer_waits_for_the_sequence_that_is_asked_for_and_then_gives_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
