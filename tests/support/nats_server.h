/* A real nats-server (2.10.27 or newer) in operator mode, with JetStream on disk and every append
 * synced, as an installation has it. The program is $ROOST_NATS_SERVER, else build/tools/nats-server
 * of this tree, else the one in PATH; without one the test fails. Its folder is removed and the
 * server killed however the test ends. */
#ifndef ROOST_TESTS_SUPPORT_NATS_SERVER_H
#define ROOST_TESTS_SUPPORT_NATS_SERVER_H

#include "bus/link/credentials.h"

#include <stdint.h>

struct nats_server;

/* Starts one on a free port of the loopback address and waits until it answers. */
struct nats_server *nats_server_start(void);

/* The same with lines added to its configuration, and with its JetStream store in `store` (NULL: in
 * the server's own folder). */
struct nats_server *nats_server_start_with(const char *more_configuration, const char *store);

/* Ends it and forgets it. NULL is allowed. */
void nats_server_stop(struct nats_server *server);

const char *nats_server_url(const struct nats_server *server);
const char *nats_server_folder(const struct nats_server *server);

/* The path of a credentials file for a user with these permissions (NULL: everything), made at the
 * first call for the name. */
const char *nats_server_credentials(struct nats_server *server, const char *user,
				    const struct user_permissions *permissions);

/* Writes credentials to `path`: `expires_at_s` 0 for never; `stranger` signs them with an account that
 * the server does not know. */
void nats_server_write_credentials(struct nats_server *server, const char *path, const char *user,
				   const struct user_permissions *permissions, int64_t expires_at_s, bool stranger);

/* kill -9; start again on the same port with the same store and wait until it answers; both. */
void nats_server_kill(struct nats_server *server);
void nats_server_resume(struct nats_server *server);
void nats_server_restart(struct nats_server *server);

/* kill -9 and forget what the log held; for a log that was replaced. Call nats_server_resume after. */
void nats_server_wipe(struct nats_server *server);

/* Of a killed server: keeps a copy of what its streams held, and puts that copy back in place of what they
 * hold now, as from a backup. Call nats_server_resume after either. */
void nats_server_save(struct nats_server *server);
void nats_server_restore(struct nats_server *server);

/* Stops it from reading and writing (SIGSTOP), and lets it go on. */
void nats_server_freeze(struct nats_server *server);
void nats_server_thaw(struct nats_server *server);

#endif
