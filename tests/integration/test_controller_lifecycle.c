/* The verbs of nodes, and what workspaces got with them, over two controllers: confirmations list what
 * dies, deletes need the node's word or an abandonment, names and limits hold, keys count once. */
#include "tests/integration/lifecycle_fixture.h"

#include "bus/foundation/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* S0-22, S0-34, D10 */
static void stopping_a_node_lists_what_ends_and_then_ends_it(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	const char *api = running_workspace(fixture, "api", NULL);
	running_workspace(fixture, "web", NULL);
	const Roost__AgentSession *session = make_session(controllers, "alice", api);
	await_session(controllers, "alice", session->id, ROOST__AGENT_SESSION__STATUS__RUNNING);
	struct reply reply = ask(fixture, "node.stop", "{\"id\":\"%s\"}", fixture->node);
	reply_expect_error(&reply, ERROR_CONFIRMATION_REQUIRED, "a stop without a confirmation");
	assert_string_equal(reply_detail(&reply, "workspaces"), "2");
	assert_string_equal(reply_detail(&reply, "sessions"), "1");
	assert_non_null(strstr(reply_detail(&reply, api), "api"));
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);

	reply = ask(fixture, "node.stop", "{\"id\":\"%s\",\"confirm\":true,\"waitMs\":20000}", fixture->node);
	expect_answer(&reply, "\"status\":\"stopped\"");
	await_workspace(controllers, "alice", api, ROOST__WORKSPACE__STATUS__STOPPED);
	session = await_session(controllers, "alice", session->id, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_int_equal(session->stop_reason, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	reply = ask(fixture, "workspace.restart", "{\"id\":\"%s\"}", api);
	reply_expect_error(&reply, ERROR_NODE_NOT_RUNNING, "a start on a stopped node");

	reply = ask(fixture, "node.start", "{\"id\":\"%s\"}", fixture->node);
	expect_answer(&reply, "\"status\":\"creating\"");
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	await_workspace(controllers, "alice", api, ROOST__WORKSPACE__STATUS__STOPPED);
	reply = ask(fixture, "workspace.restart", "{\"id\":\"%s\"}", api);
	expect_answer(&reply, "\"status\":\"creating\"");
	await_workspace(controllers, "alice", api, ROOST__WORKSPACE__STATUS__RUNNING);
}

static bool is_done(void *context)
{
	return fake_agent_is_done(context);
}

/* S0-23, D10: and the owner may have another in its place. */
static void a_deleted_node_is_gone_with_all_that_was_on_it(void **state)
{
	struct fixture *fixture = *state;
	const char *api = running_workspace(fixture, "api", NULL);
	make_node(&fixture->controllers, "alice", "second");
	struct reply reply = ask(fixture, "node.create", "{\"name\":\"third\"}");
	reply_expect_error(&reply, ERROR_LIMIT_REACHED, "a third node");
	reply = ask(fixture, "node.delete", "{\"id\":\"%s\"}", fixture->node);
	reply_expect_error(&reply, ERROR_CONFIRMATION_REQUIRED, "a delete without a confirmation");
	assert_string_equal(reply_detail(&reply, "workspaces"), "1");
	reply = ask(fixture, "node.delete", "{\"id\":\"%s\",\"confirm\":true,\"waitMs\":20000}", fixture->node);
	expect_answer(&reply, "\"success\":true");
	expect_answer(&reply, "\"status\":\"deleted\"");
	loop_until(&fixture->controllers.loop, is_done, fixture->agent, PATIENCE_MS,
		   "the answer to the node's last word");
	await_gone(fixture, "node.get", fixture->node);
	await_gone(fixture, "workspace.get", api);
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	do { /* the roster lets go as an effect */
		loop_for(&fixture->controllers.loop, 20);
		reply = ask(fixture, "node.create", "{\"name\":\"third\"}");
	} while (reply.error.code == ERROR_LIMIT_REACHED && clock_monotonic_ms() < deadline_ms);
	expect_answer(&reply, "\"name\":\"third\"");
}

static void a_node_whose_agent_never_came_is_deleted_at_once(void **state)
{
	struct fixture *fixture = *state;
	const char *second = make_node(&fixture->controllers, "alice", "second");
	struct reply reply = ask(fixture, "node.delete", "{\"id\":\"%s\"}", second);
	expect_answer(&reply, "\"status\":\"deleted\"");
	await_gone(fixture, "node.get", second);
}

static bool is_wanted_away(void *context)
{
	const struct fixture *fixture = context;
	return fake_agent_wanted_node(fixture->agent) == ROOST__WANTED_NODE__DESIRED__REMOVE;
}

/* D17: the list of what may be left, then deleted; the agent that returns is told to clean up, no more. */
static void a_node_that_never_returns_is_abandoned_knowingly(void **state)
{
	struct fixture *fixture = *state;
	const char *api = running_workspace(fixture, "api", NULL);
	lifecycle_stop_agent(fixture);
	struct reply reply =
	    ask(fixture, "node.delete", "{\"id\":\"%s\",\"confirm\":true,\"waitMs\":300}", fixture->node);
	expect_answer(&reply, "\"status\":\"deleting\"");
	reply = ask(fixture, "node.delete", "{\"id\":\"%s\",\"abandon\":true}", fixture->node);
	reply_expect_error(&reply, ERROR_CONFIRMATION_REQUIRED, "an abandonment without a confirmation");
	assert_non_null(strstr(reply_detail(&reply, api), "api"));
	reply = ask(fixture, "node.delete", "{\"id\":\"%s\",\"abandon\":true,\"confirm\":true}", fixture->node);
	expect_answer(&reply, "\"status\":\"deleted\"");
	await_gone(fixture, "node.get", fixture->node);
	lifecycle_start_agent(fixture, false);
	loop_until(&fixture->controllers.loop, is_wanted_away, fixture, PATIENCE_MS, "the returned agent's orders");
	await_gone(fixture, "node.get", fixture->node);
}

/* S2-01, S2-12: a child is where its parent is; collapsed is a view and nothing else. */
static void children_stay_with_their_parent_and_collapse_is_only_shown(void **state)
{
	struct fixture *fixture = *state;
	const char *parent = running_workspace(fixture, "parent", NULL);
	const char *child = running_workspace(fixture, "child", parent);
	const Roost__Workspace *made = get_workspace(&fixture->controllers, "alice", child);
	assert_string_equal(made->parent_id, parent);
	assert_string_equal(made->node_id, fixture->node);
	struct reply reply = ask(fixture, "workspace.update", "{\"id\":\"%s\",\"collapsed\":true}", parent);
	expect_answer(&reply, "\"collapsed\":true");
	assert_int_equal(get_workspace(&fixture->controllers, "alice", child)->status,
			 ROOST__WORKSPACE__STATUS__RUNNING);
	reply = ask(fixture, "workspace.update", "{\"id\":\"%s\",\"displayName\":\"child\"}", parent);
	expect_answer(&reply, "\"displayName\":\"child (2)\"");
	reply = ask(fixture, "workspace.update", "{\"id\":\"%s\"}", parent);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "an update of nothing");
}

