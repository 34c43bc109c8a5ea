/* A workspace's disk: a sparse ext4 image of fixed size on a loop device, so that a workspace fills its
 * own disk and nobody else's; a plain folder where loop devices do not work. The image is a copy of one
 * that is formatted once, and so costs two or three milliseconds.
 *
 *   disk/root       the root of image "host"     disk/upper, disk/work   the overlay of other images
 *   disk/workspace  shown at /workspace          disk/marks              the agent's own, never shown
 *
 * Its top folder belongs to the workspace's first user with mode 0700: nobody else on the machine gets in.
 * Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_DISK_H
#define ROOST_NODEAGENT_RUNTIME_OCI_DISK_H

#include "nodeagent/runtime/oci/place.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes the formatted image that others are copied from, unless it is there. */
bool disk_make_template(const struct runtime_settings *settings, const struct external_wait *wait, struct error *error);

/* Makes the disk if absent and mounts it at place->disk unless it is mounted. PLATFORM_UNAVAILABLE when the
 * machine lacks space, or when the disk belongs to other users than first_user. */
bool disk_attach(const struct runtime_settings *settings, const struct place *place, bool limited, uint32_t first_user,
		 struct error *error);

/* Unmounts everything below place->run; nothing mounted is fine. */
bool disk_detach(const struct place *place, struct error *error);

/* Unmounts what image.h has mounted, and keeps the disk. */
bool disk_detach_image(const struct place *place, struct error *error);

bool disk_attached(const struct place *place);

/* True when there is a disk or folder with files. */
bool disk_exists(const struct place *place);

/* What the image takes on the machine, in bytes; 0 for a folder. */
uint64_t disk_size(const struct place *place);

/* How many file systems are mounted at a folder and below it. */
uint32_t disk_count_mounts(const char *folder);

/* Whether a path is a mount point. */
bool disk_is_mount_point(const char *path);

#endif
