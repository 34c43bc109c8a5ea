/* JetStream's JSON API and the texts around it. nats.c's own js functions are not used: they know
 * neither metadata nor what the server really made of a configuration. Loop thread, unless a function
 * is pure. */
#ifndef ROOST_BUS_LOG_JETSTREAM_H
#define ROOST_BUS_LOG_JETSTREAM_H

#include "bus/link/connection.h"

#include <jansson.h>

/* The server's own numbers for what callers tell apart. */
enum {
	JETSTREAM_CONSUMER_NOT_FOUND = 10014,
	JETSTREAM_NO_MESSAGE = 10037,
	JETSTREAM_STREAM_NAME_IN_USE = 10058,
	JETSTREAM_STREAM_NOT_FOUND = 10059,
	JETSTREAM_WRONG_LAST_SEQUENCE = 10071,
	JETSTREAM_WRONG_LAST_SEQUENCE_CONSTANT = 10164,
};

/* Exactly one of these: a body without an error; the server's refusal (api_error and error set); no
 * usable answer (api_error 0, error set). */
struct jetstream_answer {
	json_t *body;	 /* borrowed; NULL when there was no usable answer */
	int api_error;	 /* the server's err_code; 0 for none */
	bool temporary;	 /* with an error: asking again may help (silence, or the server's 5xx) */
	int64_t sent_ms; /* monotonic: between these two the server made the answer */
	int64_t received_ms;
	struct error error;
};

struct jetstream_call;
typedef void jetstream_done(void *context, const struct jetstream_answer *answer);

/* Sends `body` (taken over; NULL for none) to an API subject. `done` is called once, on the loop,
 * never before this returns. The call may be forgotten until then. */
struct jetstream_call *jetstream_request(struct connection *connection, const char *subject, json_t *body,
					 uint32_t timeout_ms, jetstream_done *done, void *context);

/* `done` is not called; the call is freed. NULL is allowed. */
void jetstream_forget(struct jetstream_call *call);

/* Reads any JetStream answer, publish acknowledgements too; `body` becomes the caller's to decref.
 * Pure. */
void jetstream_parse_answer(struct bytes data, struct jetstream_answer *answer);

/* Milliseconds since the epoch of an RFC 3339 time in UTC. Pure. */
bool jetstream_parse_time(const char *text, int64_t *ms);

/* What a delivered message's reply subject tells:
 * $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>[.<random>]
 */
struct jetstream_delivery {
	uint64_t deliveries;
	uint64_t stream_seq;
	uint64_t consumer_seq;
	int64_t stored_ms;
	uint64_t pending; /* messages of the consumer after this one, when it was sent */
};
bool jetstream_parse_delivery(const char *reply, struct jetstream_delivery *out);

#endif
