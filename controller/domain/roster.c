/* A walk: a roster is as long as an owner's limit of nodes. */
#include "controller/domain/roster.h"

#include <stddef.h>
#include <string.h>

Roost__OwnerNodeClaimed *roster_entry(const Roost__OwnerState *owner, const char *node_id)
{
	for (size_t i = 0; owner != NULL && i < owner->n_nodes; i++)
		if (strcmp(owner->nodes[i]->node_id, node_id) == 0)
			return owner->nodes[i];
	return NULL;
}
