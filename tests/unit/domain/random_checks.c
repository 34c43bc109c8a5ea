/* What must hold after every step, whatever was done. */
#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_steps.h"

#include <string.h>

static bool is_going(const Roost__WorkspaceState *workspace)
{
	return workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETING ||
	       workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED;
}

static void check_workspace(struct world *world, const Roost__NodeState *node, const Roost__WorkspaceState *workspace)
{
	const Roost__Workspace *resource = workspace->resource;
	bool creating = resource->status == ROOST__WORKSPACE__STATUS__CREATING;
	assert_string_equal(workspace->name_key, name_key(resource->display_name, world->step));
	assert_int_equal(workspace->has_deadline_at, creating);
	assert_true(workspace->wanted_version >= 1 && workspace->wanted_version <= node->version);
	assert_true(workspace->n_live_sessions <= world->limits.max_sessions_per_workspace);
	assert_true(workspace->rebuild_generation <= resource->generation);
	assert_true(workspace->status_since_at >= resource->created_at);
	assert_true(!workspace->found || is_going(workspace));
	if (wanted_of_workspace(resource->status) == ROOST__WANTED_WORKSPACE__DESIRED__RUN)
		assert_int_equal(wanted_of_node(node->resource->status), ROOST__WANTED_NODE__DESIRED__RUN);
	if (node->resource->status == ROOST__NODE__STATUS__STOPPED)
		assert_int_not_equal(resource->status, ROOST__WORKSPACE__STATUS__STOPPING);
	if (resource->parent_id != NULL) {
		const Roost__WorkspaceState *parent = world_workspace(world, resource->parent_id);
		assert_string_equal(parent->resource->node_id, resource->node_id);
		assert_true(!is_going(parent) || is_going(workspace));
	}
}

static void check_node(struct world *world, const char *id)
{
	const Roost__NodeState *node = world_node(world, id);
	struct workspace_states all = world->store->workspaces(world->store->context, id, world->step);
	size_t counted = 0;
	for (size_t i = 0; i < all.count; i++) {
		check_workspace(world, node, all.items[i]);
		counted += all.items[i]->found ? 0 : 1;
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all.items[i]->name_key, all.items[j]->name_key);
	}
	assert_true(counted <= node->max_workspaces);
	assert_int_equal(node->resource->capacity->used, counted);
	assert_true(node->wanted_version >= 1 && node->wanted_version <= node->version);
	if (node->resource->status == ROOST__NODE__STATUS__DELETED)
		assert_int_equal(all.count, 0);
}

static void check_session(struct world *world, const char *id)
{
	const Roost__SessionState *session = world_session(world, id);
	const Roost__WorkspaceState *workspace = world_workspace(world, session->resource->workspace_id);
	bool listed = false;
	for (size_t i = 0; i < workspace->n_live_sessions; i++)
		listed = listed || strcmp(workspace->live_sessions[i], id) == 0;
	assert_int_equal(listed, session_is_live(session->resource->status));
	assert_int_equal(session->resource->has_stopped_at, !listed);
	if (wanted_of_session(session->resource->status) == ROOST__WANTED_SESSION__DESIRED__RUN) {
		/* S0-19: a session runs in the generation that it was made in, or not at all. */
		assert_int_equal(workspace->resource->status, ROOST__WORKSPACE__STATUS__RUNNING);
		assert_int_equal(workspace->resource->generation, session->generation);
	}
}

void random_life_check(struct random_life *life)
{
	for (size_t i = 0; i < life->node_count; i++)
		check_node(life->world, life->nodes[i]);
	for (size_t i = 0; i < life->session_count; i++)
		check_session(life->world, life->sessions[i]);
}
