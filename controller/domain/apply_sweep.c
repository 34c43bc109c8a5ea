/* Changes that follow from a finding of the sweeper. */
#include "controller/domain/changes.h"

#include "bus/foundation/limits.h"
#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include <string.h>

static int64_t now(const struct applying *applying)
{
	return applying->record->recorded_at;
}

static bool on_this_node(const struct applying *applying, const char *node_id)
{
	return strcmp(node_id, applying->record->aggregate_id) == 0;
}

static Roost__WorkspaceState *load_workspace(const struct applying *applying, const char *id)
{
	const struct entity_store *store = applying->store;
	Roost__WorkspaceState *workspace = id == NULL ? NULL : store->workspace(store->context, id, applying->arena);
	return workspace != NULL && on_this_node(applying, workspace->resource->node_id) ? workspace : NULL;
}

static Roost__SessionState *load_session(const struct applying *applying, const char *id)
{
	const struct entity_store *store = applying->store;
	Roost__SessionState *session = id == NULL ? NULL : store->session(store->context, id, applying->arena);
	return session != NULL && on_this_node(applying, session->node_id) ? session : NULL;
}

static bool told_of(const Roost__NodeState *node, const char *workspace_id, size_t *place)
{
	for (*place = 0; *place < node->n_told_unknown; ++*place)
		if (strcmp(node->told_unknown[*place], workspace_id) == 0)
			return true;
	return false;
}

static void tell_of(const struct applying *applying, const char *workspace_id)
{
	Roost__NodeState *node = applying->node;
	size_t place;
	if (told_of(node, workspace_id, &place) || node->n_told_unknown >= UNKNOWN_WORKSPACES_MAX)
		return;
	const char **told = arena_array_of(applying->arena, const char *, node->n_told_unknown + 1);
	for (size_t i = 0; i < node->n_told_unknown; i++)
		told[i] = node->told_unknown[i];
	told[node->n_told_unknown++] = workspace_id;
	node->told_unknown = told;
}

static void forget_told(Roost__NodeState *node, const char *workspace_id)
{
	size_t place;
	if (told_of(node, workspace_id, &place))
		node->told_unknown[place] = node->told_unknown[--node->n_told_unknown];
}

/* What was told once need not be told again: this silence, this unknown workspace. */
bool apply_sweeper_found(struct applying *applying, const Roost__Change *change)
{
	const Roost__SweeperFound *found = change->sweeper_found;
	Roost__NodeState *node = applying->node;
	applying->about.session = load_session(applying, found->session_id);
	applying->about.workspace = load_workspace(applying, found->workspace_id);
	if (found->pass == ROOST__SWEEP_FINDING__PASS__SILENT_NODE && node->has_silent_since_at) {
		node->has_silence_found_at = true;
		node->silence_found_at = node->silent_since_at;
	}
	if (found->pass == ROOST__SWEEP_FINDING__PASS__UNKNOWN && found->workspace_id != NULL)
		tell_of(applying, found->workspace_id);
	return true;
}

bool apply_node_wanted_anew(struct applying *applying, const Roost__Change *change)
{
	(void)change;
	if (applying->node->resource->status == ROOST__NODE__STATUS__DELETED)
		return false;
	want_node_anew(applying);
	applying->node->has_tried_again_at = true;
	applying->node->tried_again_at = now(applying);
	return true;
}

bool apply_workspace_wanted_anew(struct applying *applying, const Roost__Change *change)
{
	Roost__WorkspaceState *workspace = load_workspace(applying, change->workspace_wanted_anew->workspace_id);
	if (workspace == NULL)
		return false;
	want_workspace_anew(applying, workspace);
	workspace->has_tried_again_at = true;
	workspace->tried_again_at = now(applying);
	applying->store->put_workspace(applying->store->context, workspace);
	applying->about.workspace = workspace;
	return true;
}

bool apply_session_wanted_anew(struct applying *applying, const Roost__Change *change)
{
	Roost__SessionState *session = load_session(applying, change->session_wanted_anew->session_id);
	if (session == NULL)
		return false;
	want_session_anew(applying, session);
	session->has_tried_again_at = true;
	session->tried_again_at = now(applying);
	applying->store->put_session(applying->store->context, session);
	applying->about.session = session;
	return true;
}

static Roost__Workspace *found_resource(const struct applying *applying, const Roost__WorkspaceFound *found,
					const char *name)
{
	Roost__Workspace *resource;
	arena_message(applying->arena, resource, roost__workspace__init);
	resource->id = found->workspace_id;
	resource->node_id = applying->record->aggregate_id;
	resource->display_name = name;
	resource->repository = resource->branch = "";
	resource->has_status = true;
	resource->status = ROOST__WORKSPACE__STATUS__DELETING;
	resource->has_generation = true;
	resource->generation = found->generation > 0 ? found->generation : 1; /* the first there is */
	resource->has_prior_sessions_ended = resource->has_collapsed = true;
	resource->has_created_at = resource->has_updated_at = true;
	resource->created_at = resource->updated_at = now(applying);
	return resource;
}

/* It begins where every other workspace ends: all that is wanted of it is that it goes. */
bool apply_workspace_found(struct applying *applying, const Roost__Change *change)
{
	const Roost__WorkspaceFound *found = change->workspace_found;
	const struct entity_store *store = applying->store;
	if (found->workspace_id == NULL ||
	    store->workspace(store->context, found->workspace_id, applying->arena) != NULL)
		return false;
	struct workspace_states present =
	    store->workspaces(store->context, applying->record->aggregate_id, applying->arena);
	const char *name = name_make_unique(found->workspace_id, &present, NULL, applying->arena);
	if (name == NULL)
		return false;
	Roost__WorkspaceState *workspace;
	arena_message(applying->arena, workspace, roost__workspace_state__init);
	workspace->resource = found_resource(applying, found, name);
	workspace->owner = applying->node->owner;
	workspace->name_key = name_key(workspace->resource->display_name, applying->arena);
	workspace->has_found = workspace->found = true;
	workspace->has_status_since_at = true;
	workspace->status_since_at = now(applying);
	want_workspace_anew(applying, workspace);
	forget_told(applying->node, found->workspace_id);
	store->put_workspace(store->context, workspace);
	applying->about.workspace = workspace;
	return true;
}
