/* One append, from the first send to a known outcome.
 *
 *	send ---- acknowledged ---------------------------> DONE (also "duplicate": that was us)
 *	  |  \--- refused by the server --> look at the place
 *	  |                                   ours -------> DONE
 *	  |                                   another's --> ask for the subject's last --> CONFLICT
 *	  |                                   nobody's ---> REFUSED, or UNKNOWN after a lost answer
 *	  \------ no answer ---> pause ---> send again, the same bytes and id, until the deadline
 *
 * (A conflict while nobody is there yet: somebody's record, ours maybe, is on its way; send again.)
 *
 * The place is the first record on the subject after the expected one: whatever stands there has
 * decided this append for good, since no later try with the same expectation can succeed. A try whose
 * answer was lost may still be on its way, so "nobody's" is only a refusal when no answer was lost. */
#include "bus/log/append.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/log/log_stream.h"
#include "bus/log/pause.h"
#include "bus/log/stored_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRY_MS = 1000, TRY_MS_MIN = 200, AGAIN_AFTER_MS = 50 };

struct append {
	struct connection *connection;
	struct arena *arena;
	struct append_request request; /* in the arena */
	int64_t deadline_ms;	       /* monotonic */
	bool answer_lost;	       /* a try went out of which nothing was heard */
	void (*again)(struct append *append);
	struct error refusal; /* what the server said when it refused, or why the last try failed */
	void (*done)(void *context, const struct append_result *result);
	void *context;
};

static void finish(struct append *append, enum append_outcome outcome, uint64_t seq)
{
	struct append_result result = {.outcome = outcome, .seq = seq};
	if (outcome == APPEND_REFUSED || outcome == APPEND_UNKNOWN)
		result.error = append->refusal;
	append->done(append->context, &result);
	arena_free(append->arena);
}

static void give_up(struct append *append)
{
	error_wrap(&append->refusal, "append to %s", append->request.subject);
	finish(append, append->answer_lost ? APPEND_UNKNOWN : APPEND_REFUSED, 0);
}

static uint32_t try_ms(const struct append *append)
{
	int64_t left = append->deadline_ms - clock_monotonic_ms();
	return left < 1 ? 1 : left > TRY_MS ? TRY_MS : (uint32_t)left;
}

static void went_back(struct append *append, uint64_t seq)
{
	uint64_t seen = append->request.above_seq;
	if (seen < append->request.expected_last_seq)
		seen = append->request.expected_last_seq;
	error_set(&append->refusal, ERROR_PLATFORM_UNAVAILABLE, "the log went back to %llu, and %llu was there before",
		  (unsigned long long)seq, (unsigned long long)seen);
	log_error("append to %s: %s", append->request.subject, append->refusal.message);
	give_up(append);
}

static void stored_at(struct append *append, uint64_t seq)
{
	if (seq > append->request.above_seq && seq > append->request.expected_last_seq) {
		cutpoint(CUTPOINT_CONTROLLER_APPEND_ACKNOWLEDGED);
		finish(append, APPEND_DONE, seq);
		return;
	}
	append->answer_lost = true;
	went_back(append, seq);
}

static void on_resume(void *context, bool closing)
{
	struct append *append = context;
	if (closing || clock_monotonic_ms() + TRY_MS_MIN > append->deadline_ms)
		give_up(append); /* a try without time for its answer only makes the outcome unknown */
	else
		append->again(append);
}

static void try_later(struct append *append, const struct error *why, void (*again)(struct append *append))
{
	int64_t left = append->deadline_ms - clock_monotonic_ms();
	append->refusal = *why;
	append->again = again;
	pause_start(append->connection,
		    left < 0		    ? 0
		    : left < AGAIN_AFTER_MS ? (uint32_t)left
					    : AGAIN_AFTER_MS,
		    on_resume, append);
}

static void send_record(struct append *append);
static void look(struct append *append);
static void ask_last(struct append *append);

static void on_last(void *context, const struct jetstream_answer *answer)
{
	struct append *append = context;
	struct stored_message last;
	struct error error = {0};
	if (!stored_message_read(answer, &last, &error))
		try_later(append, &error, ask_last);
	else if (last.seq == append->request.expected_last_seq)
		try_later(append, &append->refusal, send_record); /* who won is not stored yet; it may be us */
	else
		finish(append, APPEND_CONFLICT, last.seq);
}

static void ask_last(struct append *append)
{
	struct stored_message_query query = {STORED_LAST_OF, 0, append->request.subject};
	stored_message_ask(append->connection, LOG_STREAM, &query, try_ms(append), on_last, append);
}

static bool is_conflict(int api_error)
{
	return api_error == JETSTREAM_WRONG_LAST_SEQUENCE || api_error == JETSTREAM_WRONG_LAST_SEQUENCE_CONSTANT;
}

