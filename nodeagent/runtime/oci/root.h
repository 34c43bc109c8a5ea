/* The root file system on a workspace's disk: what was written above its image, of which generation it is, and
 * its making anew. /workspace and the agent's marks are not part of it. Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_ROOT_H
#define ROOST_NODEAGENT_RUNTIME_OCI_ROOT_H

#include "nodeagent/runtime/oci/place.h"

#include <stdbool.h>
#include <stdint.h>

/* Throws the root away when it was not made to its end, or when it is older than rebuild_generation wants;
 * image_make_root then makes it anew. Does nothing with a root that may stay. The disk is attached and no
 * sandbox runs. */
bool root_prepare(const struct place *place, const struct runtime_workspace *workspace, uint32_t first_user,
		  struct error *error);

/* True when a root is there that was made to its end. */
bool root_is_whole(const struct place *place);

/* Notes on the disk that the root is whole, and of which generation. */
bool root_finish(const struct place *place, const struct runtime_workspace *workspace, struct error *error);

#endif
