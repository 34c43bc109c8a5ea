/* The rules between workspaces and everything else: one nftables table per installation, whose rules know
 * workspaces' links by the beginning of their names, so that nothing changes per workspace.
 *
 * From a workspace: everything outbound over IPv4, but no own address of the machine in whatever guise
 * (S0-06, D8), no workspace of any installation, nothing link-local, loopback, broadcast or multicast, and no source
 * address but its own; what is tried of these fails at once. Into a workspace: only answers, and what the machine itself opens.
 * Blocking; callers serialise. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_FIREWALL_H
#define ROOST_NODEAGENT_RUNTIME_OCI_FIREWALL_H

#include "bus/foundation/error.h"
#include "nodeagent/runtime/external.h"
#include "nodeagent/runtime/runtime_driver.h"

/* Makes the table, or replaces it in one transaction, and lets the machine forward IPv4. */
bool firewall_make(const struct runtime_settings *settings, const struct external_wait *wait, struct error *error);

/* Makes the table unless it is there with all its rules; cheap, and asked before every start, so that no workspace runs
 * without it when somebody has flushed the machine's rules. */
bool firewall_ensure(const struct runtime_settings *settings, struct error *error);

/* Takes the table away; an absent one is fine. */
bool firewall_remove(const struct runtime_settings *settings, struct error *error);

#endif
