/* Changes of workspaces. A change that carries a generation applies only to that one (D11). */
#include "controller/domain/changes.h"

#include "bus/foundation/planted.h"
#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include <string.h>

static int64_t now(const struct applying *applying)
{
	return applying->record->recorded_at;
}

/* The workspace, if it is one of this node. */
static Roost__WorkspaceState *load(struct applying *applying, const char *id)
{
	const struct entity_store *store = applying->store;
	Roost__WorkspaceState *workspace = id == NULL ? NULL : store->workspace(store->context, id, applying->arena);
	if (workspace == NULL || strcmp(workspace->resource->node_id, applying->record->aggregate_id) != 0)
		return NULL;
	return workspace;
}

static Roost__WorkspaceState *load_generation(struct applying *applying, const char *id, uint32_t generation)
{
	Roost__WorkspaceState *workspace = load(applying, id);
	bool fits =
	    workspace != NULL && (workspace->resource->generation == generation || planted(PLANTED_GENERATION_IGNORED));
	return fits ? workspace : NULL;
}

static bool put(struct applying *applying, const Roost__WorkspaceState *workspace)
{
	applying->store->put_workspace(applying->store->context, workspace);
	applying->about.workspace = workspace;
	return true;
}

static void set_generation(const struct applying *applying, Roost__WorkspaceState *workspace, uint32_t generation)
{
	workspace->resource->has_generation = true;
	workspace->resource->generation = generation;
	workspace->last_step = NULL;
	workspace->has_deadline_at = true;
	workspace->deadline_at = now(applying) + workspace->resource->provision_timeout_ms;
	want_workspace_anew(applying, workspace);
}

static Roost__Workspace *new_resource(const struct applying *applying, const Roost__WorkspaceCreated *created)
{
	const Roost__WorkspaceSpec *spec = created->spec;
	Roost__Workspace *resource;
	arena_message(applying->arena, resource, roost__workspace__init);
	resource->id = created->workspace_id;
	resource->node_id = applying->record->aggregate_id;
	resource->display_name = created->display_name;
	resource->repository = spec == NULL || spec->repository == NULL ? "" : spec->repository;
	resource->branch = spec == NULL || spec->branch == NULL ? "" : spec->branch;
	resource->image = spec == NULL ? NULL : spec->image;
	resource->has_status = true;
	resource->status = ROOST__WORKSPACE__STATUS__CREATING;
	resource->has_prior_sessions_ended = true;
	resource->parent_id = created->parent_id;
	resource->has_provision_timeout_ms = true;
	resource->provision_timeout_ms = created->provision_timeout_ms;
	resource->has_created_at = resource->has_updated_at = true;
	resource->created_at = resource->updated_at = now(applying);
	resource->has_collapsed = true;
	return resource;
}

bool apply_workspace_created(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceCreated *created = change->workspace_created;
	const struct entity_store *store = applying->store;
	if (created->workspace_id == NULL || created->display_name == NULL ||
	    store->workspace(store->context, created->workspace_id, applying->arena) != NULL)
		return false;
	Roost__WorkspaceState *workspace;
	arena_message(applying->arena, workspace, roost__workspace_state__init);
	workspace->resource = new_resource(applying, created);
	workspace->owner = applying->node->owner;
	workspace->name_key = name_key(created->display_name, applying->arena);
	workspace->spec = created->spec;
	set_generation(applying, workspace, 1);
	applying->node->resource->capacity->used++;
	return put(applying, workspace);
}

bool apply_workspace_step(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceStep *step = change->workspace_step;
	Roost__WorkspaceState *workspace = load_generation(applying, step->workspace_id, step->generation);
	if (workspace == NULL)
		return false;
	workspace->last_step = step->step;
	return put(applying, workspace);
}

bool apply_workspace_running(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceRunning *running = change->workspace_running;
	Roost__WorkspaceState *workspace = load_generation(applying, running->workspace_id, running->generation);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__RUNNING, now(applying)))
		return false;
	end_sessions_of(applying, workspace, running->generation, "The workspace was restarted.");
	return put(applying, workspace);
}

