/* Changes of workspaces. A change that carries a generation applies only to that one (D11). */
#include "controller/domain/changes.h"

#include "bus/foundation/planted.h"
#include "controller/domain/family.h"
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
	if (workspace == NULL || (strcmp(workspace->resource->node_id, applying->record->aggregate_id) != 0 &&
				  !planted(PLANTED_OTHER_NODES_BELIEVED)))
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

static void touch(const struct applying *applying, Roost__WorkspaceState *workspace)
{
	workspace->resource->has_updated_at = true;
	workspace->resource->updated_at = now(applying);
}

static void set_generation(const struct applying *applying, Roost__WorkspaceState *workspace, uint32_t generation)
{
	workspace->resource->has_generation = true;
	workspace->resource->generation = generation;
	workspace->last_step = workspace->last_message = NULL;
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

/* So that a delete need not look for children where there never was one. */
static void note_parent(struct applying *applying, const char *parent_id)
{
	Roost__WorkspaceState *parent = load(applying, parent_id);
	if (parent == NULL || parent->is_parent)
		return;
	parent->has_is_parent = parent->is_parent = true;
	applying->store->put_workspace(applying->store->context, parent);
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
	workspace->has_status_since_at = true;
	workspace->status_since_at = now(applying);
	set_generation(applying, workspace, 1);
	applying->node->resource->capacity->used++;
	note_parent(applying, created->parent_id);
	return put(applying, workspace);
}

static bool same(const char *one, const char *other)
{
	return strcmp(one == NULL ? "" : one, other == NULL ? "" : other) == 0;
}

/* The same line once more is no change (S4-16). */
bool apply_workspace_step(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceStep *step = change->workspace_step;
	Roost__WorkspaceState *workspace = load_generation(applying, step->workspace_id, step->generation);
	if (workspace == NULL || workspace->resource->status != ROOST__WORKSPACE__STATUS__CREATING ||
	    (workspace->last_step != NULL && same(workspace->last_step, step->step) &&
	     same(workspace->last_message, step->message)))
		return false;
	workspace->last_step = step->step == NULL ? "" : step->step;
	workspace->last_message = step->message;
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

/* To error: what was wanted becomes STOP, so that the node cleans up. */
static bool fail(struct applying *applying, Roost__WorkspaceState *workspace, const char *message)
{
	if (!workspace_move(workspace, ROOST__WORKSPACE__STATUS__ERROR, now(applying)))
		return false;
	workspace->resource->error_message = message;
	want_workspace_anew(applying, workspace);
	return true;
}

static bool is_wanted(const Roost__WorkspaceState *workspace)
{
	return workspace->resource->status == ROOST__WORKSPACE__STATUS__CREATING ||
	       workspace->resource->status == ROOST__WORKSPACE__STATUS__RUNNING;
}

/* Also of one that ran: an agent that lost its database makes it anew when its sandbox is gone, too. */
bool apply_workspace_failed(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceFailed *failed = change->workspace_failed;
	Roost__WorkspaceState *workspace = load_generation(applying, failed->workspace_id, failed->generation);
	if (workspace == NULL || !is_wanted(workspace) || !fail(applying, workspace, failed->message))
		return false;
	if (failed->step != NULL)
		workspace->last_step = failed->step;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace failed.");
	return put(applying, workspace);
}

/* A sandbox may also go while it is being made. While it stops, going is what was asked of it. */
bool apply_workspace_lost(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceLost *lost = change->workspace_lost;
	Roost__WorkspaceState *workspace = load_generation(applying, lost->workspace_id, lost->generation);
	bool stops = workspace != NULL && workspace->resource->status == ROOST__WORKSPACE__STATUS__STOPPING;
	if (workspace == NULL || stops || !fail(applying, workspace, lost->message))
		return false;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was lost.");
	return put(applying, workspace);
}

bool apply_workspace_stopping(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_stopping->workspace_id);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPING, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	if (!planted(PLANTED_STOP_NOT_WANTED))
		want_workspace_anew(applying, workspace);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	return put(applying, workspace);
}

/* Also when a stop has failed before: the node goes on trying by itself. */
bool apply_workspace_stopped(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceStopped *stopped = change->workspace_stopped;
	Roost__WorkspaceState *workspace = load_generation(applying, stopped->workspace_id, stopped->generation);
	if (workspace == NULL)
		return false;
	if (workspace->resource->status == ROOST__WORKSPACE__STATUS__ERROR && workspace->left != NULL)
		workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPING, now(applying));
	if (!workspace_move(workspace, ROOST__WORKSPACE__STATUS__STOPPED, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was stopped.");
	return put(applying, workspace);
}

/* A new start of what was there; NULL when it cannot start. */
static Roost__WorkspaceState *start_again(struct applying *applying, const char *id, uint32_t generation)
{
	Roost__WorkspaceState *workspace = load(applying, id);
	if (workspace == NULL ||
	    (generation <= workspace->resource->generation && !planted(PLANTED_RESTART_SAME_GENERATION)) ||
	    !workspace_move(workspace, ROOST__WORKSPACE__STATUS__CREATING, now(applying)))
		return NULL;
	workspace->resource->error_message = NULL;
	set_generation(applying, workspace, generation);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART);
	return workspace;
}

bool apply_workspace_restarting(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceRestarting *restarting = change->workspace_restarting;
	const Roost__WorkspaceState *workspace =
	    start_again(applying, restarting->workspace_id, restarting->generation);
	return workspace != NULL && put(applying, workspace);
}

bool apply_workspace_rebuilding(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceRebuilding *rebuilding = change->workspace_rebuilding;
	Roost__WorkspaceState *workspace = start_again(applying, rebuilding->workspace_id, rebuilding->generation);
	if (workspace == NULL)
		return false;
	workspace->has_rebuild_generation = true;
	workspace->rebuild_generation = rebuilding->generation;
	return put(applying, workspace);
}

/* The node is told with the new generation, so that it does not take its own, later one for old. */
bool apply_workspace_generation_raised(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceGenerationRaised *raised = change->workspace_generation_raised;
	Roost__WorkspaceState *workspace = load(applying, raised->workspace_id);
	if (workspace == NULL || raised->generation <= workspace->resource->generation ||
	    workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED)
		return false;
	workspace->resource->generation = raised->generation;
	want_workspace_anew(applying, workspace);
	touch(applying, workspace);
	end_sessions_of(applying, workspace, raised->generation, "The workspace was restarted.");
	return put(applying, workspace);
}

/* How it is shown: nothing else is wanted of the node. */
bool apply_workspace_collapsed(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_collapsed->workspace_id);
	if (workspace == NULL || workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED)
		return false;
	workspace->resource->has_collapsed = true;
	workspace->resource->collapsed = change->workspace_collapsed->collapsed;
	touch(applying, workspace);
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
	touch(applying, workspace);
	return put(applying, workspace);
}

