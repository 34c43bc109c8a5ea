/* Parents and children among the workspaces of one node. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_FAMILY_H
#define ROOST_CONTROLLER_DOMAIN_FAMILY_H

#include "controller/domain/entity_store.h"

/* The children of the workspace, their children, and so on, by id, without those that are deleted. Costs
 * nothing for a workspace that never had a child. */
struct workspace_states descendants_of(const Roost__WorkspaceState *workspace, const struct entity_store *store,
				       struct arena *arena);

/* How many workspaces there are from the eldest ancestor down to this one: 1 without a parent. */
unsigned depth_of(const Roost__WorkspaceState *workspace, const struct entity_store *store, struct arena *arena);

#endif
