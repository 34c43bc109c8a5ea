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
	node->owner = applying->record->owner == NULL ? "" : applying->record->owner;
	node->has_max_workspaces = true;
	node->max_workspaces = created->max_workspaces;
	applying->node = node;
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

/* Gives every workspace of the node that may make the move its new status. */
static void cascade(struct applying *applying, Roost__Workspace__Status to)
{
	const struct entity_store *store = applying->store;
	const char *node_id = applying->record->aggregate_id;
	struct workspace_states all = store->workspaces(store->context, node_id, applying->arena);
	for (size_t i = 0; i < all.count; i++) {
		Roost__WorkspaceState *workspace = all.items[i];
		bool broken = workspace->resource->status == ROOST__WORKSPACE__STATUS__ERROR;
		bool stops = to == ROOST__WORKSPACE__STATUS__STOPPING || to == ROOST__WORKSPACE__STATUS__STOPPED;
		bool moved = !(stops && broken) && workspace_move(workspace, to, now(applying));
		if (moved)
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
	cascade(applying, ROOST__WORKSPACE__STATUS__STOPPING);
	return true;
}

bool apply_node_stopped(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__STOPPED))
		return false;
	cascade(applying, ROOST__WORKSPACE__STATUS__STOPPED);
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
	cascade(applying, ROOST__WORKSPACE__STATUS__DELETING);
	return true;
}

bool apply_node_deleted(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (!move_to(applying, ROOST__NODE__STATUS__DELETED))
		return false;
	cascade(applying, ROOST__WORKSPACE__STATUS__DELETED);
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
	applying->node->resource->has_updated_at = true;
	applying->node->resource->updated_at = now(applying);
	return true;
}
