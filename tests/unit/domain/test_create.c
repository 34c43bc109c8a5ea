/* Making nodes, workspaces and sessions: claims, placement, names, capacity, and keys. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <stdlib.h>
#include <string.h>

static struct world *world;

static int begin(void **state)
{
	(void)state;
	world = world_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static void assert_refused(const struct decision *decision, enum error_code code)
{
	assert_int_equal(decision->kind, DECISION_REFUSE);
	assert_string_equal(error_code_name(decision->refusal.code), error_code_name(code));
	assert_true(decision->refusal.message[0] != '\0');
}

static struct decision *create_workspace(struct decision_inputs *inputs, const char *node, const char *name)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = name;
	request.node_id = node;
	return world_take(world, decide_create_workspace(inputs, &request));
}

static struct decision *create_node(struct decision_inputs *inputs, const char *name)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = name;
	return world_take(world, decide_create_node(inputs, &request));
}

static void test_a_node_is_claimed_first_and_then_made(void **state)
{
	(void)state;
	struct decision_inputs *inputs = world_inputs(world);
	const struct decision *decision = create_node(inputs, " first ");
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_true(decision->again);
	assert_int_equal(decision->record->kind, ROOST__RECORD__KIND__OWNER);
	assert_string_equal(decision->record->aggregate_id, "alice");
	assert_int_equal(decision->record->changes[0]->change_case, ROOST__CHANGE__CHANGE_OWNER_NODE_CLAIMED);
	decision = create_node(world_inputs_again(world, inputs), " first ");
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_false(decision->again);
	assert_int_equal(decision->expected_last_seq, 0);
	assert_string_equal(decision->record->aggregate_id, inputs->new_id);
	assert_string_equal(decision->answer.node->name, "first");
	assert_int_equal(decision->answer.node->status, ROOST__NODE__STATUS__CREATING);
	assert_int_equal(decision->answer.node->capacity->workspaces, world->limits.max_workspaces_per_node);
	/* Decided once more, as after a lost answer without a key: it is there. */
	assert_int_equal(create_node(world_inputs_again(world, inputs), "first")->kind, DECISION_NOTHING);
}

/* S1-09: whoever retries goes on with the claim, also after a crash between the two records. */
static void test_a_retried_node_create_goes_on_with_the_claim(void **state)
{
	(void)state;
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 1);
	const char *node_id = inputs->new_id;
	assert_true(create_node(inputs, "n")->again);
	const struct decision *decision = create_node(world_inputs_keyed(world, "k", 1), "n");
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_false(decision->again);
	assert_string_equal(decision->answer.node->id, node_id);
	decision = create_node(world_inputs_keyed(world, "k", 1), "n");
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_string_equal(decision->answer.node->id, node_id);
	assert_refused(create_node(world_inputs_keyed(world, "k", 2), "m"), ERROR_IDEMPOTENCY_KEY_REUSED);
}

static void test_a_claim_that_nobody_comes_back_for_can_be_completed(void **state)
{
	(void)state;
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 1);
	const char *node_id = inputs->new_id;
	assert_true(create_node(inputs, "n")->again);
	inputs = world_inputs_keyed(world, "k", 1);
	assert_int_equal(world_take(world, decide_complete_node_claim(inputs, node_id))->kind, DECISION_APPEND);
	assert_int_equal(decide_complete_node_claim(world_inputs(world), node_id)->kind, DECISION_NOTHING);
	assert_int_equal(decide_complete_node_claim(world_inputs(world), world_id(world))->kind, DECISION_NOTHING);
	const struct decision *decision = create_node(world_inputs_keyed(world, "k", 1), "n");
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_string_equal(decision->answer.node->id, node_id);
}

/* S0-41 */
static void test_an_owner_has_at_most_so_many_nodes(void **state)
{
	(void)state;
	world->limits.max_nodes_per_user = 2;
	world_make_node(world, "one");
	world_make_node(world, "two");
	assert_refused(create_node(world_inputs(world), "three"), ERROR_LIMIT_REACHED);
	world->owner = "bob";
	world_make_node(world, "three");
}

static void test_a_node_needs_a_name_and_a_known_provider(void **state)
{
	(void)state;
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	const struct decision *decision = decide_create_node(world_inputs(world), &request);
	assert_refused(decision, ERROR_INVALID_ARGUMENT);
	assert_true(decision->certain);
	assert_memory_equal(decision->refusal.message, "name: ", 6);
	request.name = "x";
	request.provider = "moon";
	assert_refused(decide_create_node(world_inputs(world), &request), ERROR_INVALID_ARGUMENT);
}

