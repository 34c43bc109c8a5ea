/* The nodes that an owner has, or is about to have. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_ROSTER_H
#define ROOST_CONTROLLER_DOMAIN_ROSTER_H

#include "state.pb-c.h"

/* The owner's entry for the node; NULL when the roster has none, or the owner is NULL. */
Roost__OwnerNodeClaimed *roster_entry(const Roost__OwnerState *owner, const char *node_id);

#endif
