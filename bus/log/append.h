/* Appending a record to the log with optimistic concurrency. Loop thread.
 *
 * The append carries the expected last sequence of its subject and the record's own id as message id.
 * On a conflict (10071, 10164) or a lost answer the record at that place is read and its id compared,
 * so the outcome is always known: APPEND_DONE also when our earlier try had landed. While the server
 * is away it keeps asking until `timeout_ms` is over, and only then answers APPEND_UNKNOWN.
 *
 * An acknowledgement at or below what the caller has seen of the log is not believed: nats-server
 * 2.10.27 forgets where a stream ends when the disk is full just as it begins a new file (8 MiB), and
 * numbers anew from 1 until it is restarted. What it stores then is lost, and spoils its subject. So
 * after a write error this process first asks where the log ends, and sends nothing to such a server. */
#ifndef ROOST_BUS_LOG_APPEND_H
#define ROOST_BUS_LOG_APPEND_H

#include "bus/link/connection.h"

enum append_outcome {
	APPEND_DONE,	 /* the record is in the log at `seq` */
	APPEND_CONFLICT, /* another record took the place; `seq` is that subject's last sequence now */
	APPEND_REFUSED,	 /* the server cannot store it (disk full, too large); nothing was stored */
	APPEND_UNKNOWN,	 /* the deadline passed without an answer; it may or may not be stored */
};

struct append_request {
	const char *subject;
	const char *record_id;	    /* Nats-Msg-Id */
	uint64_t above_seq;	    /* what the caller has seen of the log: the record's place must be above it */
	uint64_t expected_last_seq; /* of the subject; 0 for none */
	struct bytes record;
	const char *traceparent; /* NULL for none */
};

struct append_result {
	enum append_outcome outcome;
	uint64_t seq;
	struct error error; /* for REFUSED and UNKNOWN */
};

/* Copies the request. `done` is called once, on the loop, never before this returns. */
void log_append(struct connection *connection, const struct append_request *request, uint32_t timeout_ms,
		void (*done)(void *context, const struct append_result *result), void *context);

#endif