static void test_a_workspace_begins_as_creating_with_a_deadline(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	struct decision_inputs *inputs = world_inputs(world);
	Roost__CreateWorkspaceRequest__EnvEntry variable = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *env[] = {&variable};
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	variable.key = "A";
	variable.value = "1";
	request.name = "api";
	request.node_id = node;
	request.repository = "/srv/x.git";
	request.n_env = 1;
	request.env = env;
	const char *id = inputs->new_id;
	const struct decision *decision = world_take(world, decide_create_workspace(inputs, &request));
	assert_int_equal(decision->kind, DECISION_APPEND);
	const Roost__Workspace *answer = decision->answer.workspace;
	assert_string_equal(answer->id, id);
	assert_int_equal(answer->status, ROOST__WORKSPACE__STATUS__CREATING);
	assert_int_equal(answer->generation, 1);
	assert_string_equal(answer->repository, "/srv/x.git");
	assert_string_equal(answer->branch, "");
	assert_string_equal(answer->image, "host");
	assert_int_equal(answer->created_at, inputs->now_ms);
	const Roost__WorkspaceState *workspace = world_workspace(world, id);
	assert_int_equal(workspace->deadline_at, inputs->now_ms + world->limits.provision_timeout_ms);
	assert_int_equal(workspace->wanted_version, world_node(world, node)->version);
	assert_string_equal(workspace->spec->env[0]->value, "1");
}

/* S0-08 */
static void test_a_hundred_creates_of_one_name_give_a_hundred_names(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	for (int i = 0; i < 100; i++)
		world_make_workspace(world, node, i % 2 == 0 ? "api" : " API ");
	struct workspace_states all = world->store->workspaces(world->store->context, node, world->step);
	assert_int_equal(all.count, 100);
	for (size_t i = 0; i < all.count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all.items[i]->name_key, all.items[j]->name_key);
	assert_string_equal(all.items[0]->resource->display_name, "api");
	assert_string_equal(all.items[99]->resource->display_name, "API (100)");
	/* The scope is the node. */
	const char *other = world_make_workspace(world, world_make_node(world, "m"), "api");
	assert_string_equal(world_workspace(world, other)->resource->display_name, "api");
}

/* A race as the log sees it: of two decisions over the same state one is stored, and the other, which expects
 * the same place, must be decided again. The names stay distinct, and the limit is never exceeded. */
static void test_racing_creates_get_distinct_names_and_never_exceed_the_limit(void **state)
{
	(void)state;
	world->limits.max_workspaces_per_node = 60;
	const char *node = world_make_node(world, "n");
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "api";
	request.node_id = node;
	int stored = 0, refused = 0;
	for (int i = 0; i < 100; i++) {
		struct decision_inputs *loser = world_inputs(world), *winner = world_inputs_again(world, loser);
		winner->new_id = world_id(world);
		const struct decision *lost = decide_create_workspace(loser, &request);
		struct decision *won = decide_create_workspace(winner, &request);
		assert_int_equal(lost->kind, won->kind);
		if (won->kind == DECISION_REFUSE) {
			refused++;
			continue;
		}
		assert_string_equal(lost->answer.workspace->display_name, won->answer.workspace->display_name);
		assert_int_equal(lost->expected_last_seq, won->expected_last_seq);
		const char *name = arena_strdup(world->arena, won->answer.workspace->display_name);
		world_take(world, won);
		stored++;
		const struct decision *again = decide_create_workspace(world_inputs_again(world, loser), &request);
		if (again->kind == DECISION_APPEND)
			assert_string_not_equal(again->answer.workspace->display_name, name);
		assert_true(world_node(world, node)->resource->capacity->used <= 60);
	}
	assert_int_equal(stored, 60);
	assert_int_equal(refused, 40);
}

