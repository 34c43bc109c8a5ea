/* The records of a stream in order, from a sequence on, without end. Loop thread.
 *
 * An ephemeral pull consumer without acknowledgements. One request of REPLAY_REQUEST_RECORDS records
 * and REPLAY_REQUEST_BYTES is under way, and the next is sent when its records have been handled: so
 * memory is bounded however far behind the reader is. The server's flow control for push consumers
 * cannot promise that: its window grows to 32 MiB, more than the hand-over's queue takes in small
 * records. The request that waits at the log's end gets a new record as promptly as a push would.
 *
 * Whatever goes wrong (a gap in the consumer's sequence, silence, the consumer gone, the connection
 * lost) ends the replay, once; the owner starts another from the record it needs next. */
#ifndef ROOST_BUS_LOG_REPLAY_H
#define ROOST_BUS_LOG_REPLAY_H

#include "bus/link/connection.h"

enum { REPLAY_REQUEST_RECORDS = 4096, REPLAY_REQUEST_BYTES = 2 * 1024 * 1024 };

struct stored_record {
	uint64_t seq;
	int64_t stored_ms; /* the server's timestamp */
	const char *subject;
	const char *record_id; /* Nats-Msg-Id, "" when absent */
	struct bytes data;
};

struct replay_events {
	/* The consumer exists and has `pending` records to deliver. */
	void (*started)(void *context, uint64_t pending);
	/* One record; `pending` more are in the stream behind it. Borrowed. The handler may stop the replay. */
	void (*record)(void *context, const struct stored_record *record, uint64_t pending);
	/* It is over. The replay still wants to be stopped. */
	void (*ended)(void *context, const char *reason);
	void *context;
};

struct replay;

/* The connection should be online. No callback comes before this returns. */
struct replay *replay_start(struct connection *connection, const char *stream, uint64_t from_seq,
			    const struct replay_events *events);

/* No callback comes afterwards. NULL is allowed. Allowed inside the callbacks. */
void replay_stop(struct replay *replay);

#endif
