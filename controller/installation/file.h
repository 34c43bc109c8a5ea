/* Files and folders of an installation. Any thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_FILE_H
#define ROOST_CONTROLLER_INSTALLATION_FILE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

#include <sys/types.h>

/* The whole file as text in the arena; NULL with an error when it cannot be read. A file that is not
 * there gives NULL and ERROR_FILE_NOT_FOUND. */
char *file_read(const char *path, struct arena *arena, struct error *error);

/* Replaces the file in one step, mode 0600, synced with its folder. */
bool file_write(const char *path, const char *text, struct error *error);

/* Makes the folder (and those above it) unless it is there; the mode is set either way. */
bool folder_make(const char *path, mode_t mode, struct error *error);

/* Removes a folder with everything in it; goes into no other file system. Ends at the first failure. */
bool folder_remove(const char *path, struct error *error);

#endif
