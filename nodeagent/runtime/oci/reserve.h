/* Room on a workspace's own disk that the workspace cannot take: files and bytes beside the agent's marks, given
 * up when a start finds too little room, and taken again before anybody can use what it has freed. So a
 * workspace that filled its disk, with bytes or with files, can always be started, and its owner can make room.
 * Blocking; the workspace's lock is held. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_RESERVE_H
#define ROOST_NODEAGENT_RUNTIME_OCI_RESERVE_H

#include "nodeagent/runtime/oci/place.h"

#include <stdbool.h>

/* Its folder among those of a disk. */
#define RESERVE_FOLDER "marks/reserve"

/* Fills a folder with the reserve's files; its bytes are the disk's own matter. */
bool reserve_fill(const char *folder, struct error *error);

/* Before a start writes to the attached disk: gives the reserve up if there is hardly any room beside it. */
void reserve_give(const struct place *place);

/* When nothing of the start will be written any more, and nothing of the workspace's owner runs yet: as much of it
 * as there is room for. Nothing happens when it is whole, or on a disk without a limit of its own. */
void reserve_take(const struct place *place);

/* True when the workspace has filled its disk, with bytes or with files. */
bool reserve_disk_is_full(const struct place *place);

#endif
