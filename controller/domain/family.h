/* Parents and children among the workspaces of one node. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_FAMILY_H
#define ROOST_CONTROLLER_DOMAIN_FAMILY_H

#include "controller/domain/entity_store.h"

/* The children of the workspace, their children, and so on, among `all` (ordered by id), in its order.
 * Whoever's parent is not among `all` has none any more. */
struct workspace_states descendants_of(const char *id, const struct workspace_states *all, struct arena *arena);

/* How many workspaces there are from the eldest ancestor down to this one: 1 without a parent. */
unsigned depth_of(const Roost__WorkspaceState *workspace, const struct entity_store *store, struct arena *arena);

#endif
