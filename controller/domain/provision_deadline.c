/* The deadline of a create or restart: a safety net, not a poll (S1-12). Any controller may fire it;
 * the log lets one win, and status and generation are compared, so a late one does nothing. */
#include "controller/domain/provision_deadline.h"

#include "bus/foundation/planted.h"
#include "controller/domain/deciding.h"

Roost__Change *provision_deadline_change(const Roost__WorkspaceState *workspace, int64_t now_ms, struct arena *arena)
{
	if (workspace->resource->status != ROOST__WORKSPACE__STATUS__CREATING ||
	    (now_ms < workspace->deadline_at && !planted(PLANTED_DEADLINE_ANY_GENERATION)))
		return NULL;
	Roost__Change *change = change_new(arena, ROOST__CHANGE__CHANGE_WORKSPACE_FAILED);
	arena_message(arena, change->workspace_failed, roost__workspace_failed__init);
	change->workspace_failed->workspace_id = workspace->resource->id;
	change->workspace_failed->has_generation = true;
	change->workspace_failed->generation = workspace->resource->generation;
	change->workspace_failed->step = workspace->last_step;
	change->workspace_failed->message = arena_printf(arena, "Workspace did not become ready within %ums",
							 workspace->resource->provision_timeout_ms);
	return change;
}

struct decision *decide_provision_deadline(const struct decision_inputs *inputs, const char *workspace_id,
					   uint32_t generation)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__WorkspaceState *workspace = store->workspace(store->context, workspace_id, inputs->arena);
	if (workspace == NULL ||
	    (workspace->resource->generation != generation && !planted(PLANTED_DEADLINE_ANY_GENERATION)))
		return decision_nothing(inputs, decision, (struct answer){0});
	const Roost__NodeState *node = store->node(store->context, workspace->resource->node_id, inputs->arena);
	Roost__Change *change =
	    node == NULL ? NULL : provision_deadline_change(workspace, inputs->now_ms, inputs->arena);
	if (change == NULL)
		return decision_nothing(inputs, decision, (struct answer){.workspace = workspace->resource});
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, NULL);
}
