/* workspace.stop, .restart and .delete: each moves the workspace, and what runs in it follows by
 * applying the change. Nothing waits for the node; it is told by wanted state. */
#include "bus/foundation/planted.h"
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"

/* What the three share before they differ: a valid id, no earlier answer, and the owner's workspace.
 * NULL when it is decided already. */
static Roost__WorkspaceState *begin(const struct decision_inputs *inputs, struct decision *decision, const char *id,
				    Roost__NodeState **node)
{
	const struct keyed_command *claim;
	if (!validate_id("id", id, &decision->refusal)) {
		decision_invalid(decision);
		return NULL;
	}
	if (decision_by_key(inputs, decision, &claim))
		return NULL;
	Roost__WorkspaceState *workspace = own_workspace(inputs, id);
	*node = workspace == NULL ? NULL : own_node(inputs, workspace->resource->node_id);
	if (*node == NULL) {
		refuse_unknown_workspace(inputs, decision, id);
		return NULL;
	}
	return workspace;
}

static struct decision *refuse_move(const struct decision_inputs *inputs, struct decision *decision,
				    const Roost__WorkspaceState *workspace, const char *verb, const char *advice)
{
	return decision_refuse(inputs, decision, ERROR_INVALID_TRANSITION, "Workspace %s is %s and cannot be %s%s",
			       workspace->resource->display_name, workspace_status_word(workspace->resource->status),
			       verb, advice);
}

static struct decision *append(const struct decision_inputs *inputs, struct decision *decision,
			       const Roost__NodeState *node, Roost__Change *change, const char *id)
{
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, id);
}

struct decision *decide_stop_workspace(const struct decision_inputs *inputs, const Roost__StopWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin(inputs, decision, request->id, &node);
	if (workspace == NULL)
		return decision;
	Roost__Workspace__Status status = workspace->resource->status;
	if (status == ROOST__WORKSPACE__STATUS__STOPPING || status == ROOST__WORKSPACE__STATUS__STOPPED)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	if (!workspace_may_move(status, ROOST__WORKSPACE__STATUS__STOPPING))
		return refuse_move(inputs, decision, workspace, "stopped", ".");
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOPPING);
	arena_message(inputs->arena, change->workspace_stopping, roost__workspace_stopping__init);
	change->workspace_stopping->workspace_id = request->id;
	return append(inputs, decision, node, change, request->id);
}

struct decision *decide_restart_workspace(const struct decision_inputs *inputs,
					  const Roost__RestartWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin(inputs, decision, request->id, &node);
	if (workspace == NULL)
		return decision;
	Roost__Workspace__Status status = workspace->resource->status;
	if (status == ROOST__WORKSPACE__STATUS__CREATING || status == ROOST__WORKSPACE__STATUS__STOPPING)
		return refuse_move(inputs, decision, workspace, "restarted", " yet. Wait a moment, or stop it.");
	if (!workspace_may_move(status, ROOST__WORKSPACE__STATUS__CREATING))
		return refuse_move(inputs, decision, workspace, "restarted", ".");
	if (node->resource->status != ROOST__NODE__STATUS__RUNNING)
		return refuse_node_not_running(inputs, decision, node);
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RESTARTING);
	arena_message(inputs->arena, change->workspace_restarting, roost__workspace_restarting__init);
	change->workspace_restarting->workspace_id = request->id;
	change->workspace_restarting->has_generation = true;
	change->workspace_restarting->generation =
	    workspace->resource->generation + !planted(PLANTED_RESTART_SAME_GENERATION);
	return append(inputs, decision, node, change, request->id);
}

/* Deleting is durable before anything is removed (D12), from every state. */
struct decision *decide_delete_workspace(const struct decision_inputs *inputs,
					 const Roost__DeleteWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	Roost__NodeState *node;
	Roost__WorkspaceState *workspace = begin(inputs, decision, request->id, &node);
	if (workspace == NULL)
		return decision;
	if (workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETING)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_DELETING);
	arena_message(inputs->arena, change->workspace_deleting, roost__workspace_deleting__init);
	change->workspace_deleting->workspace_id = request->id;
	return append(inputs, decision, node, change, request->id);
}