/* D6: a rebuild is a new generation of its own kind. */
static void a_rebuilt_workspace_runs_again(void **state)
{
	struct fixture *fixture = *state;
	const char *api = running_workspace(fixture, "api", NULL);
	make_session(&fixture->controllers, "alice", api);
	struct reply reply = ask(fixture, "workspace.rebuild", "{\"id\":\"%s\"}", api);
	expect_answer(&reply, "\"status\":\"creating\"");
	const Roost__Workspace *again;
	do /* the other controller may still tell of the first generation */
		again = await_workspace(&fixture->controllers, "alice", api, ROOST__WORKSPACE__STATUS__RUNNING);
	while (again->generation < 2);
	assert_int_equal(again->generation, 2);
	assert_true(again->prior_sessions_ended);
}

static bool is_removed(void *context)
{
	const struct fake_workspace *workspace = context;
	return workspace->removed;
}

/* D16: the owner's word removes what no log knows. */
static void what_nobody_knows_is_reaped_on_its_owners_word(void **state)
{
	struct fixture *fixture = *state;
	const char *id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
	fake_agent_has_unknown(fixture->agent, id, "alice", clock_wall_ms());
	struct reply reply = ask(fixture, "workspace.reap", "{\"id\":\"%s\"}", id);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "a reap without a node");
	reply = ask(fixture, "workspace.reap", "{\"id\":\"%s\",\"nodeId\":\"%s\"}", id, fixture->node);
	expect_answer(&reply, "\"status\":\"deleting\"");
	loop_until(&fixture->controllers.loop, is_removed, (void *)fake_agent_workspace(fixture->agent, id),
		   PATIENCE_MS, "the reaped workspace's end");
	await_gone(fixture, "workspace.get", id);
}

