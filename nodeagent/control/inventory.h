/* What really exists on the machine, whatever is wanted of it. */
#ifndef ROOST_NODEAGENT_CONTROL_INVENTORY_H
#define ROOST_NODEAGENT_CONTROL_INVENTORY_H

#include "nodeagent/control/agent.h"
#include "nodeagent/control/reply.h"

/* Lists on a worker and answers in pages of INVENTORY_PAGE_MAX workspaces, ordered by id; the first
 * page also names the sessions with a live host. All of an answer is as of one moment: when work on a
 * workspace begins or ends during the listing, it is listed again, and an agent that is too busy for that
 * says so (ERROR_BUSY). */
void inventory_answer(struct agent *agent, const Roost__InventoryRequest *request, struct reply *reply);

#endif
