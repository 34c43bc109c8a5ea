/* The NATS server of an installation: its program, its port, its configuration. */
#ifndef ROOST_CONTROLLER_INSTALLATION_NATS_SERVER_H
#define ROOST_CONTROLLER_INSTALLATION_NATS_SERVER_H

#include "controller/installation/keys.h"

/* The program: $ROOST_NATS_SERVER, else beside the programs in `programs` or in a tools/ folder next to
 * or above that, else in PATH. NULL, with what to do, when there is none of at least 2.10.27. */
char *nats_server_program(const char *programs, struct arena *arena, struct error *error);

/* True for "nats-server: v2.10.27" and anything newer. */
bool nats_server_version_suffices(const char *line);

/* Chooses a free port of the loopback address unless the installation has one that can be had; *changed
 * tells that it had one that somebody else has taken. */
bool nats_server_choose_port(struct installation *installation, bool *changed, struct error *error);

/* Writes nats/nats-server.conf; its path, in the arena. */
char *nats_server_configure(const struct installation *installation, const struct keys *keys, struct arena *arena,
			    struct error *error);

/* A file beside the log that holds some disk, so that there is something to give when the disk is full. */
struct ballast {
	uint64_t bytes;
	uint64_t made_above;  /* made when this much stays free beside it */
	uint64_t given_below; /* removed when less than this is left */
};

/* An installation's own: 32 MiB, made above 512 MiB, given below 16 MiB. */
extern const struct ballast nats_server_ballast;

/* Makes or removes nats/ballast as the free space asks; true when something changed. */
bool nats_server_tend_ballast(const struct installation *installation, const struct ballast *ballast, bool *removed);

#endif
