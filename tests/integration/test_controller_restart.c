/* What survives: a killed controller, a removed projection, a killed nats-server, a log that is another
 * one than before. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tries are short where things die: a dead controller answers nobody. */
enum { STAND_TIMEOUT_MS = 60000, TRY_MS = 2000 };

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	controllers_open(controllers);
	controllers_setenv(controllers, "MAX_WORKSPACES_PER_NODE", "10000");
	controllers_run(controllers, 0);
	fixture->node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = fixture->node,
	    .manual = true,
	};
	fixture->agent = fake_agent_start(&settings);
	fake_agent_says_node_running(fixture->agent);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
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

/* Something of everything: states, sessions, renames, a deletion, refusals, keys. */
static void live_a_little(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	const Roost__Workspace *workspaces[6];
	for (int i = 0; i < 6; i++)
		workspaces[i] = make_workspace(controllers, "alice", fixture->node, i % 2 ? "api" : "web");
	for (int i = 0; i < 5; i++) {
		fake_agent_says_workspace_step(fixture->agent, workspaces[i]->id, 1, "clone");
		fake_agent_says_workspace_running(fixture->agent, workspaces[i]->id, 1);
	}
	fake_agent_says_workspace_failed(fixture->agent, workspaces[5]->id, 1, "The repository does not exist");
	await_workspace(controllers, "alice", workspaces[5]->id, ROOST__WORKSPACE__STATUS__ERROR);
	const Roost__AgentSession *session = make_session(controllers, "alice", workspaces[0]->id);
	make_session(controllers, "alice", workspaces[1]->id);
	fake_agent_says_session_running(fixture->agent, session->id);
	fake_agent_says_session_ended(fixture->agent, session->id, 7);
	await_session(controllers, "alice", session->id, ROOST__AGENT_SESSION__STATUS__STOPPED);
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	delete.id = workspaces[2]->id;
	stop.id = workspaces[1]->id;
	struct call calls[] = {
	    {.owner = "alice", .command = "workspace.delete", .request = &delete.base, .key = "delete-1"},
	    {.owner = "alice", .command = "workspace.stop", .request = &stop.base, .key = "stop-1"},
	};
	for (int i = 0; i < 2; i++) {
		struct reply reply = call_make(controllers, &calls[i]);
		reply_expect_success(&reply, calls[i].command);
	}
	fake_agent_says_workspace_removed(fixture->agent, workspaces[2]->id);
	fake_agent_says_workspace_stopped(fixture->agent, workspaces[1]->id, 1);
	await_workspace(controllers, "alice", workspaces[1]->id, ROOST__WORKSPACE__STATUS__STOPPED);
}

enum { QUESTIONS = 8 };

static void ask_everything(struct fixture *fixture, struct reply replies[QUESTIONS])
{
	const struct call calls[QUESTIONS] = {
	    {.owner = "alice", .command = "node.list", .text = "{}", .json = true},
	    {.owner = "alice", .command = "workspace.list", .text = "{\"limit\":500}", .json = true},
	    {.owner = "alice", .command = "workspace.list", .text = "{\"limit\":2}", .json = true},
	    {.owner = "alice", .command = "session.list", .text = "{}", .json = true},
	    {.owner = "alice", .command = "event.list", .text = "{\"limit\":500}", .json = true},
	    {.owner = "alice", .command = "event.list", .text = "{\"ascending\":true,\"limit\":3}", .json = true},
	    {.owner = "bob", .command = "workspace.list", .text = "{}", .json = true},
	    {.owner = "alice",
	     .command = "workspace.create",
	     .text = "{\"name\":\"keyed\"}",
	     .key = "create-once",
	     .json = true},
	};
	for (int i = 0; i < QUESTIONS; i++) {
		replies[i] = call_until_final(&fixture->controllers, &calls[i], STAND_TIMEOUT_MS);
		reply_expect_success(&replies[i], calls[i].command);
	}
}

/* When the node last answered is live, no projection holds it; it is the last field of the node. */
static struct bytes without_last_probe(const struct reply *reply)
{
	const char *at = strstr((const char *)reply->body.data, "\"lastProbeAt\":");
	return (struct bytes){reply->body.data,
			      at == NULL ? reply->body.size : (size_t)(at - (const char *)reply->body.data)};
}