static bool begin_delete(struct applying *applying, Roost__WorkspaceState *workspace)
{
	if (!workspace_move(workspace, ROOST__WORKSPACE__STATUS__DELETING, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	want_workspace_anew(applying, workspace);
	stop_sessions_of(applying, workspace, ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP);
	return true;
}

/* What is below it goes with it: the cascade is part of this one change. */
bool apply_workspace_deleting(struct applying *applying, const Roost__Change *change)
{
	const struct entity_store *store = applying->store;
	Roost__WorkspaceState *workspace = load(applying, change->workspace_deleting->workspace_id);
	if (workspace == NULL || !begin_delete(applying, workspace))
		return false;
	struct workspace_states below = descendants_of(workspace, store, applying->arena);
	for (size_t i = 0; i < below.count; i++) {
		if (!begin_delete(applying, below.items[i]))
			continue;
		workspace->has_cascade_deleted = true;
		workspace->cascade_deleted++;
		store->put_workspace(store->context, below.items[i]);
	}
	return put(applying, workspace);
}

bool apply_workspace_deleted(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load(applying, change->workspace_deleted->workspace_id);
	if (workspace == NULL || !workspace_move(workspace, ROOST__WORKSPACE__STATUS__DELETED, now(applying)))
		return false;
	workspace->resource->error_message = NULL;
	end_sessions_of(applying, workspace, UINT32_MAX, "The workspace was deleted.");
	if (!workspace->found && applying->node->resource->capacity->used > 0)
		applying->node->resource->capacity->used--;
	return put(applying, workspace);
}

/* What ran before a restart, or is left of a failed start, could not be ended: that is said, and the rest is
 * the start's to tell. */
static bool tell_what_stays(struct applying *applying, Roost__WorkspaceState *workspace,
			    const Roost__WorkspaceStopFailed *failed)
{
	if (same(workspace->last_step, "stop") && same(workspace->last_message, failed->message))
		return false;
	workspace->last_step = "stop";
	workspace->last_message = failed->message;
	return put(applying, workspace);
}

/* A workspace that is being deleted stays so, with what is left said (D12); the node tries on, and the
 * same failure once more is no news. */
bool apply_workspace_stop_failed(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceStopFailed *failed = change->workspace_stop_failed;
	Roost__WorkspaceState *workspace = load_generation(applying, failed->workspace_id, failed->generation);
	if (workspace == NULL)
		return false;
	Roost__Workspace__Status status = workspace->resource->status;
	bool failed_before = status == ROOST__WORKSPACE__STATUS__ERROR && workspace->left != NULL;
	if (status == ROOST__WORKSPACE__STATUS__CREATING ||
	    (status == ROOST__WORKSPACE__STATUS__ERROR && !failed_before))
		return tell_what_stays(applying, workspace, failed);
	if (status == ROOST__WORKSPACE__STATUS__STOPPING)
		workspace_move(workspace, ROOST__WORKSPACE__STATUS__ERROR, now(applying));
	else if ((status != ROOST__WORKSPACE__STATUS__DELETING && !failed_before) ||
		 same_failure(workspace->left, workspace->resource->error_message, failed->left, failed->message))
		return false;
	touch(applying, workspace);
	workspace->resource->error_message = failed->message;
	workspace->left = left_of(applying, failed->left);
	return put(applying, workspace);
}
