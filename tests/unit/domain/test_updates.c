/* Rebuilding, showing, reaping, and what a template gives a new workspace. */
#include "bus/foundation/limits.h"
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include <string.h>

static struct world *world;
static const char *node, *workspace;

static int begin(void **state)
{
	(void)state;
	world = world_new();
	node = world_make_node(world, "n");
	workspace = world_make_workspace(world, node, "api");
	world_report_running(world, node, workspace, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

/* Like a restart, and the root file system must not be older than this generation; D6: a restart keeps it. */
static void test_a_rebuild_is_a_new_generation_with_a_new_environment(void **state)
{
	(void)state;
	const char *session = world_make_session(world, workspace, "s");
	Roost__RebuildWorkspaceRequest request = ROOST__REBUILD_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	const struct decision *decision = world_take(world, decide_rebuild_workspace(world_inputs(world), &request));
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__CREATING);
	assert_int_equal(decision->answer.workspace->generation, 2);
	const Roost__WantedWorkspace *wanted = wanted_workspace(world_workspace(world, workspace), world->step);
	assert_int_equal(wanted->rebuild_generation, 2);
	assert_int_equal(wanted->version, world_node(world, node)->version);
	assert_int_equal(world_session(world, session)->resource->stop_reason,
			 ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	world_report_running(world, node, workspace, 1); /* of before it */
	assert_int_equal(world_workspace(world, workspace)->resource->status, ROOST__WORKSPACE__STATUS__CREATING);
	world_report_running(world, node, workspace, 2);
	assert_int_equal(world_session(world, session)->resource->status, ROOST__AGENT_SESSION__STATUS__STOPPED);
	assert_true(world_workspace(world, workspace)->resource->prior_sessions_ended);
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = workspace;
	world_take(world, decide_restart_workspace(world_inputs(world), &restart));
	wanted = wanted_workspace(world_workspace(world, workspace), world->step);
	assert_int_equal(wanted->generation, 3);
	assert_int_equal(wanted->rebuild_generation, 2);
}

static struct decision *update(const char *name, int collapsed)
{
	Roost__UpdateWorkspaceRequest request = ROOST__UPDATE_WORKSPACE_REQUEST__INIT;
	request.id = workspace;
	request.display_name = name;
	request.has_collapsed = collapsed >= 0;
	request.collapsed = collapsed > 0;
	return world_take(world, decide_update_workspace(world_inputs(world), &request));
}

/* S2-01: a flag of how it is shown; nothing is wanted of the node. */
static void test_an_update_changes_what_it_names(void **state)
{
	(void)state;
	world_make_workspace(world, node, "web");
	uint64_t wanted = world_workspace(world, workspace)->wanted_version;
	const struct decision *decision = update("Web", 1);
	assert_int_equal(decision->record->n_changes, 2);
	assert_string_equal(decision->answer.workspace->display_name, "Web (2)");
	assert_true(decision->answer.workspace->collapsed);
	assert_int_equal(update("web (2)", 1)->record->n_changes, 1);
	assert_int_equal(update(NULL, 1)->kind, DECISION_NOTHING);
	assert_int_equal(update("web (2)", -1)->kind, DECISION_NOTHING);
	assert_false(update(NULL, 0)->answer.workspace->collapsed);
	assert_int_equal(world_workspace(world, workspace)->wanted_version, wanted);
	assert_int_equal(update(NULL, -1)->refusal.code, ERROR_INVALID_ARGUMENT);
	assert_int_equal(update(" ", 1)->refusal.code, ERROR_INVALID_ARGUMENT);
}

static struct decision *reap(const char *id, const char *on)
{
	Roost__ReapWorkspaceRequest request = ROOST__REAP_WORKSPACE_REQUEST__INIT;
	request.id = id;
	request.node_id = on;
	return world_take(world, decide_reap_workspace(world_inputs(world), &request));
}

static void test_what_no_log_knows_is_reaped_on_its_owners_word(void **state)
{
	(void)state;
	world->limits.max_workspaces_per_node = 1;
	const char *full = world_make_node(world, "full"), *unknown = world_id(world);
	world_make_workspace(world, full, "only");
	const struct decision *decision = reap(unknown, full);
	assert_int_equal(decision->answer.workspace->status, ROOST__WORKSPACE__STATUS__DELETING);
	assert_string_equal(decision->answer.workspace->display_name, unknown);
	const Roost__WantedWorkspace *wanted = wanted_workspace(world_workspace(world, unknown), world->step);
	assert_int_equal(wanted->desired, ROOST__WANTED_WORKSPACE__DESIRED__REMOVE);
	assert_int_equal(wanted->version, world_node(world, full)->version);
	assert_int_equal(wanted->generation, 1); /* 0 is none: an agent takes no page with such a row */
	assert_int_equal(world_node(world, full)->resource->capacity->used, 1);
	assert_int_equal(reap(unknown, full)->kind, DECISION_NOTHING);
	world_tell(world, full, ROOST__REPORT__REPORT_WORKSPACE_REMOVED, unknown, 0, NULL);
	assert_int_equal(world_workspace(world, unknown)->resource->status, ROOST__WORKSPACE__STATUS__DELETED);
	assert_int_equal(world_node(world, full)->resource->capacity->used, 1);
}

/* The log never knew its generation, so that the node's word for it does not mean that the log went back. */
static void test_what_a_reap_leaves_is_told_of_in_any_generation(void **state)
{
	(void)state;
	const char *unknown = world_id(world);
	reap(unknown, node);
	world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED, unknown, 3, "A mount stays");
	assert_int_equal(world_node(world, node)->log_epoch, 0);
	assert_string_equal(world_workspace(world, unknown)->resource->error_message, "A mount stays");
	assert_int_equal(world_workspace(world, unknown)->resource->generation, 3);
}

static void test_what_the_log_knows_is_not_reaped(void **state)
{
	(void)state;
	const char *other = world_make_node(world, "m");
	assert_int_equal(reap(workspace, node)->refusal.code, ERROR_INVALID_TRANSITION);
	assert_int_equal(reap(workspace, other)->refusal.code, ERROR_WORKSPACE_NOT_FOUND);
	assert_int_equal(reap(world_id(world), world_id(world))->refusal.code, ERROR_NODE_NOT_FOUND);
	assert_int_equal(reap("x", node)->refusal.code, ERROR_INVALID_ARGUMENT);
	world->owner = "bob"; /* D14 */
	assert_int_equal(reap(world_id(world), node)->refusal.code, ERROR_NODE_NOT_FOUND);
}

static void test_what_was_found_is_bounded_and_takes_no_place(void **state)
{
	(void)state;
	world->limits.max_workspaces_per_node = 1;
	const char *small = world_make_node(world, "small");
	for (int i = 0; i < UNKNOWN_WORKSPACES_MAX; i++)
		assert_int_equal(reap(world_id(world), small)->kind, DECISION_APPEND);
	assert_int_equal(reap(world_id(world), small)->refusal.code, ERROR_LIMIT_REACHED);
	world_make_workspace(world, small, "fits");
}

static const struct environment_pair variables[] = {{"LANG", "C.UTF-8"}, {"MODE", "template"}};
static const struct workspace_template templates[] = {
    {.name = "slow", .provision_timeout_ms = 90000, .image = "debian", .env = variables, .env_count = 2},
    {.name = "plain"},
};

static struct decision *create(const char *template, const char *image, const char *mode)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry entry = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *env[] = {&entry};
	request.name = "w";
	request.node_id = node;
	request.template_ = template;
	request.image = image;
	entry.key = "MODE";
	entry.value = mode;
	request.n_env = mode == NULL ? 0 : 1;
	request.env = env;
	struct decision_inputs *inputs = world_inputs(world);
	inputs->limits.templates = templates;
	inputs->limits.template_count = 2;
	return world_take(world, decide_create_workspace(inputs, &request));
}