static void expect_same(const struct reply *before, const struct reply *after)
{
	for (int i = 0; i < QUESTIONS; i++) {
		struct bytes was = without_last_probe(&before[i]), is = without_last_probe(&after[i]);
		if (was.size != is.size || memcmp(was.data, is.data, was.size) != 0)
			fail_msg("answer %d was\n%s\nand is\n%s", i, before[i].body.data, after[i].body.data);
	}
}

/* D5 and the first rule of the design: the log is the truth. */
static void a_removed_projection_comes_back_the_same_byte_for_byte(void **state)
{
	struct fixture *fixture = *state;
	struct reply before[QUESTIONS], after[QUESTIONS];
	live_a_little(fixture);
	ask_everything(fixture, before); /* makes the keyed workspace */
	ask_everything(fixture, before);
	controllers_kill(&fixture->controllers, 0);
	controllers_remove_database(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 0);
	ask_everything(fixture, after);
	expect_same(before, after);
	controllers_kill(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 0);
	ask_everything(fixture, after);
	expect_same(before, after);
}

static void a_second_controller_gives_the_same_answers(void **state)
{
	struct fixture *fixture = *state;
	struct reply before[QUESTIONS], after[QUESTIONS];
	live_a_little(fixture);
	ask_everything(fixture, before);
	ask_everything(fixture, before);
	controllers_run(&fixture->controllers, 1);
	controllers_stop(&fixture->controllers, 0);
	ask_everything(fixture, after);
	expect_same(before, after);
}

struct load {
	struct fixture *fixture;
	int kills;
	int64_t next_ms;
	void (*hit)(struct fixture *fixture);
};

static void kill_server(struct fixture *fixture)
{
	nats_server_kill(fixture->controllers.server);
	nats_server_resume(fixture->controllers.server);
}

static void kill_controller(struct fixture *fixture)
{
	controllers_kill(&fixture->controllers, 0);
	controllers_start(&fixture->controllers, 0, NULL);
}

/* One of two dies, and the other goes on alone until it is back. */
static void kill_one_of_two(struct fixture *fixture)
{
	int victim = rand() % 2;
	controllers_kill(&fixture->controllers, victim);
	if (rand() % 2)
		controllers_remove_database(&fixture->controllers, victim);
	controllers_start(&fixture->controllers, victim, NULL);
}

/* Strikes while calls are on their way, at random moments. */
static void strike(void *context)
{
	struct load *load = context;
	if (load->kills == 0 || clock_monotonic_ms() < load->next_ms)
		return;
	load->kills--;
	load->hit(load->fixture);
	load->next_ms = clock_monotonic_ms() + 100 + rand() % 400;
}

static void stand(struct fixture *fixture, void (*hit)(struct fixture *fixture))
{
	enum { CREATES = 200, KILLS = 5 };
	struct controllers *controllers = &fixture->controllers;
	struct arena *arena = controllers->arena;
	struct call *calls = arena_array_of(arena, struct call, CREATES);
	struct reply *replies = arena_array_of(arena, struct reply, CREATES);
	struct load load = {.fixture = fixture, .kills = KILLS, .hit = hit};
	int made = 0;
	for (int round = 0; load.kills > 0; round++) {
		for (int i = 0; i < CREATES; i++) {
			Roost__CreateWorkspaceRequest *request;
			arena_message(arena, request, roost__create_workspace_request__init);
			request->name = "w";
			request->node_id = i % 4 == 0 ? NULL : fixture->node;
			calls[i] = (struct call){.owner = "alice",
						 .command = "workspace.create",
						 .request = &request->base,
						 .timeout_ms = TRY_MS,
						 .key = arena_printf(arena, "stand-%d-%d", round, i)};
		}
		calls_until_final(controllers, calls, replies, CREATES, STAND_TIMEOUT_MS, strike, &load);
		made += CREATES;
		for (int i = 0; i < CREATES; i++) {
			const Roost__CreateWorkspaceResponse *response =
			    reply_expect_success(&replies[i], "workspace.create");
			get_workspace(controllers, "alice", response->workspace->id);
		}
	}
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = fixture->node;
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	struct reply reply = call_until_final(controllers, &call, STAND_TIMEOUT_MS);
	const Roost__GetNodeResponse *response = reply_expect_success(&reply, "node.get");
	assert_int_equal(response->node->capacity->used, made);
}

static void a_server_killed_under_load_loses_and_doubles_nothing(void **state)
{
	stand(*state, kill_server);
}