enum { CAPACITY = 100, CREATES = 105 };

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* S0-08, S0-41: over two controllers, a hundred creates of one name are a hundred names, and the node's
 * limit of a hundred is met exactly. */
static void a_hundred_creates_of_one_name_give_a_hundred_names_and_no_more(void **state)
{
	struct fixture *fixture = *state;
	static struct call calls[CREATES];
	static struct reply replies[CREATES];
	const char *names[CREATES];
	int made = 0;
	struct arena *arena = fixture->controllers.arena;
	for (int i = 0; i < CREATES; i++)
		calls[i] =
		    (struct call){.owner = "alice",
				  .command = "workspace.create",
				  .json = true,
				  .key = arena_printf(arena, "create-%d", i),
				  .text = arena_printf(arena, "{\"name\":\"api\",\"nodeId\":\"%s\"}", fixture->node)};
	calls_until_final(&fixture->controllers, calls, replies, CREATES, 60000, NULL, NULL);
	for (int i = 0; i < CREATES; i++) {
		if (replies[i].error.code != ERROR_NONE)
			reply_expect_error(&replies[i], ERROR_NODE_AT_CAPACITY, "one too many");
		else
			names[made++] = answer_field(fixture, &replies[i], "displayName");
	}
	assert_int_equal(made, CAPACITY);
	qsort(names, (size_t)made, sizeof(*names), compare_names);
	for (int i = 1; i < made; i++)
		assert_string_not_equal(names[i - 1], names[i]);
	uint64_t shares[2];
	controllers_shares(&fixture->controllers, shares, 2);
	assert_true(shares[0] > 10 && shares[1] > 10); /* both had their part in it */
}

/* D5: each new verb with a key; the second answer is the first one, byte for byte. */
static void a_key_counts_once_for_each_verb(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	const char *api = running_workspace(fixture, "api", NULL);
	const char *node = fixture->node;
	const char *unknown = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
	fake_agent_has_unknown(fixture->agent, unknown, "alice", clock_wall_ms());
	const struct {
		const char *command, *text;
	} rows[] = {
	    {"workspace.update", arena_printf(arena, "{\"id\":\"%s\",\"collapsed\":true}", api)},
	    {"workspace.rebuild", arena_printf(arena, "{\"id\":\"%s\"}", api)},
	    {"workspace.reap", arena_printf(arena, "{\"id\":\"%s\",\"nodeId\":\"%s\"}", unknown, node)},
	    {"node.stop", arena_printf(arena, "{\"id\":\"%s\",\"confirm\":true}", node)},
	    {"node.start", arena_printf(arena, "{\"id\":\"%s\"}", node)},
	    {"node.delete", arena_printf(arena, "{\"id\":\"%s\",\"confirm\":true}", node)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call call = {.owner = "alice", .command = rows[i].command, .text = rows[i].text, .json = true};
		call.key = rows[i].command;
		struct reply first = call_until_final(&fixture->controllers, &call, PATIENCE_MS);
		reply_expect_success(&first, rows[i].command);
		struct reply second = call_make(&fixture->controllers, &call);
		reply_expect_success(&second, rows[i].command);
		assert_string_equal((const char *)second.body.data, (const char *)first.body.data);
		call.text = arena_printf(arena, "{\"id\":\"%s\",\"nodeId\":\"%s\"}", api, api);
		if (strcmp(rows[i].command, "workspace.reap") != 0)
			call.text = arena_printf(
			    arena, "{\"id\":\"%s\"%s}", unknown,
			    strcmp(rows[i].command, "workspace.update") == 0 ? ",\"collapsed\":false" : "");
		struct reply other = call_make(&fixture->controllers, &call);
		reply_expect_error(&other, ERROR_IDEMPOTENCY_KEY_REUSED, rows[i].command);
		if (strcmp(rows[i].command, "workspace.rebuild") == 0)
			await_workspace(&fixture->controllers, "alice", api, ROOST__WORKSPACE__STATUS__RUNNING);
		if (strcmp(rows[i].command, "node.stop") == 0)
			await_node(&fixture->controllers, "alice", node, ROOST__NODE__STATUS__STOPPED);
		if (strcmp(rows[i].command, "node.start") == 0)
			await_node(&fixture->controllers, "alice", node, ROOST__NODE__STATUS__RUNNING);
	}
	await_gone(fixture, "node.get", node);
}

/* D14 */
static void another_owners_things_do_not_exist(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	const char *api = running_workspace(fixture, "api", NULL);
	static const char *const of_nodes[] = {"node.stop", "node.start", "node.delete", "node.logs"};
	static const char *const of_workspaces[] = {"workspace.rebuild", "workspace.logs"};
	for (size_t i = 0; i < 6; i++) {
		struct call call = {.owner = "bob", .json = true};
		call.command = i < 4 ? of_nodes[i] : of_workspaces[i - 4];
		call.text = arena_printf(arena, "{\"id\":\"%s\"}", i < 4 ? fixture->node : api);
		struct reply reply = call_make(&fixture->controllers, &call);
		reply_expect_error(&reply, i < 4 ? ERROR_NODE_NOT_FOUND : ERROR_WORKSPACE_NOT_FOUND, call.command);
	}
}

/* S4-21, S4-22: declared by a template that came after the controllers had started. */
static void a_template_tells_how_long_a_start_may_take(void **state)
{
	struct fixture *fixture = *state;
	char path[512];
	struct reply reply = ask(fixture, "workspace.create", "{\"name\":\"slow\",\"template\":\"slow\"}");
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "a template that is not there");
	snprintf(path, sizeof(path), "%s/templates", nats_server_folder(fixture->controllers.server));
	mkdir(path, 0755);
	strcat(path, "/slow.json");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("{\"provisionTimeoutSeconds\":4321,\"env\":{\"A\":\"1\"}}", file);
	fclose(file);
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	for (int good = 0; good < 10;) { /* both controllers */
		reply = ask(fixture, "workspace.create", "{\"name\":\"slow\",\"template\":\"slow\"}");
		good = reply.error.code == ERROR_NONE ? good + 1 : 0;
		assert_true(clock_monotonic_ms() < deadline_ms);
	}
	expect_answer(&reply, "\"provisionTimeoutMs\":4321000");
}

