/* Changes of a node, and what they mean for everything on it: a cascade is one change. */
#include "controller/domain/changes.h"

#include "controller/domain/states.h"

static int64_t now(const struct applying *applying)
{
	return applying->record->recorded_at;
}

static bool move_to(struct applying *applying, Roost__Node__Status status)
{
	return node_move(applying->node, status, now(applying));
}

static void touch(struct applying *applying)
{
	applying->node->resource->has_updated_at = true;
	applying->node->resource->updated_at = now(applying);
}

bool apply_node_created(struct applying *applying, const Roost__Change *change)
{
	const Roost__NodeCreated *created = change->node_created;
	if (applying->node != NULL)
		return false;
	Roost__NodeState *node;
	Roost__Node *resource;
	Roost__Node__Capacity *capacity;
	arena_message(applying->arena, node, roost__node_state__init);
	arena_message(applying->arena, resource, roost__node__init);
	arena_message(applying->arena, capacity, roost__node__capacity__init);
	capacity->has_workspaces = capacity->has_used = true;
	capacity->workspaces = created->max_workspaces;
	resource->id = applying->record->aggregate_id;
	resource->name = created->name;
	resource->provider = created->provider;
	resource->vm_size = resource->vm_location = "";
	resource->has_status = true;
	resource->status = ROOST__NODE__STATUS__CREATING;
	resource->capacity = capacity;
	resource->has_created_at = resource->has_updated_at = true;
	resource->created_at = resource->updated_at = now(applying);
	node->resource = resource;
	node->has_status_since_at = true;
	node->status_since_at = now(applying);
	node->owner = applying->record->owner == NULL ? "" : applying->record->owner;
	node->has_max_workspaces = true;
	node->max_workspaces = created->max_workspaces;
	applying->node = node;
	want_node_anew(applying);
	applying->store->put_node(applying->store->context, node); /* before anything that is on it */
	return true;
}

bool apply_node_running(struct applying *applying, const Roost__Change *change)
{
	const Roost__NodeRunning *running = change->node_running;
	if (!move_to(applying, ROOST__NODE__STATUS__RUNNING))
		return false;
	Roost__Node *resource = applying->node->resource;
	resource->error_message = NULL;
	if (running->capabilities != NULL)
		resource->capabilities = running->capabilities;
	if (running->ip_address != NULL)
		resource->ip_address = running->ip_address;
	return true;
}

/* The node's word that nothing runs is also the end of a stop that had failed. */
static bool move_workspace(const struct applying *applying, Roost__WorkspaceState *workspace,
			   Roost__Workspace__Status to)
{
	bool stops = to == ROOST__WORKSPACE__STATUS__STOPPING || to == ROOST__WORKSPACE__STATUS__STOPPED;
	if (stops && workspace->resource->status == ROOST__WORKSPACE__STATUS__ERROR) {
		if (workspace->left == NULL || to == ROOST__WORKSPACE__STATUS__STOPPING)
			return false;
		workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPING, now(applying));
	}
	if (!workspace_move(workspace, to, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	return true;
}

/* Gives every workspace of the node that may make the move its new status. */
static void cascade(struct applying *applying, Roost__Workspace__Status to)
{
	const struct entity_store *store = applying->store;
	const char *node_id = applying->record->aggregate_id;
	struct workspace_states all = store->workspaces(store->context, node_id, applying->arena);
	for (size_t i = 0; i < all.count; i++) {
		Roost__WorkspaceState *workspace = all.items[i];
		if (move_workspace(applying, workspace, to))
			want_workspace_anew(applying, workspace);
		if (to == ROOST__WORKSPACE__STATUS__STOPPING || to == ROOST__WORKSPACE__STATUS__DELETING)
			stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
		else
			end_sessions_of(applying, workspace, UINT32_MAX, "The node was stopped.");
		store->put_workspace(store->context, workspace);
	}
}

bool apply_node_stopping(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__STOPPING))
		return false;
	applying->node->resource->error_message = NULL;
	want_node_anew(applying);
	cascade(applying, ROOST__WORKSPACE__STATUS__STOPPING);
	return true;
}

