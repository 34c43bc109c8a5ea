/* Each change of a node's health is a record; the health itself is computed from beats by the caller. */
#include "controller/domain/deciding.h"

struct decision *decide_node_health(const struct decision_inputs *inputs, const char *node_id,
				    Roost__Node__Health health, int64_t silent_since_ms, const char *message)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__NodeState *node = store->node(store->context, node_id, inputs->arena);
	if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED)
		return decision_nothing(inputs, decision, (struct answer){0});
	Roost__Node__Health announced =
	    node->has_announced_health ? node->announced_health : ROOST__NODE__HEALTH__HEALTHY;
	if (announced == health)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_HEALTH_CHANGED);
	arena_message(inputs->arena, change->node_health_changed, roost__node_health_changed__init);
	change->node_health_changed->has_health = true;
	change->node_health_changed->health = health;
	if (health != ROOST__NODE__HEALTH__HEALTHY) {
		change->node_health_changed->has_silent_since_at = true;
		change->node_health_changed->silent_since_at = silent_since_ms;
		change->node_health_changed->message = message;
	}
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, NULL);
}
