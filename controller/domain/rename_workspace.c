/* workspace.rename: the final name is made unique within the node and given back (S0-08); the id, the
 * owner and the URL stay (S0-09). */
#include "controller/domain/deciding.h"
#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"
#include <string.h>

struct decision *decide_rename_workspace(const struct decision_inputs *inputs,
					 const Roost__RenameWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const struct keyed_command *claim;
	if (!validate_id("id", request->id, &decision->refusal) ||
	    !validate_name("displayName", request->display_name, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &claim))
		return decision;
	const Roost__WorkspaceState *workspace = own_workspace(inputs, request->id);
	if (workspace == NULL)
		return refuse_unknown_workspace(inputs, decision, request->id);
	const Roost__NodeState *node = own_node(inputs, workspace->resource->node_id);
	if (node == NULL)
		return refuse_unknown_workspace(inputs, decision, request->id);
	struct workspace_states present = store->workspaces(store->context, node->resource->id, inputs->arena);
	const char *name = name_make_unique(request->display_name, &present, request->id, inputs->arena);
	if (name == NULL)
		return decision_refuse(inputs, decision, ERROR_CONFLICT,
				       "Too many workspaces have this name. Choose another.");
	if (strcmp(name, workspace->resource->display_name) == 0)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RENAMED);
	arena_message(inputs->arena, change->workspace_renamed, roost__workspace_renamed__init);
	change->workspace_renamed->workspace_id = request->id;
	change->workspace_renamed->display_name = name;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}