static void test_a_full_node_takes_no_more_until_one_is_gone(void **state)
{
	(void)state;
	world->limits.max_workspaces_per_node = 2;
	const char *node = world_make_node(world, "n");
	const char *first = world_make_workspace(world, node, "a");
	world_make_workspace(world, node, "b");
	assert_refused(create_workspace(world_inputs(world), node, "c"), ERROR_NODE_AT_CAPACITY);
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = first;
	world_take(world, decide_delete_workspace(world_inputs(world), &request));
	assert_refused(create_workspace(world_inputs(world), node, "c"), ERROR_NODE_AT_CAPACITY);
	Roost__WorkspaceDeleted removed = ROOST__WORKSPACE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	removed.workspace_id = first;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_REMOVED;
	report.workspace_removed = &removed;
	world_report(world, node, &report);
	world_make_workspace(world, node, "c");
	assert_int_equal(world_node(world, node)->resource->capacity->used, 2);
}

static void test_a_workspace_needs_a_running_node_of_its_owner(void **state)
{
	(void)state;
	assert_refused(create_workspace(world_inputs(world), world_id(world), "a"), ERROR_NODE_NOT_FOUND);
	assert_refused(create_workspace(world_inputs(world), NULL, "a"), ERROR_NODE_NOT_FOUND);
	struct decision_inputs *inputs = world_inputs(world);
	const char *node = inputs->new_id;
	create_node(inputs, "n");
	create_node(world_inputs_again(world, inputs), "n");
	assert_refused(create_workspace(world_inputs(world), node, "a"), ERROR_NODE_NOT_RUNNING);
	assert_refused(create_workspace(world_inputs(world), NULL, "a"), ERROR_NODE_NOT_RUNNING);
	const char *running = world_make_node(world, "m");
	world->owner = "bob"; /* D14: somebody else's node is no node */
	assert_refused(create_workspace(world_inputs(world), running, "a"), ERROR_NODE_NOT_FOUND);
	assert_refused(create_workspace(world_inputs(world), NULL, "a"), ERROR_NODE_NOT_FOUND);
}

static void test_invalid_fields_are_named(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	static const struct {
		const char *field, *name, *repository, *branch, *image, *parent;
	} cases[] = {
	    {"name: ", "a\nb", NULL, NULL, NULL, NULL},	   {"repository: ", "a", "ext::x", NULL, NULL, NULL},
	    {"branch: ", "a", NULL, "-x", NULL, NULL},	   {"image: ", "a", NULL, NULL, "-x", NULL},
	    {"parentId: ", "a", NULL, NULL, NULL, "../x"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
		request.node_id = node;
		request.name = cases[i].name;
		request.repository = cases[i].repository;
		request.branch = cases[i].branch;
		request.image = cases[i].image;
		request.parent_id = cases[i].parent;
		const struct decision *decision = decide_create_workspace(world_inputs(world), &request);
		assert_refused(decision, ERROR_INVALID_ARGUMENT);
		assert_memory_equal(decision->refusal.message, cases[i].field, strlen(cases[i].field));
	}
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.node_id = node;
	request.name = "a";
	request.parent_id = world_id(world);
	assert_refused(decide_create_workspace(world_inputs(world), &request), ERROR_WORKSPACE_NOT_FOUND);
}

/* S2-01: a child is a normal create. */
static void test_a_child_names_its_parent(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *parent = world_make_workspace(world, node, "p");
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "c";
	request.parent_id = parent;
	const struct decision *decision = world_take(world, decide_create_workspace(world_inputs(world), &request));
	assert_string_equal(decision->answer.workspace->parent_id, parent);
}

static void test_without_a_node_the_emptiest_heard_one_is_chosen(void **state)
{
	(void)state;
	const char *one = world_make_node(world, "one"), *two = world_make_node(world, "two");
	world_make_workspace(world, one, "a");
	const struct decision *decision = create_workspace(world_inputs(world), NULL, "b");
	assert_string_equal(decision->answer.workspace->node_id, two);
	world_take(world, decide_node_health(world_inputs(world), two, ROOST__NODE__HEALTH__STALE, 1, NULL));
	decision = create_workspace(world_inputs(world), NULL, "c");
	assert_string_equal(decision->answer.workspace->node_id, one);
}

static void test_a_full_roster_is_at_capacity(void **state)
{
	(void)state;
	world->limits.max_workspaces_per_node = 1;
	world_make_workspace(world, world_make_node(world, "one"), "a");
	assert_refused(create_workspace(world_inputs(world), NULL, "b"), ERROR_NODE_AT_CAPACITY);
}

/* D5: the chosen node is a claim, so that a retry cannot choose another one. */
static void test_a_retried_placement_goes_on_with_the_first_choice(void **state)
{
	(void)state;
	const char *one = world_make_node(world, "one"), *two = world_make_node(world, "two");
	world_make_workspace(world, two, "x");
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 1);
	const char *id = inputs->new_id;
	const struct decision *decision = create_workspace(inputs, NULL, "a");
	assert_true(decision->again);
	assert_int_equal(decision->record->kind, ROOST__RECORD__KIND__OWNER);
	world_make_workspace(world, one, "y");
	world_make_workspace(world, one, "z"); /* now the other one would be chosen */
	decision = create_workspace(world_inputs_keyed(world, "k", 1), NULL, "a");
	assert_int_equal(decision->kind, DECISION_APPEND);
	assert_string_equal(decision->answer.workspace->node_id, one);
	assert_string_equal(decision->answer.workspace->id, id);
	decision = create_workspace(world_inputs_keyed(world, "k", 1), NULL, "a");
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_string_equal(decision->answer.workspace->id, id);
}

