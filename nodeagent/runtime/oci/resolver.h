/* Which name servers a workspace is told of. Pure but for the one file it reads. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_RESOLVER_H
#define ROOST_NODEAGENT_RUNTIME_OCI_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

/* The machine's configuration without name servers that no workspace can reach (loopback, link-local).
 * Where the machine asks a local server that knows the real ones (systemd-resolved), the real ones. */
void resolver_configuration(char *text, size_t size);

/* Appends what may be kept of one file's text; returns whether a name server was among it. */
bool resolver_filter(const char *configuration, char *text, size_t size);

#endif