/* To error, from whatever the table allows: what was wanted becomes STOP, so that the node cleans up. */
static bool fail(struct applying *applying, Roost__WorkspaceState *workspace, const char *message)
{
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__ERROR, now(applying)))
		return false;
	workspace->resource->error_message = message;
	want_workspace_anew(applying, workspace);
	return true;
}

bool apply_workspace_failed(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceFailed *failed = change->workspace_failed;
	Roost__WorkspaceState *workspace = load_generation(applying, failed->workspace_id, failed->generation);
	if (!fail(applying, workspace, failed->message))
		return false;
	if (failed->step != NULL)
		workspace->last_step = failed->step;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace failed.");
	return put(applying, workspace);
}

bool apply_workspace_lost(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceLost *lost = change->workspace_lost;
	Roost__WorkspaceState *workspace = load_generation(applying, lost->workspace_id, lost->generation);
	if (!fail(applying, workspace, lost->message))
		return false;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was lost.");
	return put(applying, workspace);
}

bool apply_workspace_stopping(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_stopping->workspace_id);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPING, now(applying)))
		return false;
	if (!planted(PLANTED_STOP_NOT_WANTED))
		want_workspace_anew(applying, workspace);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	return put(applying, workspace);
}

bool apply_workspace_stopped(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceStopped *stopped = change->workspace_stopped;
	Roost__WorkspaceState *workspace = load_generation(applying, stopped->workspace_id, stopped->generation);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPED, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was stopped.");
	return put(applying, workspace);
}

bool apply_workspace_restarting(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceRestarting *restarting = change->workspace_restarting;
	Roost__WorkspaceState *workspace = load(applying, restarting->workspace_id);
	if (workspace == NULL ||
	    (restarting->generation <= workspace->resource->generation && !planted(PLANTED_RESTART_SAME_GENERATION)) ||
	    !workspace_move(workspace, ROOST__WORKSPACE__STATUS__CREATING, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	set_generation(applying, workspace, restarting->generation);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	return put(applying, workspace);
}

/* Id, owner and URL stay (S0-09), and nothing else is wanted of the node: it need not be there. */
bool apply_workspace_renamed(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceRenamed *renamed = change->workspace_renamed;
	Roost__WorkspaceState *workspace = load(applying, renamed->workspace_id);
	if (workspace == NULL || renamed->display_name == NULL ||
	    workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED)
		return false;
	workspace->resource->display_name = renamed->display_name;
	workspace->name_key = name_key(renamed->display_name, applying->arena);
	workspace->resource->has_updated_at = true;
	workspace->resource->updated_at = now(applying);
	return put(applying, workspace);
}

bool apply_workspace_deleting(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_deleting->workspace_id);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__DELETING, now(applying)))
		return false;
	want_workspace_anew(applying, workspace);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	return put(applying, workspace);
}

bool apply_workspace_deleted(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_deleted->workspace_id);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__DELETED, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was deleted.");
	if (applying->node->resource->capacity->used > 0)
		applying->node->resource->capacity->used--;
	return put(applying, workspace);
}

/* A workspace that is being deleted stays so, with what is left said (D12); the node tries on. */
bool apply_workspace_stop_failed(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceStopFailed *failed = change->workspace_stop_failed;
	Roost__WorkspaceState *workspace = load_generation(applying, failed->workspace_id, failed->generation);
	if (workspace == NULL)
		return false;
	if (workspace->resource->status == ROOST__WORKSPACE__STATUS__STOPPING) {
		workspace_move(workspace, ROOST__WORKSPACE__STATUS__ERROR, now(applying));
	} else if (workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETING) {
		workspace->resource->has_updated_at = true;
		workspace->resource->updated_at = now(applying);
	} else {
		return false;
	}
	workspace->resource->error_message = failed->message;
	return put(applying, workspace);
}
