/* A log that went back under a node, and an owner's roster that lets go of a deleted node. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

static struct world *world;
static const char *node;

static int begin(void **state)
{
	(void)state;
	world = world_new();
	node = world_make_node(world, "n");
	world_make_workspace(world, node, "api");
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static enum decision_kind claim(uint64_t log_epoch, uint64_t version)
{
	return world_take(world, decide_log_rolled_back(world_inputs(world), node, log_epoch, version))->kind;
}

static void a_node_that_holds_more_than_the_log_begins_a_new_epoch(void **state)
{
	(void)state;
	uint64_t version = world_node(world, node)->version;
	assert_int_equal(claim(0, version), DECISION_NOTHING);
	assert_int_equal(claim(0, version + 1), DECISION_APPEND);
	assert_int_equal(world_node(world, node)->log_epoch, 1);
}

/* Several controllers hear the same claim. */
static void the_same_claim_counts_once(void **state)
{
	(void)state;
	uint64_t version = world_node(world, node)->version + 100;
	assert_int_equal(claim(0, version), DECISION_APPEND);
	assert_int_equal(claim(0, version), DECISION_NOTHING);
	assert_int_equal(world_node(world, node)->log_epoch, 1);
}

/* The log went back to before the record of the earlier new epoch. */
static void a_later_epoch_than_the_logs_is_ahead_too(void **state)
{
	(void)state;
	assert_int_equal(claim(3, 1), DECISION_APPEND);
	assert_int_equal(world_node(world, node)->log_epoch, 4);
	assert_int_equal(claim(2, 1000000), DECISION_NOTHING);
}

static void an_epoch_that_has_no_next_one_is_not_believed(void **state)
{
	(void)state;
	assert_int_equal(claim(UINT64_MAX, 1), DECISION_NOTHING);
}

static void a_roster_lets_go_of_a_deleted_node_once(void **state)
{
	(void)state;
	assert_int_equal(world_take(world, decide_release_node(world_inputs(world), node))->kind, DECISION_NOTHING);
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = node;
	request.has_confirm = request.has_abandon = true;
	request.confirm = request.abandon = true;
	assert_int_equal(world_take(world, decide_delete_node(world_inputs(world), &request))->kind, DECISION_APPEND);
	assert_int_equal(world_take(world, decide_release_node(world_inputs(world), node))->kind, DECISION_APPEND);
	assert_int_equal(world_take(world, decide_release_node(world_inputs(world), node))->kind, DECISION_NOTHING);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_node_that_holds_more_than_the_log_begins_a_new_epoch),
	    TEST(the_same_claim_counts_once),
	    TEST(a_later_epoch_than_the_logs_is_ahead_too),
	    TEST(an_epoch_that_has_no_next_one_is_not_believed),
	    TEST(a_roster_lets_go_of_a_deleted_node_once),
	};
	return cmocka_run_group_tests_name("log rolled back", tests, NULL, NULL);
}
