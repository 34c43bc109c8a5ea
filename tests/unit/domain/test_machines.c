/* The state machines, exhaustively: every pair of states, against tables written out here by hand. */
#include "controller/domain/states.h"
#include "tests/unit/cmocka_all.h"

#include <ctype.h>
#include <string.h>

/* Rows are from, columns to, in the order of the enum; x is a legal move. */
static const char *const node_moves[] = {
    /*            pcrsSedD */
    /* pending */ ".x....x.",
    /* creating*/ "..x..xx.",
    /* running */ "...x.xx.",
    /* stopping*/ "....xxx.",
    /* stopped */ ".x....x.",
    /* error   */ ".x.x..x.",
    /* deleting*/ ".......x",
    /* deleted */ "........",
};
static const char *const workspace_moves[] = {
    /*            crsSedD */
    /* creating*/ ".xx.xx.",
    /* running */ "x.x.xx.",
    /* stopping*/ "...xxx.",
    /* stopped */ "x....x.",
    /* error   */ "x.x..x.",
    /* deleting*/ "......x",
    /* deleted */ ".......",
};
static const char *const session_moves[] = {
    /*            srtSe */
    /* starting*/ ".xxxx",
    /* running */ "..xxx",
    /* stopping*/ "...xx",
    /* stopped */ ".....",
    /* error   */ "..x..",
};

static bool legal(const char *const *moves, int count, int from, int to)
{
	return from >= 1 && from <= count && to >= 1 && to <= count && moves[from - 1][to - 1] == 'x';
}

static void test_exactly_the_designed_moves_are_legal(void **state)
{
	(void)state;
	for (int from = -1; from < 12; from++) {
		for (int to = -1; to < 12; to++) {
			assert_int_equal(node_may_move((Roost__Node__Status)from, (Roost__Node__Status)to),
					 legal(node_moves, 8, from, to));
			assert_int_equal(
			    workspace_may_move((Roost__Workspace__Status)from, (Roost__Workspace__Status)to),
			    legal(workspace_moves, 7, from, to));
			assert_int_equal(
			    session_may_move((Roost__AgentSession__Status)from, (Roost__AgentSession__Status)to),
			    legal(session_moves, 5, from, to));
		}
	}
}

static void assert_words(const ProtobufCEnumDescriptor *descriptor, const char *(*word_of)(int number))
{
	for (unsigned i = 0; i < descriptor->n_values; i++) {
		const char *word = word_of(descriptor->values[i].value);
		assert_non_null(word);
		assert_int_equal(strlen(word), strlen(descriptor->values[i].name));
		for (size_t j = 0; word[j] != '\0'; j++)
			assert_int_equal(toupper((unsigned char)word[j]), descriptor->values[i].name[j]);
	}
	assert_null(word_of(0));
	assert_null(word_of((int)descriptor->n_values + 1));
}

static const char *node_word(int number)
{
	return node_status_word((Roost__Node__Status)number);
}

static const char *workspace_word(int number)
{
	return workspace_status_word((Roost__Workspace__Status)number);
}

static const char *session_word(int number)
{
	return session_status_word((Roost__AgentSession__Status)number);
}

/* S2-09: the tables have every value of the enums, and their words. */
static void test_every_status_of_the_schema_is_in_its_table(void **state)
{
	(void)state;
	assert_words(&roost__node__status__descriptor, node_word);
	assert_words(&roost__workspace__status__descriptor, workspace_word);
	assert_words(&roost__agent_session__status__descriptor, session_word);
}

/* Every move through its door: a legal one sets the status and its time and forgets what was only about the
 * old one; an illegal one changes nothing at all. */
