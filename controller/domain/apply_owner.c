/* Changes of an owner's roster: which nodes exist or are being made, and where creates were placed. */
#include "controller/domain/changes.h"

#include <string.h>

static size_t place_of(const Roost__OwnerState *owner, const char *node_id)
{
	size_t i = 0;
	while (i < owner->n_nodes && strcmp(owner->nodes[i]->node_id, node_id) != 0)
		i++;
	return i;
}

bool apply_owner_node_claimed(struct applying *applying, const Roost__Change *change)
{
	Roost__OwnerState *owner = applying->owner;
	Roost__OwnerNodeClaimed *claim = change->owner_node_claimed;
	if (claim->node_id == NULL || place_of(owner, claim->node_id) < owner->n_nodes)
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
	size_t place = node_id == NULL ? owner->n_nodes : place_of(owner, node_id);
	if (place == owner->n_nodes)
		return false;
	owner->n_nodes--;
	for (size_t i = place; i < owner->n_nodes; i++)
		owner->nodes[i] = owner->nodes[i + 1];
	return true;
}
