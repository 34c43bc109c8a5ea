/* A workspace's network: a veth pair between the machine and the workspace's network namespace, point to
 * point, with an address of 100.126.0.0/16 that no other workspace on the machine has, of whatever
 * installation. What may pass is firewall.h's matter.
 *
 * The veth lives as long as the namespace; nothing is left when a process dies between two steps.
 * Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_NETWORK_H
#define ROOST_NODEAGENT_RUNTIME_OCI_NETWORK_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>
#include <stdint.h>

/* Connects the namespace. `slot` is the low half of the address: in, the one to try first (0: any); out,
 * the one taken. PLATFORM_UNAVAILABLE when no address is free. */
bool network_connect(const struct runtime_settings *settings, const char *workspace_id, int network_fd, uint32_t *slot,
		     struct error *error);

/* Takes the workspace's links away at once, however many; of an absent one, succeeds. */
bool network_disconnect(const struct runtime_settings *settings, const char *workspace_id, struct error *error);

/* The ids of the installation's workspaces that have a link, in the arena. */
bool network_list(const struct runtime_settings *settings, struct arena *arena, const char ***ids, size_t *count,
		  struct error *error);

/* Writes the address of a slot as text, at most 16 bytes. */
void network_address_text(uint32_t slot, char *text);

/* Every link of every installation begins with this; at most 14 characters follow from it. */
#define NETWORK_LINK_PREFIX "roost"

#endif