static void test_every_move_goes_through_its_door_or_not_at_all(void **state)
{
	(void)state;
	for (int from = 1; from <= 8; from++) {
		for (int to = 1; to <= 8; to++) {
			Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
			Roost__Node resource = ROOST__NODE__INIT;
			Roost__NodeState node = ROOST__NODE_STATE__INIT;
			node.resource = &resource;
			node.left = &left;
			node.has_tried_again_at = true;
			resource.status = (Roost__Node__Status)from;
			bool moved = node_move(&node, (Roost__Node__Status)to, 9);
			assert_int_equal(moved, legal(node_moves, 8, from, to));
			assert_int_equal(resource.status, moved ? to : from);
			assert_int_equal(node.status_since_at, moved ? 9 : 0);
			assert_int_equal(resource.updated_at, moved ? 9 : 0);
			assert_int_equal(node.left == NULL, moved);
			assert_int_equal(node.has_tried_again_at, !moved);
		}
	}
	for (int from = 1; from <= 7; from++) {
		for (int to = 1; to <= 7; to++) {
			Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
			Roost__Workspace resource = ROOST__WORKSPACE__INIT;
			Roost__WorkspaceState workspace = ROOST__WORKSPACE_STATE__INIT;
			workspace.resource = &resource;
			workspace.left = &left;
			workspace.has_deadline_at = workspace.has_tried_again_at = true;
			resource.status = (Roost__Workspace__Status)from;
			bool moved = workspace_move(&workspace, (Roost__Workspace__Status)to, 9);
			assert_int_equal(moved, legal(workspace_moves, 7, from, to));
			assert_int_equal(resource.status, moved ? to : from);
			assert_int_equal(workspace.status_since_at, moved ? 9 : 0);
			assert_int_equal(workspace.left == NULL, moved);
			assert_int_equal(workspace.has_deadline_at, !moved);
			assert_int_equal(workspace.has_tried_again_at, !moved);
		}
	}
	for (int from = 1; from <= 5; from++) {
		for (int to = 1; to <= 5; to++) {
			Roost__AgentSession resource = ROOST__AGENT_SESSION__INIT;
			Roost__SessionState session = ROOST__SESSION_STATE__INIT;
			session.resource = &resource;
			session.has_tried_again_at = true;
			resource.status = (Roost__AgentSession__Status)from;
			bool moved = session_move(&session, (Roost__AgentSession__Status)to, 9);
			assert_int_equal(moved, legal(session_moves, 5, from, to));
			assert_int_equal(resource.status, moved ? to : from);
			assert_int_equal(session.status_since_at, moved ? 9 : 0);
			assert_int_equal(session.has_tried_again_at, !moved);
		}
	}
}

static void test_the_doors_change_what_is_legal_and_nothing_else(void **state)
{
	(void)state;
	Roost__Workspace resource = ROOST__WORKSPACE__INIT;
	Roost__WorkspaceState workspace = ROOST__WORKSPACE_STATE__INIT;
	workspace.resource = &resource;
	workspace.has_deadline_at = true;
	resource.status = ROOST__WORKSPACE__STATUS__CREATING;
	resource.updated_at = 5;
	assert_false(workspace_move(&workspace, ROOST__WORKSPACE__STATUS__STOPPED, 9));
	assert_int_equal(resource.status, ROOST__WORKSPACE__STATUS__CREATING);
	assert_int_equal(resource.updated_at, 5);
	assert_true(workspace.has_deadline_at);
	assert_true(workspace_move(&workspace, ROOST__WORKSPACE__STATUS__RUNNING, 9));
	assert_int_equal(resource.status, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(resource.updated_at, 9);
	assert_false(workspace.has_deadline_at);

	Roost__AgentSession session_resource = ROOST__AGENT_SESSION__INIT;
	Roost__SessionState session = ROOST__SESSION_STATE__INIT;
	session.resource = &session_resource;
	session_resource.status = ROOST__AGENT_SESSION__STATUS__STOPPING;
	assert_false(session_move(&session, ROOST__AGENT_SESSION__STATUS__RUNNING, 9));
	assert_false(session_resource.has_stopped_at);
	assert_true(session_move(&session, ROOST__AGENT_SESSION__STATUS__STOPPED, 9));
	assert_int_equal(session_resource.stopped_at, 9);

	Roost__Node node_resource = ROOST__NODE__INIT;
	Roost__NodeState node = ROOST__NODE_STATE__INIT;
	node.resource = &node_resource;
	node_resource.status = ROOST__NODE__STATUS__DELETED;
	for (int to = 1; to <= 8; to++)
		assert_false(node_move(&node, (Roost__Node__Status)to, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exactly_the_designed_moves_are_legal),
	    cmocka_unit_test(test_every_status_of_the_schema_is_in_its_table),
	    cmocka_unit_test(test_every_move_goes_through_its_door_or_not_at_all),
	    cmocka_unit_test(test_the_doors_change_what_is_legal_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
