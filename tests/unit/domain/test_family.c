/* Parents and children (S2-01, S2-12): where a child may be made, and what goes with its parent. */
#include "bus/foundation/limits.h"
#include "controller/domain/family.h"
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

static struct world *world;
static const char *node, *parent;

static int begin(void **state)
{
	(void)state;
	world = world_new();
	node = world_make_node(world, "n");
	parent = world_make_workspace(world, node, "lead");
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static struct decision *create(const char *on, const char *of, const char **id)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "child";
	request.node_id = on;
	request.parent_id = of;
	struct decision_inputs *inputs = world_inputs(world);
	*id = inputs->new_id;
	return world_take(world, decide_create_workspace(inputs, &request));
}

static const char *child_of(const char *of)
{
	const char *id;
	assert_int_equal(create(NULL, of, &id)->kind, DECISION_APPEND);
	return id;
}

static struct decision *delete_keyed(const char *id, const char *key)
{
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct decision_inputs *inputs = key == NULL ? world_inputs(world) : world_inputs_keyed(world, key, 1);
	return world_take(world, decide_delete_workspace(inputs, &request));
}

static const char *status_of(const char *id)
{
	return workspace_status_word(world_workspace(world, id)->resource->status);
}

static void test_a_child_is_made_where_its_parent_is(void **state)
{
	(void)state;
	const char *other = world_make_node(world, "m"), *id;
	const struct decision *decision = create(NULL, parent, &id);
	assert_string_equal(decision->answer.workspace->node_id, node);
	assert_string_equal(decision->answer.workspace->parent_id, parent);
	assert_string_equal(wanted_workspace(world_workspace(world, id), world->step)->parent_id, parent);
	assert_int_equal(create(node, parent, &id)->kind, DECISION_APPEND);
	decision = create(other, parent, &id);
	assert_int_equal(decision->refusal.code, ERROR_INVALID_ARGUMENT);
	assert_int_equal(strncmp(decision->refusal.message, "nodeId: ", 8), 0);
	assert_int_equal(create(NULL, world_id(world), &id)->refusal.code, ERROR_WORKSPACE_NOT_FOUND);
	world->owner = "bob"; /* D14 */
	assert_int_equal(create(NULL, parent, &id)->refusal.code, ERROR_WORKSPACE_NOT_FOUND);
}

static void test_what_is_being_deleted_gets_no_child(void **state)
{
	(void)state;
	const char *id;
	delete_keyed(parent, NULL);
	assert_int_equal(create(NULL, parent, &id)->refusal.code, ERROR_INVALID_TRANSITION);
}

static void test_a_family_is_only_so_deep(void **state)
{
	(void)state;
	const char *youngest = parent, *id;
	for (int depth = 1; depth < WORKSPACE_DEPTH_MAX; depth++)
		youngest = child_of(youngest);
	assert_int_equal(depth_of(world_workspace(world, youngest), world->store, world->step), WORKSPACE_DEPTH_MAX);
	assert_int_equal(create(NULL, youngest, &id)->refusal.code, ERROR_LIMIT_REACHED);
}

/* S4-25: one change, whose meaning for all below is part of applying it. */
static void test_a_delete_takes_all_descendants_and_nobody_else(void **state)
{
	(void)state;
	const char *child = child_of(parent), *grandchild = child_of(child), *stopped = child_of(parent),
		   *stranger = world_make_workspace(world, node, "stranger"), *cousin = child_of(stranger);
	world_report_running(world, node, grandchild, 1);
	const char *session = world_make_session(world, grandchild, "s");
	world_force_workspace(world, stopped, ROOST__WORKSPACE__STATUS__STOPPED);
	const struct decision *decision = delete_keyed(parent, NULL);
	assert_int_equal(decision->record->n_changes, 1);
	assert_int_equal(decision->cascade_deleted, 3);
	assert_non_null(strstr(world->applied.events[0]->message, "with 3 below it"));
	const char *gone[] = {parent, child, grandchild, stopped};
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(status_of(gone[i]), "deleting");
		assert_int_equal(world_workspace(world, gone[i])->wanted_version, world_node(world, node)->version);
	}
	assert_int_equal(world_session(world, session)->resource->stop_reason,
			 ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	assert_string_equal(status_of(stranger), "creating");
	assert_string_equal(status_of(cousin), "creating");
	assert_int_equal(delete_keyed(parent, NULL)->cascade_deleted, 3); /* already so: the same number */
}

static void test_what_was_being_deleted_already_is_not_counted_again(void **state)
{
	(void)state;
	const char *child = child_of(parent);
	child_of(child);
	child_of(parent);
	assert_int_equal(delete_keyed(child, NULL)->cascade_deleted, 1);
	assert_int_equal(delete_keyed(parent, NULL)->cascade_deleted, 1);
}

/* D5: the number is part of the first answer, also when nothing is left to count. */
static void test_a_repeated_delete_tells_the_same_number(void **state)
{
	(void)state;
	const char *child = child_of(parent);
	assert_int_equal(delete_keyed(parent, "k")->cascade_deleted, 1);
	world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_REMOVED, child, 0, NULL);
	world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_REMOVED, parent, 0, NULL);
	const struct decision *decision = delete_keyed(parent, "k");
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_int_equal(decision->cascade_deleted, 1);
}

/* A log of another program could hold one; nobody may hang on it. */
static void test_a_circle_does_not_hang(void **state)
{
	(void)state;
	const char *child = child_of(parent), *id;
	Roost__WorkspaceState *circle = world_workspace(world, parent);
	circle->resource->parent_id = child;
	world->store->put_workspace(world->store->context, circle);
	assert_int_equal(create(NULL, child, &id)->refusal.code, ERROR_LIMIT_REACHED);
	assert_int_equal(delete_keyed(parent, NULL)->cascade_deleted, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_child_is_made_where_its_parent_is),
	    TEST(test_what_is_being_deleted_gets_no_child),
	    TEST(test_a_family_is_only_so_deep),
	    TEST(test_a_delete_takes_all_descendants_and_nobody_else),
	    TEST(test_what_was_being_deleted_already_is_not_counted_again),
	    TEST(test_a_repeated_delete_tells_the_same_number),
	    TEST(test_a_circle_does_not_hang),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
