/* What has become of a stop or a delete, in every status, with and without something left behind (S4-25,
 * S4-26). */
#include "controller/commands/outcome.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
	struct world *world;
	struct arena *arena;
	const char *node, *workspace;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->world = world_new();
	fixture->arena = arena_new();
	fixture->node = world_make_node(fixture->world, "node");
	fixture->workspace = world_make_workspace(fixture->world, fixture->node, "api");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	arena_free(fixture->arena);
	world_free(fixture->world);
	free(fixture);
	return 0;
}

static struct watched *watch(struct fixture *fixture, const struct goal *goal)
{
	struct answer answer = {0};
	if (goal->of_node)
		answer.node = fixture->world->store->node(fixture->world->store->context, fixture->node, fixture->arena)
				  ->resource;
	else
		answer.workspace =
		    fixture->world->store->workspace(fixture->world->store->context, fixture->workspace, fixture->arena)
			->resource;
	return outcome_watch(fixture->world->store, goal, &answer, fixture->arena);
}

static void leave_behind(struct fixture *fixture, bool left)
{
	const struct entity_store *store = fixture->world->store;
	Roost__WorkspaceState *workspace = store->workspace(store->context, fixture->workspace, fixture->arena);
	Roost__LeftBehind behind = ROOST__LEFT_BEHIND__INIT;
	behind.has_processes = true;
	behind.processes = 2;
	workspace->left = left ? &behind : NULL;
	store->put_workspace(store->context, workspace);
}

/* '.' under way, 'o' done or overtaken, 'x' failed: for each status of a workspace from creating on. */
static void expect_of_workspace(struct fixture *fixture, const struct goal *goal, bool left, const char *expected)
{
	struct watched *watched = watch(fixture, goal);
	for (size_t i = 0; expected[i] != '\0'; i++) {
		struct outcome outcome;
		world_force_workspace(fixture->world, fixture->workspace, (Roost__Workspace__Status)(i + 1));
		leave_behind(fixture, left && i + 1 != ROOST__WORKSPACE__STATUS__DELETED);
		outcome_look(fixture->world->store, watched, fixture->arena, &outcome);
		char found = !outcome.settled ? '.' : outcome.failed ? 'x' : 'o';
		if (found != expected[i])
			fail_msg("%s, status %zu, %s: %c, not %c", goal->verb, i + 1, left ? "left" : "clear", found,
				 expected[i]);
		assert_int_equal(outcome.answer.workspace->status, i + 1);
		if (outcome.failed)
			assert_int_equal(outcome.refusal.code, ERROR_STOP_FAILED);
	}
}

static void a_workspace_in_every_status(void **state)
{
	struct fixture *fixture = *state;
	/* creating running stopping stopped error deleting deleted */
	expect_of_workspace(fixture, &goal_workspace_stopped, false, "oo.oxoo");
	expect_of_workspace(fixture, &goal_workspace_stopped, true, "xxxxxxo");
	expect_of_workspace(fixture, &goal_workspace_deleted, false, "oooox.o");
	expect_of_workspace(fixture, &goal_workspace_deleted, true, "xxxxxxo");
}

/* pending creating running stopping stopped error deleting deleted */
static void expect_of_node(struct fixture *fixture, const struct goal *goal, bool left, const char *expected)
{
	const struct entity_store *store = fixture->world->store;
	struct watched *watched = watch(fixture, goal);
	for (size_t i = 0; expected[i] != '\0'; i++) {
		struct outcome outcome;
		Roost__LeftBehind behind = ROOST__LEFT_BEHIND__INIT;
		world_force_node(fixture->world, fixture->node, (Roost__Node__Status)(i + 1));
		Roost__NodeState *node = store->node(store->context, fixture->node, fixture->arena);
		node->left = left ? &behind : NULL;
		store->put_node(store->context, node);
		outcome_look(store, watched, fixture->arena, &outcome);
		char found = !outcome.settled ? '.' : outcome.failed ? 'x' : 'o';
		if (found != expected[i])
			fail_msg("%s, status %zu, %s: %c, not %c", goal->verb, i + 1, left ? "left" : "clear", found,
				 expected[i]);
		assert_int_equal(outcome.answer.node->status, i + 1);
	}
}

static void a_node_in_every_status(void **state)
{
	struct fixture *fixture = *state;
	expect_of_node(fixture, &goal_node_stopped, false, "ooo.oxoo");
	expect_of_node(fixture, &goal_node_stopped, true, "xxxxxxxo");
	expect_of_node(fixture, &goal_node_deleted, false, "ooooox.o");
	expect_of_node(fixture, &goal_node_deleted, true, "xxxxxxxo");
}

/* A log that went back under somebody who waits does not know what was deleted: that is no success. */
static void what_is_not_there_at_all_is_not_deleted(void **state)
{
	struct fixture *fixture = *state;
	struct world *empty = world_new();
	struct outcome outcome;
	world_force_workspace(fixture->world, fixture->workspace, ROOST__WORKSPACE__STATUS__DELETING);
	world_force_node(fixture->world, fixture->node, ROOST__NODE__STATUS__DELETING);
	outcome_look(empty->store, watch(fixture, &goal_workspace_deleted), fixture->arena, &outcome);
	assert_false(outcome.settled);
	assert_false(outcome.failed);
	assert_int_equal(outcome.answer.workspace->status, ROOST__WORKSPACE__STATUS__DELETING);
	outcome_look(empty->store, watch(fixture, &goal_node_deleted), fixture->arena, &outcome);
	assert_false(outcome.settled);
	assert_false(outcome.failed);
	assert_int_equal(outcome.answer.node->status, ROOST__NODE__STATUS__DELETING);
	world_free(empty);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_workspace_in_every_status),
	    WITH_WORLD(a_node_in_every_status),
	    WITH_WORLD(what_is_not_there_at_all_is_not_deleted),
	};
	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
