/* One node's whole inventory, asked for page by page. A node that answers with rubbish, too much, or in
 * circles gives an error and nothing else. Loop thread. */
#ifndef ROOST_SWEEPER_INVENTORY_H
#define ROOST_SWEEPER_INVENTORY_H

#include "bus/link/connection.h"
#include "node.pb-c.h"

/* What the node has. Everything lives in the arena. */
struct inventory {
	struct arena *arena;
	char node_id[27];
	Roost__InventoryResponse__Workspace **workspaces; /* by id */
	size_t workspace_count;
	const char **sessions; /* by id */
	size_t session_count;
	const char *log_id; /* what the agent held all the while; NULL when that changed, or it did not say */
	uint64_t log_epoch, held_version;
};

/* `inventory` is the callee's from then on (inventory_free), NULL on failure. */
typedef void inventory_done(void *context, struct inventory *inventory, const struct error *error);

/* `done` is called once, never before this returns; `timeout_ms` is for each page. */
void inventory_ask(struct connection *connection, const char *node_id, uint32_t timeout_ms, inventory_done *done,
		   void *context);

void inventory_free(struct inventory *inventory);

/* The workspace of this id; NULL when there is none. */
const Roost__InventoryResponse__Workspace *inventory_workspace(const struct inventory *inventory, const char *id);
bool inventory_has_session(const struct inventory *inventory, const char *id);

#endif
