/* Files and folders that strangers may have written to: nothing here follows a link out of the folder it
 * was given. Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_FOLDER_H
#define ROOST_NODEAGENT_RUNTIME_FOLDER_H

#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes the folder and those above it. An existing one is left as it is. */
bool folder_make(const char *path, mode_t mode, struct error *error);

/* Takes away the folder and all in it, without entering other file systems; an absent one is fine. */
bool folder_remove(const char *path, struct error *error);

/* Takes away all in it and keeps the folder. */
bool folder_empty(const char *path, struct error *error);

/* Replaces a file by way of a new one and a rename (mode 0644); `durable` syncs file and folder. */
bool folder_write_file(const char *path, const char *text, size_t size, bool durable, struct error *error);

/* Copies a file, leaving its holes holes. The target must not exist; a failed copy is removed. */
bool folder_copy_sparse(const char *from, const char *to, mode_t mode, struct error *error);

bool folder_exists(const char *path);

#endif
