/* What an installation's folder holds, and the settings in it. */
#ifndef ROOST_CONTROLLER_INSTALLATION_LAYOUT_H
#define ROOST_CONTROLLER_INSTALLATION_LAYOUT_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

#include <limits.h>
#include <stdint.h>

/* Version of the layout; an older program refuses a newer one. */
enum { LAYOUT_VERSION = 1 };

/* installation.json. */
struct installation {
	char folder[PATH_MAX - 256]; /* absolute */
	char id[27];		     /* a ULID, made at the first start */
	uint16_t nats_port;
	char account[57];	 /* public key of the product account: JetStream keeps the log under it */
	char node_id[27];	 /* of the machine's own node; "" until it was made */
	char former_node_id[27]; /* of the one before, which was deleted; "" for none */
};

/* Reads the settings of the installation in `folder`. ERROR_FILE_NOT_FOUND when there is none. */
bool installation_load(const char *folder, struct installation *out, struct error *error);

/* The same, and makes folder and settings at the first start. The port is not chosen here. */
bool installation_load_or_make(const char *folder, struct installation *out, struct error *error);

bool installation_save(const struct installation *installation, struct error *error);

/* A path below the folder, in the arena. */
char *installation_path(const struct installation *installation, struct arena *arena, const char *name);

#endif
