/* The machine's own node, which its owner may delete: its agent then takes everything away, leaves a mark and
 * ends for good. The next node of the installation is another one. Loop thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_LOCAL_NODE_H
#define ROOST_CONTROLLER_INSTALLATION_LOCAL_NODE_H

#include "controller/installation/layout.h"

/* The agent of the present node has left its mark. */
bool local_node_was_deleted(const struct installation *installation);

/* Forgets the present node, so that the next one is made; saves that. */
bool local_node_forget(struct installation *installation, struct error *error);

/* The idempotency key with which the node is made: the same for as long as it is the same node. */
char *local_node_key(const struct installation *installation, struct arena *arena);

#endif
