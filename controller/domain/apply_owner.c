/* Changes of an owner's roster: which nodes exist or are being made, and where creates were placed. */
#include "controller/domain/changes.h"

#include "controller/domain/roster.h"

bool apply_owner_node_claimed(struct applying *applying, const Roost__Change *change)
{
	Roost__OwnerState *owner = applying->owner;
	Roost__OwnerNodeClaimed *claim = change->owner_node_claimed;
	if (claim->node_id == NULL || roster_entry(owner, claim->node_id) != NULL)
		return false;
	Roost__OwnerNodeClaimed **nodes =
	    arena_array_of(applying->arena, Roost__OwnerNodeClaimed *, owner->n_nodes + 1);
	for (size_t i = 0; i < owner->n_nodes; i++)
		nodes[i] = owner->nodes[i];
	nodes[owner->n_nodes++] = claim;
	owner->nodes = nodes;
	return true;
}

/* The choice is kept with its idempotency key; the roster itself stays as it is. */
bool apply_owner_workspace_placed(struct applying *applying, const Roost__Change *change)
{
	(void)applying;
	return change->owner_workspace_placed->node_id != NULL && change->owner_workspace_placed->workspace_id != NULL;
}

bool apply_owner_node_released(struct applying *applying, const Roost__Change *change)
{
	Roost__OwnerState *owner = applying->owner;
	const char *node_id = change->owner_node_released->node_id;
	const Roost__OwnerNodeClaimed *entry = node_id == NULL ? NULL : roster_entry(owner, node_id);
	size_t kept = 0;
	if (entry == NULL)
		return false;
	for (size_t i = 0; i < owner->n_nodes; i++)
		if (owner->nodes[i] != entry)
			owner->nodes[kept++] = owner->nodes[i];
	owner->n_nodes = kept;
	return true;
}
