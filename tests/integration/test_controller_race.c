/* Two controllers on one bus, both busy with an owner who has several nodes with several workspaces each
 * (S0-01): names stay distinct, capacity is exact, a key counts once. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 4, CAPACITY = 20, CREATES = 240, RACE_TIMEOUT_MS = 90000 };

struct fixture {
	struct controllers controllers;
	const char *nodes[NODES];
	struct fake_agent *agents[NODES];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	controllers_open(controllers);
	controllers_setenv(controllers, "MAX_WORKSPACES_PER_NODE", "20");
	controllers_start(controllers, 0, NULL);
	controllers_start(controllers, 1, NULL);
	controllers_wait_ready(controllers);
	uint64_t shares[2];
	controllers_shares(controllers, shares, 2); /* both are there */
	for (int i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "node-%d", i);
		fixture->nodes[i] = make_node(controllers, "alice", name);
		struct fake_agent_settings settings = {
		    .loop = &controllers->loop,
		    .url = nats_server_url(controllers->server),
		    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
		    .node_id = fixture->nodes[i],
		};
		fixture->agents[i] = fake_agent_start(&settings);
		await_node(controllers, "alice", fixture->nodes[i], ROOST__NODE__STATUS__RUNNING);
	}
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < NODES; i++)
		fake_agent_stop(fixture->agents[i]);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static void expect_both_busy(struct fixture *fixture, uint64_t least)
{
	uint64_t shares[2];
	assert_int_equal(controllers_shares(&fixture->controllers, shares, 2), 2);
	if (shares[0] < least || shares[1] < least)
		fail_msg("one controller was idle: %llu and %llu commands", (unsigned long long)shares[0],
			 (unsigned long long)shares[1]);
}

static const Roost__ListWorkspacesResponse *list(struct fixture *fixture, const char *node)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	request.node_id = node;
	request.has_limit = true;
	request.limit = 500;
	struct call call = {.owner = "alice", .command = "workspace.list", .request = &request.base};
	struct reply reply = call_until_final(&fixture->controllers, &call, RACE_TIMEOUT_MS);
	return reply_expect_success(&reply, "workspace.list");
}

static void expect_distinct(const Roost__ListWorkspacesResponse *response)
{
	for (size_t i = 0; i < response->n_workspaces; i++)
		for (size_t k = i + 1; k < response->n_workspaces; k++)
			if (strcasecmp(response->workspaces[i]->display_name, response->workspaces[k]->display_name) ==
			    0)
				fail_msg("two workspaces are called \"%s\"", response->workspaces[i]->display_name);
}

/* S0-08, S0-18, S0-40, D5: every create is sent twice with the same key, to whichever controller takes it. */
static void racing_creates_fill_nodes_exactly_and_each_key_counts_once(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	struct call *calls = arena_array_of(arena, struct call, 2 * CREATES);
	struct reply *replies = arena_array_of(arena, struct reply, 2 * CREATES);
	for (int i = 0; i < CREATES; i++) {
		Roost__CreateWorkspaceRequest *request;
		arena_message(arena, request, roost__create_workspace_request__init);
		request->name = i % 2 ? "api" : "API";
		request->node_id = fixture->nodes[i % NODES];
		calls[2 * i] = calls[2 * i + 1] = (struct call){
		    .owner = "alice",
		    .command = "workspace.create",
		    .request = &request->base,
		    .key = arena_printf(arena, "create-%d", i),
		};
	}
	calls_until_final(&fixture->controllers, calls, replies, 2 * CREATES, RACE_TIMEOUT_MS, NULL, NULL);

	int made = 0;
	for (int i = 0; i < CREATES; i++) {
		const Roost__CreateWorkspaceResponse *one = replies[2 * i].message, *other = replies[2 * i + 1].message;
		assert_int_equal(replies[2 * i].error.code, replies[2 * i + 1].error.code);
		if (one == NULL) {
			reply_expect_error(&replies[2 * i], ERROR_NODE_AT_CAPACITY, "a create");
			continue;
		}
		made++;
		assert_string_equal(one->workspace->id, other->workspace->id);
		assert_string_equal(one->workspace->display_name, other->workspace->display_name);
	}
	assert_int_equal(made, NODES * CAPACITY);
	for (int i = 0; i < NODES; i++) {
		const Roost__ListWorkspacesResponse *response = list(fixture, fixture->nodes[i]);
		assert_int_equal(response->n_workspaces, CAPACITY);
		expect_distinct(response);
	}
	expect_both_busy(fixture, CREATES / 8);
}

/* S0-08, S0-40 */
static void racing_renames_to_one_name_stay_distinct(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	enum { RENAMES = 200 };
	const char *ids[CAPACITY];
	struct call *calls = arena_array_of(arena, struct call, RENAMES);
	struct reply *replies = arena_array_of(arena, struct reply, RENAMES);
	for (int i = 0; i < CAPACITY; i++)
		ids[i] = make_workspace(&fixture->controllers, "alice", fixture->nodes[0], "w")->id;
	for (int i = 0; i < RENAMES; i++) {
		Roost__RenameWorkspaceRequest *request;
		arena_message(arena, request, roost__rename_workspace_request__init);
		request->id = ids[i % CAPACITY];
		request->display_name = i % 3 ? "same" : "other";
		calls[i] = (struct call){.owner = "alice",
					 .command = "workspace.rename",
					 .request = &request->base,
					 .key = arena_printf(arena, "rename-%d", i)};
	}
	calls_until_final(&fixture->controllers, calls, replies, RENAMES, RACE_TIMEOUT_MS, NULL, NULL);
	for (int i = 0; i < RENAMES; i++)
		reply_expect_success(&replies[i], "workspace.rename");
	expect_distinct(list(fixture, fixture->nodes[0]));
	expect_both_busy(fixture, RENAMES / 8);
}

/* Design 3: the claim in the owner's aggregate keeps a retry from choosing another node. */
static void racing_creates_without_a_node_are_placed_once_each(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->controllers.arena;
	enum { PLACED = NODES * CAPACITY / 2 };
	struct call *calls = arena_array_of(arena, struct call, 2 * PLACED);
	struct reply *replies = arena_array_of(arena, struct reply, 2 * PLACED);
	for (int i = 0; i < PLACED; i++) {
		Roost__CreateWorkspaceRequest *request;
		arena_message(arena, request, roost__create_workspace_request__init);
		request->name = "anywhere";
		calls[2 * i] = calls[2 * i + 1] = (struct call){.owner = "alice",
								.command = "workspace.create",
								.request = &request->base,
								.key = arena_printf(arena, "place-%d", i)};
	}
	calls_until_final(&fixture->controllers, calls, replies, 2 * PLACED, RACE_TIMEOUT_MS, NULL, NULL);
	size_t there = 0;
	for (int i = 0; i < PLACED; i++) {
		const Roost__CreateWorkspaceResponse *one = reply_expect_success(&replies[2 * i], "workspace.create");
		const Roost__CreateWorkspaceResponse *other = reply_expect_success(&replies[2 * i + 1], "the same");
		assert_string_equal(one->workspace->id, other->workspace->id);
		assert_string_equal(one->workspace->node_id, other->workspace->node_id);
	}
	for (int i = 0; i < NODES; i++)
		there += list(fixture, fixture->nodes[i])->n_workspaces;
	assert_int_equal(there, PLACED);
	expect_both_busy(fixture, PLACED / 8);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(racing_creates_fill_nodes_exactly_and_each_key_counts_once),
	    TEST(racing_renames_to_one_name_stay_distinct),
	    TEST(racing_creates_without_a_node_are_placed_once_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