/* D5: the first answer again, as it was, whatever happened since; until the key is too old. */
static void test_a_repeated_create_gets_the_first_answer(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 1);
	const char *id = inputs->new_id;
	create_workspace(inputs, node, "api");
	world_report_running(world, node, id, 1);
	Roost__RenameWorkspaceRequest rename = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	rename.id = id;
	rename.display_name = "other";
	world_take(world, decide_rename_workspace(world_inputs(world), &rename));
	const struct decision *decision = create_workspace(world_inputs_keyed(world, "k", 1), node, "api");
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_true(decision->certain);
	assert_string_equal(decision->answer.workspace->id, id);
	assert_string_equal(decision->answer.workspace->display_name, "api");
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__CREATING);
	world->now_ms += world->limits.idempotency_ms;
	assert_int_equal(create_workspace(world_inputs_keyed(world, "k", 1), node, "api")->kind, DECISION_APPEND);
}

static void test_keys_are_an_owners_own(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	create_workspace(world_inputs_keyed(world, "k", 1), node, "api");
	world->owner = "bob";
	const char *other = world_make_node(world, "n");
	assert_int_equal(create_workspace(world_inputs_keyed(world, "k", 2), other, "api")->kind, DECISION_APPEND);
}

static struct decision *create_session(struct decision_inputs *inputs, const char *workspace)
{
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = workspace;
	return world_take(world, decide_create_session(inputs, &request));
}

/* S0-14, S0-16, S0-18 */
static void test_sessions_are_made_once_per_key_in_a_running_workspace(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *workspace = world_make_workspace(world, node, "w");
	assert_refused(create_session(world_inputs(world), workspace), ERROR_WORKSPACE_NOT_RUNNING);
	world_report_running(world, node, workspace, 1);
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 1);
	const char *id = inputs->new_id;
	const struct decision *decision = create_session(inputs, workspace);
	assert_string_equal(decision->answer.session->id, id);
	assert_true(decision->record->changes[0]->session_created->n_command > 0); /* a node starts nothing else */
	assert_string_equal(decision->answer.session->label, "shell");
	assert_string_equal(decision->answer.session->agent_type, "shell");
	assert_int_equal(decision->answer.session->status, ROOST__AGENT_SESSION__STATUS__STARTING);
	decision = create_session(world_inputs_keyed(world, "k", 1), workspace);
	assert_int_equal(decision->kind, DECISION_REPEAT);
	assert_string_equal(decision->answer.session->id, id);
	assert_int_equal(create_session(world_inputs(world), workspace)->kind, DECISION_APPEND);
	assert_int_equal(world_workspace(world, workspace)->n_live_sessions, 2);
	assert_int_equal(world_session(world, id)->cols, 80);
	assert_int_equal(world_session(world, id)->rows, 24);
}

static void test_a_workspace_has_at_most_so_many_live_sessions(void **state)
{
	(void)state;
	world->limits.max_sessions_per_workspace = 1;
	const char *node = world_make_node(world, "n"), *workspace = world_make_workspace(world, node, "w");
	world_report_running(world, node, workspace, 1);
	const char *session = world_make_session(world, workspace, "a");
	assert_refused(create_session(world_inputs(world), workspace), ERROR_LIMIT_REACHED);
	Roost__SessionEnded ended = ROOST__SESSION_ENDED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	ended.session_id = session;
	report.report_case = ROOST__REPORT__REPORT_SESSION_ENDED;
	report.session_ended = &ended;
	world_report(world, node, &report);
	assert_int_equal(create_session(world_inputs(world), workspace)->kind, DECISION_APPEND);
}

