/* node.stop and node.start. What runs on the node follows by applying the change; the node itself is told
 * by wanted state, and only its own word makes it stopped or running. */
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"

static struct decision *refuse_move(const struct decision_inputs *inputs, struct decision *decision,
				    const Roost__NodeState *node, const char *verb, const char *advice)
{
	return decision_refuse(inputs, decision, ERROR_INVALID_TRANSITION, "Node %s is %s and cannot be %s%s",
			       node->resource->name, node_status_word(node->resource->status), verb, advice);
}

static bool runs(const Roost__WorkspaceState *workspace)
{
	return workspace->resource->status == ROOST__WORKSPACE__STATUS__CREATING ||
	       workspace->resource->status == ROOST__WORKSPACE__STATUS__RUNNING;
}

/* The workspaces that a stop of the node would end. */
static struct workspace_states running_on(const struct decision_inputs *inputs, const char *node_id)
{
	const struct entity_store *store = inputs->store;
	struct workspace_states all = store->workspaces(store->context, node_id, inputs->arena);
	size_t kept = 0;
	for (size_t i = 0; i < all.count; i++)
		if (runs(all.items[i]))
			all.items[kept++] = all.items[i];
	all.count = kept;
	return all;
}

struct decision *decide_stop_node(const struct decision_inputs *inputs, const Roost__StopNodeRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const Roost__NodeState *node = begin_node_command(inputs, decision, request->id);
	if (node == NULL)
		return decision;
	Roost__Node__Status status = node->resource->status;
	if (status == ROOST__NODE__STATUS__STOPPING || status == ROOST__NODE__STATUS__STOPPED)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	if (status == ROOST__NODE__STATUS__PENDING || status == ROOST__NODE__STATUS__CREATING)
		return refuse_move(inputs, decision, node, "stopped", " yet. Wait until it is running, or delete it.");
	if (!node_may_move(status, ROOST__NODE__STATUS__STOPPING))
		return refuse_move(inputs, decision, node, "stopped", ".");
	struct workspace_states running = running_on(inputs, node->resource->id);
	if (running.count > 0 && !request->confirm)
		return refuse_unconfirmed(inputs, decision,
					  arena_printf(inputs->arena, "Stopping node %s ends", node->resource->name),
					  &running);
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_STOPPING);
	arena_message(inputs->arena, change->node_stopping, roost__node_stopping__init);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}

struct decision *decide_start_node(const struct decision_inputs *inputs, const Roost__StartNodeRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const Roost__NodeState *node = begin_node_command(inputs, decision, request->id);
	if (node == NULL)
		return decision;
	Roost__Node__Status status = node->resource->status;
	if (status == ROOST__NODE__STATUS__CREATING || status == ROOST__NODE__STATUS__RUNNING)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	if (status == ROOST__NODE__STATUS__STOPPING)
		return refuse_move(inputs, decision, node, "started", " yet. Wait until it is stopped.");
	if (!node_may_move(status, ROOST__NODE__STATUS__CREATING))
		return refuse_move(inputs, decision, node, "started", ".");
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_STARTING);
	arena_message(inputs->arena, change->node_starting, roost__node_starting__init);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}