static void a_controller_killed_at_random_under_load_loses_and_doubles_nothing(void **state)
{
	stand(*state, kill_controller);
}

static void two_controllers_killed_in_turn_lose_and_double_nothing(void **state)
{
	struct fixture *fixture = *state;
	controllers_run(&fixture->controllers, 1);
	stand(fixture, kill_one_of_two);
}

/* Design 3: a projection compares the log's identity and is rebuilt, and says so. */
static void a_log_that_was_replaced_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	make_workspace(controllers, "alice", fixture->node, "of the old log");
	nats_server_wipe(controllers->server);
	nats_server_resume(controllers->server);
	struct call call = {.owner = "alice", .command = "workspace.list", .text = "{}", .json = true};
	struct reply reply = call_until_final(controllers, &call, STAND_TIMEOUT_MS);
	reply_expect_success(&reply, "workspace.list");
	assert_non_null(strstr((const char *)reply.body.data, "\"workspaces\":[]"));
	assert_int_equal(reply.seq, 0);
	make_node(controllers, "alice", "of the new log");
	assert_non_null(strstr(controllers_log(controllers, 0), "rebuil"));
}

/* Design 3: what is left of the disk is for ending things. */
static void a_nearly_full_disk_refuses_creates_and_still_lets_things_end(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	Roost__CreateWorkspaceRequest create = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	create.name = "before";
	struct call creating = {
	    .owner = "alice", .command = "workspace.create", .request = &create.base, .key = "before"};
	struct reply first = call_make(controllers, &creating);
	const Roost__CreateWorkspaceResponse *made = reply_expect_success(&first, "workspace.create");
	stop.id = delete.id = made->workspace->id;
	controllers_stop(controllers, 0);
	controllers_setenv(controllers, "DISK_RESERVE_MB", "1048576");
	controllers_run(controllers, 0);
	struct reply reply = call_make(controllers, &creating);
	reply_expect_success(&reply, "the first answer again");
	assert_memory_equal(reply.body.data, first.body.data, first.body.size);
	creating.key = "after";
	reply = call_make(controllers, &creating);
	reply_expect_error(&reply, ERROR_PLATFORM_UNAVAILABLE, "workspace.create on a full disk");
	assert_non_null(reply.correlation);
	struct call stopping = {.owner = "alice", .command = "workspace.stop", .request = &stop.base};
	struct call deleting = {.owner = "alice", .command = "workspace.delete", .request = &delete.base};
	reply = call_make(controllers, &stopping);
	reply_expect_success(&reply, "workspace.stop on a full disk");
	reply = call_make(controllers, &deleting);
	reply_expect_success(&reply, "workspace.delete on a full disk");
}

static void a_stopping_controller_ends_what_it_began_and_exits_cleanly(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	enum { CREATES = 50 };
	struct call calls[CREATES];
	struct reply replies[CREATES];
	controllers_run(controllers, 1);
	for (int i = 0; i < CREATES; i++) {
		Roost__CreateWorkspaceRequest *request;
		arena_message(controllers->arena, request, roost__create_workspace_request__init);
		request->name = "w";
		request->node_id = fixture->node;
		calls[i] = (struct call){.owner = "alice", .command = "workspace.create", .request = &request->base};
		call_send(controllers, &calls[i], &replies[i]);
	}
	loop_for(&controllers->loop, 5);
	process_signal(&controllers->processes[0], SIGTERM);
	for (int i = 0; i < CREATES; i++) {
		loop_until_true(&controllers->loop, &replies[i].done, "an answer while a controller stops");
		reply_expect_success(&replies[i], "workspace.create while a controller stops");
	}
	assert_int_equal(process_wait(&controllers->processes[0], STAND_TIMEOUT_MS), 0);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_removed_projection_comes_back_the_same_byte_for_byte),
	    TEST(a_second_controller_gives_the_same_answers),
	    TEST(a_server_killed_under_load_loses_and_doubles_nothing),
	    TEST(a_controller_killed_at_random_under_load_loses_and_doubles_nothing),
	    TEST(two_controllers_killed_in_turn_lose_and_double_nothing),
	    TEST(a_log_that_was_replaced_is_noticed),
	    TEST(a_nearly_full_disk_refuses_creates_and_still_lets_things_end),
	    TEST(a_stopping_controller_ends_what_it_began_and_exits_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
