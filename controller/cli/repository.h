/* What --repo means. */
#ifndef ROOST_CONTROLLER_CLI_REPOSITORY_H
#define ROOST_CONTROLLER_CLI_REPOSITORY_H

#include "bus/foundation/arena.h"

/* A relative local path becomes absolute, from `folder`; URLs, host:path and absolute paths stay as
 * they are. In the arena, or the same pointer. */
const char *repository_absolute(const char *repository, const char *folder, struct arena *arena);

#endif
