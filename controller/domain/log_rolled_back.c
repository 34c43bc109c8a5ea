/* The log was restored from a backup under a node that had seen more of it. From a caught-up projection of
 * the same log that is the only way in which a node can be ahead, in its version or, when the log went back
 * to before an earlier new epoch, in that. The new epoch is above both; it makes the node forget what was
 * wanted, keep what it has, and tell everything anew. */
#include "controller/domain/deciding.h"
#include "controller/domain/wanted.h"

static bool is_ahead(const Roost__NodeState *node, uint64_t log_epoch, uint64_t reported_version)
{
	return log_epoch != node->log_epoch ? log_epoch > node->log_epoch && log_epoch < LOG_EPOCH_LAST
					    : reported_version > node->version;
}

struct decision *decision_new_epoch(const struct decision_inputs *inputs, struct decision *decision,
				    const Roost__NodeState *node, uint64_t log_epoch, uint64_t reported_version)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_LOG_ROLLED_BACK);
	arena_message(inputs->arena, change->log_rolled_back, roost__log_rolled_back__init);
	change->log_rolled_back->has_log_epoch = change->log_rolled_back->has_reported_version = true;
	change->log_rolled_back->log_epoch = log_epoch;
	change->log_rolled_back->reported_version = reported_version;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, NULL);
}

struct decision *decide_log_rolled_back(const struct decision_inputs *inputs, const char *node_id, uint64_t log_epoch,
					uint64_t reported_version)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__NodeState *node = store->node(store->context, node_id, inputs->arena);
	if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED ||
	    !is_ahead(node, log_epoch, reported_version))
		return decision_nothing(inputs, decision, (struct answer){0});
	return decision_new_epoch(inputs, decision, node, log_epoch + 1, reported_version);
}
