/* Images: what a workspace's root is made of. "host" is the machine's own programs by an allowlist,
 * read-only; any other is a folder or a tar archive among the installation's images, under an overlay.
 * Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_IMAGE_H
#define ROOST_NODEAGENT_RUNTIME_OCI_IMAGE_H

#include "nodeagent/runtime/oci/place.h"

#include <stdbool.h>
#include <stdint.h>

/* The paths of the machine that image "host" shows; ends with NULL. Those that are links on the machine
 * are links in the workspace. */
extern const char *const image_host_paths[];

bool image_is_host(const char *image);

/* Takes away what processes that were killed while they unpacked an archive have left. */
void image_forget_unfinished(const struct runtime_settings *settings);

/* PROVISIONING_FAILED when there is no such image. */
bool image_exists(const struct runtime_settings *settings, const char *image, struct error *error);

/* Makes the root, on the attached disk, ready to be entered, and writes its path. `user_fd` is the
 * workspace's user namespace, or -1. PROVISIONING_FAILED when there is no such image. */
bool image_make_root(const struct runtime_settings *settings, const struct place *place, const char *image,
		     uint32_t first_user, int user_fd, const struct external_wait *wait, char *root,
		     struct error *error);

#endif
