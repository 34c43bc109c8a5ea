/* Whether the disk under the log has room for more than ending things. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_DISK_RESERVE_H
#define ROOST_CONTROLLER_COMMANDS_DISK_RESERVE_H

#include "bus/foundation/error.h"

/* False with ERROR_PLATFORM_UNAVAILABLE when less than DISK_RESERVE_MB is free in the folder's file
 * system. True when `folder` is NULL or cannot be asked: the log then speaks for itself. Looks at most
 * once a second. */
bool disk_reserve_left(const char *folder, struct error *error);

#endif