static void on_place(void *context, const struct jetstream_answer *answer)
{
	struct append *append = context;
	struct stored_message place;
	struct error error = {0};
	if (!stored_message_read(answer, &place, &error))
		try_later(append, &error, look);
	else if (place.found && strcmp(place.record_id, append->request.record_id) == 0)
		stored_at(append, place.seq);
	else if (place.found || append->refusal.code == ERROR_CONFLICT)
		ask_last(append);
	else
		give_up(append);
}

static void look(struct append *append)
{
	struct stored_message_query query = {STORED_NEXT_OF, append->request.expected_last_seq + 1,
					     append->request.subject};
	stored_message_ask(append->connection, LOG_STREAM, &query, try_ms(append), on_place, append);
}

/* Some failures are sure to have left nothing behind; after any other the record may be stored. */
static void unanswered(struct append *append, const struct error *error)
{
	bool never = error->code == ERROR_PAYLOAD_TOO_LARGE || error->code == ERROR_FORBIDDEN;
	if (!never && error->code != ERROR_NODE_UNREACHABLE && error->code != ERROR_BUSY)
		append->answer_lost = true;
	append->refusal = *error;
	if (never)
		give_up(append);
	else
		try_later(append, error, send_record);
}

static void on_sent(void *context, const struct incoming *incoming, const struct error *error)
{
	struct append *append = context;
	if (incoming == NULL) {
		unanswered(append, error);
		return;
	}
	struct jetstream_answer answer = {0};
	jetstream_parse_answer(incoming->data, &answer);
	if (answer.error.code == ERROR_NONE) {
		stored_at(append, (uint64_t)json_integer_value(json_object_get(answer.body, "seq")));
	} else if (answer.api_error == 0) {
		append->answer_lost = true;
		try_later(append, &answer.error, send_record);
	} else {
		append->refusal = answer.error;
		if (is_conflict(answer.api_error))
			append->refusal.code = ERROR_CONFLICT;
		else
			log_stream_doubt();
		look(append);
	}
	json_decref(answer.body);
}

static void send_now(struct append *append);

static void on_looked_first(void *context, const struct jetstream_answer *answer)
{
	struct append *append = context;
	struct server_clock unused = {0};
	struct log_info info;
	struct error error = {0};
	if (answer->temporary) {
		try_later(append, &answer->error, send_record);
	} else if (!log_stream_read(answer, &unused, &info, &error)) {
		append->refusal = error;
		give_up(append);
	} else if (info.last_seq < append->request.above_seq) {
		went_back(append, info.last_seq);
	} else {
		send_now(append);
	}
}

static void send_record(struct append *append)
{
	struct error offline = {ERROR_PLATFORM_UNAVAILABLE, "the NATS server is away"};
	if (!connection_is_online(append->connection))
		try_later(append, &offline, send_record);
	else if (log_stream_in_doubt()) /* what it stored now might be lost and spoil its subject: look first */
		log_stream_ask(append->connection, try_ms(append), on_looked_first, append);
	else
		send_now(append);
}

static void send_now(struct append *append)
{
	const struct append_request *request = &append->request;
	char expected[24];
	struct header headers[4] = {
	    {"Nats-Msg-Id", request->record_id},
	    {"Nats-Expected-Stream", LOG_STREAM},
	    {"Nats-Expected-Last-Subject-Sequence", expected},
	    {"traceparent", request->traceparent},
	};
	struct outgoing message = {
	    .subject = request->subject,
	    .data = request->record,
	    .headers = headers,
	    .header_count = request->traceparent != NULL ? 4 : 3,
	};
	snprintf(expected, sizeof(expected), "%llu", (unsigned long long)request->expected_last_seq);
	cutpoint(CUTPOINT_CONTROLLER_BEFORE_APPEND);
	connection_request(append->connection, &message, try_ms(append), on_sent, append);
	cutpoint(CUTPOINT_CONTROLLER_APPEND_SENT);
}

static void refuse_size(struct append *append)
{
	struct error error = {0};
	error_set(&error, ERROR_PAYLOAD_TOO_LARGE, "a record of %zu bytes is above the limit of %d",
		  append->request.record.size, RECORD_BYTES_MAX);
	append->deadline_ms = 0;
	try_later(append, &error, send_record);
}

void log_append(struct connection *connection, const struct append_request *request, uint32_t timeout_ms,
		void (*done)(void *context, const struct append_result *result), void *context)
{
	struct arena *arena = arena_new();
	struct append *append = arena_new_of(arena, struct append);
	append->connection = connection;
	append->arena = arena;
	append->request.subject = arena_strdup(arena, request->subject);
	append->request.record_id = arena_strdup(arena, request->record_id);
	append->request.above_seq = request->above_seq;
	append->request.expected_last_seq = request->expected_last_seq;
	append->request.record.data = arena_copy(arena, request->record.data, request->record.size);
	append->request.record.size = request->record.size;
	append->request.traceparent = arena_strdup(arena, request->traceparent);
	append->deadline_ms = clock_monotonic_ms() + timeout_ms;
	append->done = done;
	append->context = context;
	if (request->record.size > RECORD_BYTES_MAX)
		refuse_size(append);
	else
		send_record(append);
}
