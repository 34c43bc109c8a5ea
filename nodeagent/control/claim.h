/* Whose a data folder is. An agent's own folder remembers its node in nodeagent.id; that of an installation
 * names its node in installation.json, which has the last word. Nothing here needs the bus. Blocks briefly;
 * before the loop runs. */
#ifndef ROOST_NODEAGENT_CONTROL_CLAIM_H
#define ROOST_NODEAGENT_CONTROL_CLAIM_H

#include "nodeagent/control/agent.h"

#include "bus/foundation/ulid.h"

struct claim {
	const char *folder;			     /* borrowed */
	char remembered[IDENTIFIER_LENGTH + 1];	     /* the node that was served from here; "" for none */
	bool has_installation;			     /* an installation lives here */
	char of_installation[IDENTIFIER_LENGTH + 1]; /* its node; "" while it has none */
};

/* Reads what the folder says; a folder that is not there says nothing. */
void claim_read(struct claim *claim, const char *folder);

/* Whether `node_id` may be served from the folder, as far as the folder says: ERROR_CONFLICT when it is
 * another node's. Changes nothing. A stale nodeagent.id in the installation of the node is fine. */
bool claim_check(const struct claim *claim, const char *node_id, struct error *error);

/* Notes the settings' node as the folder's. In place of another one: ERROR_CONFLICT while something of that one
 * runs from here; otherwise its database goes, since it tells of another node. */
bool claim_take(const struct claim *claim, const struct agent_settings *settings, struct error *error);

/* The nodes whose things may run from here, `node_id` (may be "") first; the number, at most 2. */
size_t claim_nodes(const struct claim *claim, const char *node_id, const char *nodes[2]);

/* Writes the node's id to a file. */
bool claim_write(const char *path, const char *node_id, struct error *error);

#endif
