/* node.delete, and letting go of what is deleted. From every state, with a confirmation when something
 * dies; the node's own word ends it, unless there never was an agent to give it, or the user abandons the
 * node and is told what may be left. */
#include "bus/foundation/planted.h"
#include "controller/domain/deciding.h"
#include "controller/domain/roster.h"
#include "controller/domain/states.h"

enum { LEFT_BEHIND_MAX = 200 };

static Roost__Change *deleting(const struct decision_inputs *inputs)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_DELETING);
	arena_message(inputs->arena, change->node_deleting, roost__node_deleting__init);
	return change;
}

/* Workspaces by id and name, for whoever cleans the machine by hand. */
static void list_left(Roost__NodeDeleted *deleted, const struct workspace_states *present, struct arena *arena)
{
	size_t listed = present->count < LEFT_BEHIND_MAX ? present->count : LEFT_BEHIND_MAX;
	deleted->left_behind = arena_array_of(arena, const char *, listed + 1);
	for (size_t i = 0; i < listed; i++)
		deleted->left_behind[deleted->n_left_behind++] =
		    arena_printf(arena, "workspace %s (%s)", present->items[i]->resource->id,
				 present->items[i]->resource->display_name);
	if (present->count > listed)
		deleted->left_behind[deleted->n_left_behind++] =
		    arena_printf(arena, "%zu more workspaces", present->count - listed);
}

/* Deleted without waiting: `abandoned` with what may be left, or because nothing ever was there. */
static struct decision *delete_at_once(const struct decision_inputs *inputs, struct decision *decision,
				       const Roost__NodeState *node, bool abandoned,
				       const struct workspace_states *present)
{
	Roost__Change *changes[2];
	size_t count = 0;
	if (node->resource->status != ROOST__NODE__STATUS__DELETING)
		changes[count++] = deleting(inputs);
	Roost__Change *deleted = changes[count++] = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_DELETED);
	arena_message(inputs->arena, deleted->node_deleted, roost__node_deleted__init);
	if (abandoned) {
		deleted->node_deleted->has_abandoned = deleted->node_deleted->abandoned = true;
		list_left(deleted->node_deleted, present, inputs->arena);
	}
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, changes, count, node->resource->id);
}

struct decision *decide_delete_node(const struct decision_inputs *inputs, const Roost__DeleteNodeRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const Roost__NodeState *node = begin_node_command(inputs, decision, request->id);
	if (node == NULL)
		return decision;
	const struct entity_store *store = inputs->store;
	const char *name = node->resource->name;
	struct workspace_states present = store->workspaces(store->context, request->id, inputs->arena);
	bool untouched = present.count == 0 && (node->report_position == NULL || planted(PLANTED_NODE_DELETED_EARLY));
	bool is_deleting = node->resource->status == ROOST__NODE__STATUS__DELETING;
	if (untouched)
		return delete_at_once(inputs, decision, node, false, &present);
	if (request->abandon && !request->confirm)
		return refuse_unconfirmed(
		    inputs, decision,
		    arena_printf(inputs->arena, "Abandoning node %s deletes it without its word, and may leave", name),
		    &present);
	if (request->abandon)
		return delete_at_once(inputs, decision, node, true, &present);
	if (is_deleting)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	if (present.count > 0 && !request->confirm)
		return refuse_unconfirmed(
		    inputs, decision, arena_printf(inputs->arena, "Deleting node %s deletes, with all files,", name),
		    &present);
	Roost__Change *change = deleting(inputs);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}

struct decision *decide_release_node(const struct decision_inputs *inputs, const char *node_id)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__NodeState *node = store->node(store->context, node_id, inputs->arena);
	if (node == NULL || node->resource->status != ROOST__NODE__STATUS__DELETED)
		return decision_nothing(inputs, decision, (struct answer){0});
	const Roost__OwnerState *owner = store->owner(store->context, node->owner, inputs->arena);
	if (roster_entry(owner, node_id) == NULL)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_OWNER_NODE_RELEASED);
	arena_message(inputs->arena, change->owner_node_released, roost__owner_node_released__init);
	change->owner_node_released->node_id = node_id;
	struct aggregate aggregate = aggregate_of_owner(owner, node->owner);
	return decision_append(inputs, decision, &aggregate, &change, 1, NULL);
}
