/* node.create takes two records, since the number of an owner's nodes is decided in the owner's
 * aggregate and everything else in the node's: first the claim, then the node, whose first record
 * (expected sequence 0) follows from the claim. Whoever retries goes on where the first one ended. */
#include "controller/domain/deciding.h"
#include "controller/domain/names.h"
#include "controller/domain/roster.h"
#include "controller/domain/validate.h"
#include <string.h>

static struct decision *claim_node(const struct decision_inputs *inputs, struct decision *decision,
				   const Roost__OwnerState *owner, const Roost__CreateNodeRequest *request,
				   const char *node_id)
{
	if (owner != NULL && owner->n_nodes >= inputs->limits.max_nodes_per_user)
		return decision_refuse(inputs, decision, ERROR_LIMIT_REACHED,
				       "You have %zu nodes, which is the limit (MAX_NODES_PER_USER). Delete one first.",
				       owner->n_nodes);
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_OWNER_NODE_CLAIMED);
	arena_message(inputs->arena, change->owner_node_claimed, roost__owner_node_claimed__init);
	change->owner_node_claimed->node_id = node_id;
	change->owner_node_claimed->name = name_trim(request->name, inputs->arena);
	change->owner_node_claimed->provider = request->provider == NULL ? "local" : request->provider;
	struct aggregate aggregate = aggregate_of_owner(owner, inputs->owner);
	decision->again = true;
	return decision_append(inputs, decision, &aggregate, &change, 1, node_id);
}

static struct decision *make_node(const struct decision_inputs *inputs, struct decision *decision,
				  const Roost__OwnerNodeClaimed *claim)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_NODE_CREATED);
	arena_message(inputs->arena, change->node_created, roost__node_created__init);
	change->node_created->node_id = claim->node_id;
	change->node_created->name = claim->name;
	change->node_created->provider = claim->provider;
	change->node_created->has_max_workspaces = true;
	change->node_created->max_workspaces = inputs->limits.max_workspaces_per_node;
	struct aggregate aggregate = {.kind = ROOST__RECORD__KIND__NODE, .id = claim->node_id, .owner = inputs->owner};
	return decision_append(inputs, decision, &aggregate, &change, 1, claim->node_id);
}

static bool request_is_valid(const Roost__CreateNodeRequest *request, struct error *error)
{
	if (!validate_name("name", request->name, error))
		return false;
	if (request->provider != NULL && strcmp(request->provider, "local") != 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "provider: must be \"local\"");
	return true;
}

struct decision *decide_create_node(const struct decision_inputs *inputs, const Roost__CreateNodeRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const struct keyed_command *earlier;
	if (!request_is_valid(request, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &earlier))
		return decision;
	const char *node_id = earlier == NULL ? inputs->new_id : earlier->answer_id;
	const Roost__NodeState *node = store->node(store->context, node_id, inputs->arena);
	if (node != NULL) /* made for a claim without a key in the meantime */
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	const Roost__OwnerState *owner = store->owner(store->context, inputs->owner, inputs->arena);
	const Roost__OwnerNodeClaimed *claim = roster_entry(owner, node_id);
	return claim == NULL ? claim_node(inputs, decision, owner, request, node_id)
			     : make_node(inputs, decision, claim);
}

struct decision *decide_complete_node_claim(const struct decision_inputs *inputs, const char *node_id)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__NodeState *node = store->node(store->context, node_id, inputs->arena);
	if (node != NULL)
		return decision_nothing(inputs, decision, (struct answer){.node = node->resource});
	const Roost__OwnerState *owner = store->owner(store->context, inputs->owner, inputs->arena);
	const Roost__OwnerNodeClaimed *claim = roster_entry(owner, node_id);
	if (claim == NULL)
		return decision_nothing(inputs, decision, (struct answer){0});
	return make_node(inputs, decision, claim);
}
