/* workspace.stop, .restart, .rebuild and .delete: each moves the workspace, and what runs in it follows by
 * applying the change. Nothing waits for the node; it is told by wanted state. */
#include "bus/foundation/planted.h"
#include "controller/domain/deciding.h"
#include "controller/domain/family.h"
#include "controller/domain/states.h"

struct decision *decide_stop_workspace(const struct decision_inputs *inputs, const Roost__StopWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin_workspace_command(inputs, decision, request->id, &node);
	if (workspace == NULL)
		return decision;
	Roost__Workspace__Status status = workspace->resource->status;
	if (status == ROOST__WORKSPACE__STATUS__STOPPING || status == ROOST__WORKSPACE__STATUS__STOPPED)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	if (!workspace_may_move(status, ROOST__WORKSPACE__STATUS__STOPPING))
		return refuse_workspace_move(inputs, decision, workspace, "stopped", ".");
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOPPING);
	arena_message(inputs->arena, change->workspace_stopping, roost__workspace_stopping__init);
	change->workspace_stopping->workspace_id = request->id;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}

/* The owner's workspace when it can start again; NULL when it is decided already. */
static Roost__WorkspaceState *begin_start(const struct decision_inputs *inputs, struct decision *decision,
					  const char *id, Roost__NodeState **node, const char *verb)
{
	Roost__WorkspaceState *workspace = begin_workspace_command(inputs, decision, id, node);
	if (workspace == NULL)
		return NULL;
	Roost__Workspace__Status status = workspace->resource->status;
	if (status == ROOST__WORKSPACE__STATUS__CREATING || status == ROOST__WORKSPACE__STATUS__STOPPING)
		refuse_workspace_move(inputs, decision, workspace, verb, " yet. Wait a moment, or stop it.");
	else if (!workspace_may_move(status, ROOST__WORKSPACE__STATUS__CREATING))
		refuse_workspace_move(inputs, decision, workspace, verb, ".");
	else if ((*node)->resource->status != ROOST__NODE__STATUS__RUNNING)
		refuse_node_not_running(inputs, decision, *node);
	else
		return workspace;
	return NULL;
}

struct decision *decide_restart_workspace(const struct decision_inputs *inputs,
					  const Roost__RestartWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin_start(inputs, decision, request->id, &node, "restarted");
	if (workspace == NULL)
		return decision;
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RESTARTING);
	arena_message(inputs->arena, change->workspace_restarting, roost__workspace_restarting__init);
	change->workspace_restarting->workspace_id = request->id;
	change->workspace_restarting->has_generation = true;
	change->workspace_restarting->generation =
	    workspace->resource->generation + !planted(PLANTED_RESTART_SAME_GENERATION);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}

struct decision *decide_rebuild_workspace(const struct decision_inputs *inputs,
					  const Roost__RebuildWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin_start(inputs, decision, request->id, &node, "rebuilt");
	if (workspace == NULL)
		return decision;
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_REBUILDING);
	arena_message(inputs->arena, change->workspace_rebuilding, roost__workspace_rebuilding__init);
	change->workspace_rebuilding->workspace_id = request->id;
	change->workspace_rebuilding->has_generation = true;
	change->workspace_rebuilding->generation = workspace->resource->generation + 1;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}

/* How many went with it is kept with the workspace, so that every later answer says the same. */
static struct decision *with_cascade(const struct decision_inputs *inputs, struct decision *decision, const char *id)
{
	const struct entity_store *store = inputs->store;
	const Roost__WorkspaceState *workspace = store->workspace(store->context, id, inputs->arena);
	if (workspace != NULL)
		decision->cascade_deleted = workspace->cascade_deleted;
	return decision;
}

/* Deleting is durable before anything is removed (D12), from every state. */
struct decision *decide_delete_workspace(const struct decision_inputs *inputs,
					 const Roost__DeleteWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	const Roost__WorkspaceState *workspace = begin_workspace_command(inputs, decision, request->id, &node);
	if (workspace == NULL)
		return decision->kind == DECISION_REPEAT ? with_cascade(inputs, decision, request->id) : decision;
	if (workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETING) {
		decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
		return with_cascade(inputs, decision, request->id);
	}
	const struct entity_store *store = inputs->store;
	struct workspace_states below = descendants_of(workspace, store, inputs->arena);
	for (size_t i = 0; i < below.count; i++)
		decision->cascade_deleted +=
		    workspace_may_move(below.items[i]->resource->status, ROOST__WORKSPACE__STATUS__DELETING);
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_DELETING);
	arena_message(inputs->arena, change->workspace_deleting, roost__workspace_deleting__init);
	change->workspace_deleting->workspace_id = request->id;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}
