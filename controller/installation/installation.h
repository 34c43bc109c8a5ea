/* One machine's installation: a folder with keys, configuration, log and projections, and the watch
 * over the daemons that work on it. The layout of the folder is in README.md.
 *
 * This header is what the command line uses; everything else of the room is its own. */
#ifndef ROOST_CONTROLLER_INSTALLATION_INSTALLATION_H
#define ROOST_CONTROLLER_INSTALLATION_INSTALLATION_H

#include "bus/foundation/error.h"

#include <limits.h>

/* How a program reaches the bus of an installation. */
struct installation_address {
	char nats_url[64];
	char credentials[PATH_MAX]; /* a file */
	char node_id[27];	    /* of the machine's own node; "" while it has none */
};

/* Reads the address for `program` ("roost", "controller", "sweeper", "nodeagent") from the installation in
 * `folder`. ERROR_PLATFORM_UNAVAILABLE, with what to do, when there is none. Whether it runs is told
 * by connecting. Any thread. */
bool installation_find(const char *folder, const char *program, struct installation_address *out, struct error *error);

/* Sets ROOST_NATS_URL and ROOST_CREDENTIALS from that address when the first is unset; when it is set, both
 * are the operator's affair. After options_read. */
bool installation_fill_options(const char *program, struct error *error);

/* `roost up` and `roost down`. argv[0] is the verb; options_read has taken the options out. They
 * return the exit status: 0, 1 for an error (said on standard error), 2 for usage. */
int up_main(int argc, char **argv);
int down_main(int argc, char **argv);

#endif
