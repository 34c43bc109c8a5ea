/* The command line's connection to NATS, synchronous: one thread asks and waits. The library's own
 * threads only set flags under a lock (client.c is the one file here that they enter).
 *
 * Requests go out in protobuf on roost.cmd.<owner>.>, answers come below _INBOX.<owner>. */
#ifndef ROOST_CONTROLLER_CLI_CLIENT_H
#define ROOST_CONTROLLER_CLI_CLIENT_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/wire/message.h"

#include <stdint.h>

struct client;

struct client_request {
	const char *subject;
	struct bytes data;
	const char *idempotency_key; /* NULL for none */
	uint64_t min_seq;	     /* answer only from a projection at least this new */
};

struct client_answer {
	struct bytes data; /* in the arena */
	bool is_error;	   /* data is an Error body */
	uint64_t seq;	   /* what the answer was read from; 0 when it does not say */
};

/* Connects on behalf of `owner`, trying for a moment while the server comes up. `credentials` is a
 * file, "" for none. ERROR_PLATFORM_UNAVAILABLE when nobody is there. */
struct client *client_open(const char *url, const char *credentials, const char *owner, struct error *error);
void client_close(struct client *client);

const char *client_owner(const struct client *client);

/* One try. False with ERROR_PLATFORM_UNAVAILABLE when no answer came: it may have been carried out. */
bool client_ask(struct client *client, const struct client_request *request, int64_t timeout_ms, struct arena *arena,
		struct client_answer *answer, struct error *error);

/* Listens to the owner's feed from now on, so that client_wait has something to wait for. Returns when
 * the server has noted it: whatever is stored afterwards wakes. */
bool client_watch(struct client *client, struct error *error);

/* Waits until something was stored since the last call, the connection was lost and came back, or it is
 * `until_ms` (monotonic; INT64_MAX for never). *seq (if higher) becomes the newest sequence heard of. False
 * when the connection is gone for good. */
bool client_wait(struct client *client, uint64_t *seq, int64_t until_ms, struct error *error);

#endif