static const Roost__WorkspaceSpec *spec_of(const struct decision *decision)
{
	return decision->record->changes[0]->workspace_created->spec;
}

/* S2-08, S4-21, S4-22 */
static void test_a_template_fills_in_what_the_request_leaves_open(void **state)
{
	(void)state;
	const struct decision *decision = create("slow", NULL, NULL);
	assert_int_equal(decision->answer.workspace->provision_timeout_ms, 90000);
	assert_string_equal(decision->answer.workspace->image, "debian");
	assert_int_equal(spec_of(decision)->n_env, 2);
	assert_string_equal(spec_of(decision)->template_, "slow");
	decision = create("slow", "alpine", "mine");
	assert_string_equal(decision->answer.workspace->image, "alpine");
	assert_int_equal(spec_of(decision)->n_env, 2);
	assert_string_equal(spec_of(decision)->env[0]->key, "LANG");
	assert_string_equal(spec_of(decision)->env[1]->value, "mine");
	decision = create("plain", NULL, NULL);
	assert_int_equal(decision->answer.workspace->provision_timeout_ms, 60000);
	assert_string_equal(decision->answer.workspace->image, "host");
}

/* S4-21: one override for all; what is recorded with a workspace is final. */
static void test_the_override_wins_and_a_recorded_timeout_stays(void **state)
{
	(void)state;
	world->limits.provision_override_ms = 5000;
	assert_int_equal(create("slow", NULL, NULL)->answer.workspace->provision_timeout_ms, 5000);
	assert_int_equal(create(NULL, NULL, NULL)->answer.workspace->provision_timeout_ms, 5000);
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	restart.id = workspace;
	const struct decision *decision = world_take(world, decide_restart_workspace(world_inputs(world), &restart));
	assert_int_equal(decision->answer.workspace->provision_timeout_ms, 60000);
	assert_int_equal(world_workspace(world, workspace)->deadline_at, world->now_ms + 60000);
}

static void test_an_unknown_template_is_named(void **state)
{
	(void)state;
	const struct decision *decision = create("hermes", NULL, NULL);
	assert_int_equal(decision->refusal.code, ERROR_INVALID_ARGUMENT);
	assert_string_equal(decision->refusal.message, "template: there is no template \"hermes\"");
	assert_int_equal(create("", NULL, NULL)->kind, DECISION_APPEND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_rebuild_is_a_new_generation_with_a_new_environment),
	    TEST(test_an_update_changes_what_it_names),
	    TEST(test_what_no_log_knows_is_reaped_on_its_owners_word),
	    TEST(test_what_a_reap_leaves_is_told_of_in_any_generation),
	    TEST(test_what_the_log_knows_is_not_reaped),
	    TEST(test_what_was_found_is_bounded_and_takes_no_place),
	    TEST(test_a_template_fills_in_what_the_request_leaves_open),
	    TEST(test_the_override_wins_and_a_recorded_timeout_stays),
	    TEST(test_an_unknown_template_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
