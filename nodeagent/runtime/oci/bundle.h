/* The OCI bundle of a workspace: config.json, and the few files that the agent writes afresh at every
 * start and shows read-only (resolv.conf, hosts, hostname). Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_BUNDLE_H
#define ROOST_NODEAGENT_RUNTIME_OCI_BUNDLE_H

#include "nodeagent/runtime/oci/namespaces.h"
#include "nodeagent/runtime/oci/place.h"

#include <stdbool.h>
#include <stdint.h>

struct bundle {
	const struct runtime_settings *settings;
	const struct runtime_workspace *workspace;
	const struct place *place;
	const struct namespaces *namespaces;
	const char *root;    /* made by image_make_root */
	uint32_t first_user; /* 0 without a user namespace */
	uint32_t slot;	     /* of the network */
};

/* Writes everything below place->bundle. */
bool bundle_write(const struct bundle *bundle, struct error *error);

/* The environment that programs of the workspace get, NAME=value each, ending with NULL, in the arena; as it
 * was when the sandbox was started. NULL when there is no bundle. */
char **bundle_environment(struct arena *arena, const struct place *place);

/* What every workspace of the installation sees at /run/roost: its first process, a git configuration for
 * clones from local paths, and a place to show their source at. Written once, at probe. */
bool bundle_make_inside(const struct runtime_settings *settings, struct error *error);

/* The search path of programs inside. */
#define BUNDLE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
