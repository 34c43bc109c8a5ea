/* workspace.rename and .update: the final name is made unique within the node and given back (S0-08); the
 * id, the owner and the URL stay (S0-09). Whether it is shown collapsed is nothing but that (S2-01). */
#include "controller/domain/deciding.h"
#include "controller/domain/names.h"
#include "controller/domain/validate.h"
#include <string.h>

/* Adds the change of the name, if it changes. False with the refusal made when there is no free name. */
static bool rename_to(const struct decision_inputs *inputs, struct decision *decision,
		      const Roost__WorkspaceState *workspace, const char *display_name, Roost__Change **changes,
		      size_t *count)
{
	const struct entity_store *store = inputs->store;
	struct workspace_states present =
	    store->workspaces(store->context, workspace->resource->node_id, inputs->arena);
	const char *name = name_make_unique(display_name, &present, workspace->resource->id, inputs->arena);
	if (name == NULL) {
		decision_refuse(inputs, decision, ERROR_CONFLICT,
				"Too many workspaces have this name. Choose another.");
		return false;
	}
	if (strcmp(name, workspace->resource->display_name) == 0)
		return true;
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RENAMED);
	arena_message(inputs->arena, change->workspace_renamed, roost__workspace_renamed__init);
	change->workspace_renamed->workspace_id = workspace->resource->id;
	change->workspace_renamed->display_name = name;
	changes[(*count)++] = change;
	return true;
}

static void collapse(const struct decision_inputs *inputs, const Roost__WorkspaceState *workspace, bool collapsed,
		     Roost__Change **changes, size_t *count)
{
	if ((bool)workspace->resource->collapsed == collapsed)
		return;
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_COLLAPSED);
	arena_message(inputs->arena, change->workspace_collapsed, roost__workspace_collapsed__init);
	change->workspace_collapsed->workspace_id = workspace->resource->id;
	change->workspace_collapsed->has_collapsed = true;
	change->workspace_collapsed->collapsed = collapsed;
	changes[(*count)++] = change;
}

struct decision *decide_update_workspace(const struct decision_inputs *inputs,
					 const Roost__UpdateWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__Change *changes[2];
	size_t count = 0;
	if (request->display_name != NULL && !validate_name("displayName", request->display_name, &decision->refusal))
		return decision_invalid(decision);
	if (request->display_name == NULL && !request->has_collapsed) {
		error_set(&decision->refusal, ERROR_INVALID_ARGUMENT, "displayName or collapsed: must be given");
		return decision_invalid(decision);
	}
	const Roost__WorkspaceState *workspace = begin_workspace_command(inputs, decision, request->id, &node);
	if (workspace == NULL || (request->display_name != NULL &&
				  !rename_to(inputs, decision, workspace, request->display_name, changes, &count)))
		return decision;
	if (request->has_collapsed)
		collapse(inputs, workspace, request->collapsed, changes, &count);
	if (count == 0)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, changes, count, request->id);
}

struct decision *decide_rename_workspace(const struct decision_inputs *inputs,
					 const Roost__RenameWorkspaceRequest *request)
{
	Roost__UpdateWorkspaceRequest update = ROOST__UPDATE_WORKSPACE_REQUEST__INIT;
	update.id = request->id;
	update.display_name = request->display_name == NULL ? "" : request->display_name;
	return decide_update_workspace(inputs, &update);
}