bool apply_node_stopped(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__STOPPED))
		return false;
	applying->node->resource->error_message = NULL;
	cascade(applying, ROOST__WORKSPACE__STATUS__STOPPED);
	return true;
}

/* Its workspaces stay stopped until somebody restarts them. */
bool apply_node_starting(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__CREATING))
		return false;
	applying->node->resource->error_message = NULL;
	want_node_anew(applying);
	return true;
}

/* The node goes on trying, so its status stays. The same once more is no news. */
bool apply_node_stop_failed(struct applying *applying, const Roost__Change *change)
{
	Roost__NodeStopFailed *failed = change->node_stop_failed;
	Roost__NodeState *node = applying->node;
	if (node->resource->status != ROOST__NODE__STATUS__STOPPING &&
	    node->resource->status != ROOST__NODE__STATUS__DELETING)
		return false;
	if (same_failure(node->left, node->resource->error_message, failed->left, failed->message))
		return false;
	node->resource->error_message = failed->message;
	node->left = left_of(applying, failed->left);
	touch(applying);
	return true;
}

/* Only the change of state is news; what fails just now is in the heartbeats. */
bool apply_node_degraded(struct applying *applying, const Roost__Change *change)
{
	Roost__Node *resource = applying->node->resource;
	if (resource->has_runtime_state && resource->runtime_state == ROOST__NODE__RUNTIME_STATE__DEGRADED)
		return false;
	resource->has_runtime_state = true;
	resource->runtime_state = ROOST__NODE__RUNTIME_STATE__DEGRADED;
	resource->runtime_error = change->node_degraded->message;
	touch(applying);
	return true;
}

bool apply_node_recovered(struct applying *applying, const Roost__Change *change)
{
	Roost__Node *resource = applying->node->resource;
	(void)change;
	if (!resource->has_runtime_state || resource->runtime_state != ROOST__NODE__RUNTIME_STATE__DEGRADED)
		return false;
	resource->runtime_state = ROOST__NODE__RUNTIME_STATE__OK;
	resource->runtime_error = NULL;
	touch(applying);
	return true;
}

/* What the node knows beyond the log counts from here on; what the sweeper told of is to be told anew. */
bool apply_log_rolled_back(struct applying *applying, const Roost__Change *change)
{
	Roost__NodeState *node = applying->node;
	if (change->log_rolled_back->log_epoch <= node->log_epoch)
		return false;
	node->has_log_epoch = true;
	node->log_epoch = change->log_rolled_back->log_epoch;
	node->n_told_unknown = 0;
	return true;
}

bool apply_node_failed(struct applying *applying, const Roost__Change *change)
{
	if (!move_to(applying, ROOST__NODE__STATUS__ERROR))
		return false;
	applying->node->resource->error_message = change->node_failed->message;
	return true;
}

bool apply_node_deleting(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__DELETING))
		return false;
	applying->node->resource->error_message = NULL;
	want_node_anew(applying);
	cascade(applying, ROOST__WORKSPACE__STATUS__DELETING);
	return true;
}

bool apply_node_deleted(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__DELETED))
		return false;
	cascade(applying, ROOST__WORKSPACE__STATUS__DELETED);
	applying->node->resource->error_message = NULL;
	applying->node->resource->capacity->used = 0;
	return true;
}

bool apply_node_health_changed(struct applying *applying, const Roost__Change *change)
{
	const Roost__NodeHealthChanged *health = change->node_health_changed;
	applying->node->has_announced_health = true;
	applying->node->announced_health = health->health;
	applying->node->has_silent_since_at = health->has_silent_since_at;
	applying->node->silent_since_at = health->silent_since_at;
	return true;
}

bool apply_node_capabilities_changed(struct applying *applying, const Roost__Change *change)
{
	applying->node->resource->capabilities = change->node_capabilities_changed->capabilities;
	touch(applying);
	return true;
}