static void test_agent_types_are_shell_custom_or_found_on_the_node(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *workspace = world_make_workspace(world, node, "w");
	world_report_running(world, node, workspace, 1);
	const char *agents[] = {"codex"}, *command[] = {"top", "-b"};
	Roost__Capabilities capabilities = ROOST__CAPABILITIES__INIT;
	Roost__NodeCapabilitiesChanged changed = ROOST__NODE_CAPABILITIES_CHANGED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	capabilities.n_agents = 1;
	capabilities.agents = agents;
	changed.capabilities = &capabilities;
	report.report_case = ROOST__REPORT__REPORT_NODE_CAPABILITIES_CHANGED;
	report.node_capabilities_changed = &changed;
	world_report(world, node, &report);
	static const struct {
		const char *type;
		bool with_command, good;
	} cases[] = {{NULL, true, true},     {"custom", true, true}, {"custom", false, false}, {"shell", true, false},
		     {"codex", false, true}, {"codex", true, false}, {"claude", false, false}, {"", false, true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
		request.workspace_id = workspace;
		request.agent_type = cases[i].type;
		request.n_command = cases[i].with_command ? 2 : 0;
		request.command = command;
		const struct decision *decision = decide_create_session(world_inputs(world), &request);
		assert_int_equal(decision->kind, cases[i].good ? DECISION_APPEND : DECISION_REFUSE);
		if (!cases[i].good)
			assert_refused(decision, ERROR_INVALID_ARGUMENT);
	}
}

static void test_a_record_that_would_be_too_large_is_refused(void **state)
{
	(void)state;
	/* Every field is within its limit, so only a broken limit could come here: it is refused all the
	 * same. The node's name stands for it. */
	const char *node = world_make_node(world, "n");
	const size_t size = (size_t)300 * 1024;
	char *image = arena_alloc(world->arena, size);
	memset(image, 'x', size - 1);
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "a";
	request.node_id = node;
	struct decision_inputs *inputs = world_inputs(world);
	inputs->traceparent = image;
	assert_refused(decide_create_workspace(inputs, &request), ERROR_PAYLOAD_TOO_LARGE);
}

static const struct error *broken(void *context)
{
	(void)context;
	static const struct error failure = {ERROR_PLATFORM_UNAVAILABLE, "disk I/O error"};
	return &failure;
}

static void test_a_store_that_failed_decides_nothing(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	struct entity_store store = *world->store;
	store.failure = broken;
	struct decision_inputs *inputs = world_inputs(world);
	inputs->store = &store;
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "a";
	request.node_id = node;
	assert_refused(decide_create_workspace(inputs, &request), ERROR_PLATFORM_UNAVAILABLE);
	request.node_id = world_id(world);
	assert_refused(decide_create_workspace(inputs, &request), ERROR_PLATFORM_UNAVAILABLE);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_node_is_claimed_first_and_then_made),
	    TEST(test_a_retried_node_create_goes_on_with_the_claim),
	    TEST(test_a_claim_that_nobody_comes_back_for_can_be_completed),
	    TEST(test_an_owner_has_at_most_so_many_nodes),
	    TEST(test_a_node_needs_a_name_and_a_known_provider),
	    TEST(test_a_workspace_begins_as_creating_with_a_deadline),
	    TEST(test_a_hundred_creates_of_one_name_give_a_hundred_names),
	    TEST(test_racing_creates_get_distinct_names_and_never_exceed_the_limit),
	    TEST(test_a_full_node_takes_no_more_until_one_is_gone),
	    TEST(test_a_workspace_needs_a_running_node_of_its_owner),
	    TEST(test_invalid_fields_are_named),
	    TEST(test_a_child_names_its_parent),
	    TEST(test_without_a_node_the_emptiest_heard_one_is_chosen),
	    TEST(test_a_full_roster_is_at_capacity),
	    TEST(test_a_retried_placement_goes_on_with_the_first_choice),
	    TEST(test_a_repeated_create_gets_the_first_answer),
	    TEST(test_keys_are_an_owners_own),
	    TEST(test_sessions_are_made_once_per_key_in_a_running_workspace),
	    TEST(test_a_workspace_has_at_most_so_many_live_sessions),
	    TEST(test_agent_types_are_shell_custom_or_found_on_the_node),
	    TEST(test_a_record_that_would_be_too_large_is_refused),
	    TEST(test_a_store_that_failed_decides_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
