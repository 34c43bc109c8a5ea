/* A connection to NATS that never gives up, on the one loop.
 *
 * nats.c calls back on threads of its own. handoff.c is the only file that crosses over: it queues
 * (at most HANDOFF_QUEUE_MAX) and wakes the loop; everything declared here is called on the loop
 * thread and calls back on the loop thread.
 *
 * The connection is made in the background, reconnects for ever with jitter, and is built anew when
 * the library closes it for good (authentication refused, revoked). Subscriptions made here survive
 * all of that. Settings: facts of the field kept in connection.c (SendAsap, write deadline, pings). */
#ifndef ROOST_BUS_LINK_CONNECTION_H
#define ROOST_BUS_LINK_CONNECTION_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/wire/message.h"

#include <stdint.h>
#include <uv.h>

struct connection;
struct connection_watch;
struct subscription;

/* A message that came in. Borrowed: valid until the handler returns. */
struct incoming {
	const char *subject;
	const char *reply; /* "" when nobody waits */
	struct bytes data;
	void *headers;	     /* for incoming_header only */
	int64_t received_ms; /* monotonic, when the library handed it over */
};

/* The value of a header; NULL when absent. Borrowed like the message. The server's own status line
 * ("NATS/1.0 404 Message Not Found", 100, 408, 409 ...) reads as the headers "Status" ("404") and
 * "Description". Such a message is delivered, and is an answer, like any other; only 503 without a
 * body to a request means that nobody listens. */
const char *incoming_header(const struct incoming *message, const char *name);

struct header {
	const char *name;
	const char *value;
};

struct outgoing {
	const char *subject;
	const char *reply; /* NULL for none */
	struct bytes data;
	const struct header *headers;
	size_t header_count;
};

struct connection_settings {
	const char *name; /* shown by the server, and in log lines */
	const char *url;
	const char *credentials_file; /* read again at every authentication; NULL for none */
	const char *inbox_user;	      /* replies arrive below _INBOX.<token of this user> */
	/* All may be NULL. `online` is called after every (re)connect, `offline` when it is lost. */
	void (*online)(void *context);
	void (*offline)(void *context);
	/* The server refused something asynchronously ("Permissions Violation ..."). */
	void (*refused)(void *context, const char *text);
	void *context;
};

/* Starts connecting and returns at once. The strings are copied. NULL only for a malformed URL or an
 * unreadable credentials file. */
struct connection *connection_open(uv_loop_t *loop, const struct connection_settings *settings, struct error *error);

/* Ends everything: pending requests fail with ERROR_PLATFORM_UNAVAILABLE before it returns (a request
 * made from inside such a callback is ignored: ticket 0), subscriptions and watches are gone, no
 * callback comes afterwards. `closed` (may be NULL) is called on the loop when the memory is gone. */
void connection_close(struct connection *connection, void (*closed)(void *context), void *context);

bool connection_is_online(const struct connection *connection);

/* The loop that it was opened on. */
uv_loop_t *connection_loop(const struct connection *connection);

/* Further listeners to coming and going, beside the settings' own: whoever keeps something alive on
 * the server (a consumer, a wait) starts it over by itself. The functions may be NULL. They are
 * called on the loop, never before this returns, and not for what was so already: ask
 * connection_is_online. `closing` is called inside connection_close, after the pending requests have
 * failed: the watch has ended then and the connection must not be used any more. A watch may be ended
 * inside any watch's callback. */
struct connection_watch *connection_watch(struct connection *connection, void (*online)(void *context),
					  void (*offline)(void *context), void (*closing)(void *context),
					  void *context);
void connection_unwatch(struct connection_watch *watch);

/* The server's version from its INFO line, "" while unknown. */
const char *connection_server_version(const struct connection *connection);

/* Subscribes; `queue` NULL for none. Kept over reconnects. */
struct subscription *connection_subscribe(struct connection *connection, const char *subject, const char *queue,
					  void (*handler)(void *context, const struct incoming *message),
					  void *context);
void subscription_cancel(struct subscription *subscription);

/* Ends it without losing anything: the server sends no more, what it has sent still comes to the
 * handler, and then `drained` is called on the loop, perhaps before this returns. The subscription is
 * not to be used any more. */
void subscription_drain(struct subscription *subscription, void (*drained)(void *context), void *context);

/* Publishes without waiting. False when offline or the write fails. Copies everything. */
bool connection_publish(struct connection *connection, const struct outgoing *message, struct error *error);

/* Sends a request whose answer, or failure, comes exactly once to `done` on the loop, never before
 * this returns: `answer` is NULL on failure, and `error` then tells why: ERROR_PLATFORM_UNAVAILABLE
 * (offline, or the connection was lost while waiting), ERROR_NODE_UNREACHABLE (nobody listens),
 * ERROR_BUSY (too many in flight), ERROR_FORBIDDEN (the server refuses the subject to these
 * credentials), ERROR_PAYLOAD_TOO_LARGE. A deadline that passes gives
 * ERROR_PLATFORM_UNAVAILABLE with "timed out"; an answer that arrived before its deadline counts even
 * when the loop was busy. An answer that carries Nats-Service-Error-Code is
 * still an answer: see bus/wire/envelope.h.
 * Returns a ticket for connection_forget. */
uint64_t connection_request(struct connection *connection, const struct outgoing *message, uint32_t timeout_ms,
			    void (*done)(void *context, const struct incoming *answer, const struct error *error),
			    void *context);

/* Forgets a request: its `done` is not called. Unknown tickets are fine. */
void connection_forget(struct connection *connection, uint64_t ticket);

/* A new subject below the connection's own inbox, for subscriptions such as a consumer's deliver
 * subject. In the arena. */
char *connection_new_inbox(struct connection *connection, struct arena *arena);

#endif
