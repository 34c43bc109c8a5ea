/* workspace.reap: the owner's word that what is on a node and in no log shall go. The sweeper does so by
 * itself, except on a node whose log went back: there what no log knows may be somebody's work. */
#include "bus/foundation/limits.h"
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"
#include <string.h>

static size_t found_on(const struct decision_inputs *inputs, const char *node_id)
{
	const struct entity_store *store = inputs->store;
	struct workspace_states all = store->workspaces(store->context, node_id, inputs->arena);
	size_t count = 0;
	for (size_t i = 0; i < all.count; i++)
		count += all.items[i]->found ? 1 : 0;
	return count;
}

static Roost__Change *found(const struct decision_inputs *inputs, const char *id)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_FOUND);
	arena_message(inputs->arena, change->workspace_found, roost__workspace_found__init);
	change->workspace_found->workspace_id = id;
	return change;
}

static Roost__Change *wanted_anew(const struct decision_inputs *inputs, const char *id)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	arena_message(inputs->arena, change->workspace_wanted_anew, roost__workspace_wanted_anew__init);
	change->workspace_wanted_anew->workspace_id = id;
	return change;
}

struct decision *decide_reap_workspace(const struct decision_inputs *inputs, const Roost__ReapWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const struct keyed_command *claim;
	if (!validate_id("id", request->id, &decision->refusal) ||
	    !validate_id("nodeId", request->node_id, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &claim))
		return decision;
	const Roost__NodeState *node = own_node(inputs, request->node_id);
	if (node == NULL)
		return refuse_unknown_node(inputs, decision, request->node_id);
	const Roost__WorkspaceState *workspace = store->workspace(store->context, request->id, inputs->arena);
	if (workspace != NULL && strcmp(workspace->resource->node_id, request->node_id) != 0)
		return refuse_unknown_workspace(inputs, decision, request->id);
	if (workspace != NULL && workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETING)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	if (workspace != NULL && workspace->resource->status != ROOST__WORKSPACE__STATUS__DELETED)
		return refuse_workspace_move(inputs, decision, workspace, "reaped", ". Delete it instead.");
	if (workspace == NULL && found_on(inputs, request->node_id) >= UNKNOWN_WORKSPACES_MAX)
		return decision_refuse(inputs, decision, ERROR_LIMIT_REACHED,
				       "Node %s is removing %d such workspaces already. Wait until they are gone.",
				       node->resource->name, UNKNOWN_WORKSPACES_MAX);
	Roost__Change *change = workspace == NULL ? found(inputs, request->id) : wanted_anew(inputs, request->id);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}