/* S0-28: what the sweeper alone may ask for, and all that it may ask for. */
static void sweepers_and_owners_keep_to_their_own(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	const char *api = running_workspace(fixture, "api", NULL);
	struct call call = {.owner = "alice", .command = "sweep.act", .json = true};
	call.text = arena_printf(arena,
				 "{\"owner\":\"alice\",\"finding\":{\"pass\":\"stuck\",\"nodeId\":\"%s\","
				 "\"workspaceId\":\"%s\",\"reason\":\"r\",\"nextStep\":\"n\"}}",
				 fixture->node, api);
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_FORBIDDEN, "sweep.act by an owner");
	call.owner = "_system";
	reply = call_make(&fixture->controllers, &call);
	expect_answer(&reply, "\"acted\":false"); /* it runs: nothing is stuck */
	call.text = arena_printf(arena, "{\"owner\":\"alice\",\"finding\":{\"pass\":\"compaction\",\"nodeId\":\"%s\"}}",
				 fixture->node);
	reply = call_make(&fixture->controllers, &call);
	expect_answer(&reply, "\"acted\":false"); /* a short log */
	call.text = "{\"owner\":\"alice\",\"finding\":{\"pass\":\"compaction\",\"nodeId\":\"\"}}";
	reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "a compaction of no node");
	call.text = "{\"finding\":{\"pass\":\"stuck\"}}";
	reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "sweep.act about nobody");
	call.command = "node.list";
	call.text = "{}";
	reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, ERROR_FORBIDDEN, "node.list by the sweeper");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lifecycle_set_up, lifecycle_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(stopping_a_node_lists_what_ends_and_then_ends_it),
	    TEST(a_deleted_node_is_gone_with_all_that_was_on_it),
	    TEST(a_node_whose_agent_never_came_is_deleted_at_once),
	    TEST(a_node_that_never_returns_is_abandoned_knowingly),
	    TEST(children_stay_with_their_parent_and_collapse_is_only_shown),
	    TEST(a_rebuilt_workspace_runs_again),
	    TEST(what_nobody_knows_is_reaped_on_its_owners_word),
	    TEST(a_hundred_creates_of_one_name_give_a_hundred_names_and_no_more),
	    TEST(a_key_counts_once_for_each_verb),
	    TEST(another_owners_things_do_not_exist),
	    TEST(a_template_tells_how_long_a_start_may_take),
	    TEST(sweepers_and_owners_keep_to_their_own),
	};
	return cmocka_run_group_tests_name("controller_lifecycle", tests, NULL, NULL);
}
