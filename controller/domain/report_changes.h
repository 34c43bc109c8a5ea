/* One report as changes; between reports.c and report_changes.c. */
#ifndef ROOST_CONTROLLER_DOMAIN_REPORT_CHANGES_H
#define ROOST_CONTROLLER_DOMAIN_REPORT_CHANGES_H

#include "controller/domain/entity_store.h"
#include "node.pb-c.h"
#include "record.pb-c.h"

enum { REPORT_CHANGES_MAX = 2 };

/* The changes that the report would make of the state in the store, in order, in the arena with their own
 * strings cut to the limits; gives how many. Each must be tried: one that does not apply is late, or no
 * news. A report that nobody understands, or about what this node does not have, makes a report_rejected.
 * Where the log went back, a report of a later generation raises the log's first. */
size_t report_changes(const struct entity_store *store, const Roost__NodeState *node, const Roost__Report *report,
		      struct arena *arena, Roost__Change *changes[REPORT_CHANGES_MAX]);

/* The report tells of a later generation than the log knows, though the log is not known to have gone back:
 * that it did is the only way in which an honest node can. */
bool report_shows_rollback(const struct entity_store *store, const Roost__NodeState *node, const Roost__Report *report,
			   struct arena *arena);

#endif
