/* One report as a change; between reports.c and report_changes.c. */
#ifndef ROOST_CONTROLLER_DOMAIN_REPORT_CHANGES_H
#define ROOST_CONTROLLER_DOMAIN_REPORT_CHANGES_H

#include "controller/domain/entity_store.h"
#include "node.pb-c.h"
#include "record.pb-c.h"

/* The change that the report makes of the state in the store, in the arena with its own strings cut to
 * the limits. NULL when it makes none. A report that nobody understands, or about what this node does
 * not have, makes a report_rejected. */
Roost__Change *report_change(const struct entity_store *store, const Roost__NodeState *node,
			     const Roost__Report *report, struct arena *arena);

#endif
