/* The orderly end of what runs in an installation: by commands, while the bus still works, so that the log says
 * that workspaces were stopped. */
#ifndef ROOST_CONTROLLER_INSTALLATION_ORDERLY_STOP_H
#define ROOST_CONTROLLER_INSTALLATION_ORDERLY_STOP_H

#include "controller/installation/layout.h"

#include <stddef.h>

struct orderly_stop {
	size_t asked;	/* workspaces that ran, were being made or were stopping */
	size_t stopped; /* of those, by the node's word */
};

/* Stops the owner's workspaces on the installation's own node and waits for the node's word. Blocks: about 2 s
 * when nobody answers on the bus, ORDERLY_STOP_MS (20 s) at most. Whatever it did not reach is somebody else's to
 * end; there is no failure. On a loop of its own; any thread. */
struct orderly_stop orderly_stop(const struct installation *installation, const char *owner);

#endif
