/* The pull consumer of one replay.
 *
 * start: subscribe an inbox of its own -> make the consumer -> one request after the other. A request
 * is over when its records have come, or when a status says so; statuses arrive on <inbox>.<number>,
 * which tells a late one of an earlier request. */
#include "bus/log/replay.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "bus/log/jetstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAKE_TIMEOUT_MS = 5000,
	BEAT_MS = 5000,	    /* the server's sign of life while there is nothing to deliver */
	SILENCE_MS = 12000, /* two of them missed */
	REQUEST_EXPIRES_MS = 60000,
	INACTIVE_MS = 30000,	 /* after which the server forgets a consumer that nobody reads */
	EMPTY_REQUESTS_MAX = 16, /* in a row, each over at once: something is wrong */
};

static const json_int_t MS_NS = 1000000;

struct replay {
	struct connection *connection;
	struct replay_events events;
	struct arena *arena;
	const char *inbox;
	const char *stream;
	const char *consumer;
	uint64_t from_seq;
	struct subscription *subscription;
	struct connection_watch *watch;
	struct jetstream_call *making;
	uv_timer_t silence;
	int64_t heard_ms;	 /* monotonic: the last message of any kind */
	uint64_t request_number; /* the one under way */
	unsigned records_left;	 /* of it */
	int64_t requested_ms;
	unsigned empty_requests; /* in a row */
	uint64_t consumer_seq;	 /* of the last record handled */
	bool ended;
	bool stopped;
};

static void end(struct replay *replay, const char *reason)
{
	if (replay->ended || replay->stopped)
		return;
	replay->ended = true;
	replay->events.ended(replay->events.context, reason);
}

static void pull(struct replay *replay)
{
	struct error error = {0};
	char subject[192], reply[256], body[192];
	replay->request_number++;
	replay->records_left = REPLAY_REQUEST_RECORDS;
	replay->requested_ms = clock_monotonic_ms();
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", replay->stream, replay->consumer);
	snprintf(reply, sizeof(reply), "%s.%llu", replay->inbox, (unsigned long long)replay->request_number);
	int length =
	    snprintf(body, sizeof(body), "{\"batch\":%d,\"max_bytes\":%d,\"expires\":%lld,\"idle_heartbeat\":%lld}",
		     REPLAY_REQUEST_RECORDS, REPLAY_REQUEST_BYTES, REQUEST_EXPIRES_MS * MS_NS, BEAT_MS * MS_NS);
	struct outgoing message = {
	    .subject = subject,
	    .reply = reply,
	    .data = {(const unsigned char *)body, (size_t)length},
	};
	if (!connection_publish(replay->connection, &message, &error))
		end(replay, error.message);
}

/* A request that ended without all of its records: it expired, or the next would not have fitted. */
static void request_over(struct replay *replay)
{
	bool at_once = replay->records_left == REPLAY_REQUEST_RECORDS &&
		       clock_monotonic_ms() - replay->requested_ms < REQUEST_EXPIRES_MS / 2;
	replay->empty_requests = at_once ? replay->empty_requests + 1 : 0;
	if (replay->empty_requests > EMPTY_REQUESTS_MAX)
		end(replay, "the server answers every request with nothing");
	else
		pull(replay);
}

static bool of_present_request(const struct replay *replay, const char *subject)
{
	const char *dot = strrchr(subject, '.');
	return dot != NULL && strtoull(dot + 1, NULL, 10) == replay->request_number;
}

/* A sign of life names the last record that was sent to us. */
static void on_beat(struct replay *replay, const struct incoming *message)
{
	const char *last = incoming_header(message, "Nats-Last-Consumer");
	if (last != NULL && strtoull(last, NULL, 10) > replay->consumer_seq)
		end(replay, "a record was lost on its way");
}

static void on_status(struct replay *replay, const struct incoming *message, const char *status)
{
	const char *text = incoming_header(message, "Description");
	char reason[160];
	if (text == NULL)
		text = "";
	if (strcmp(status, "100") == 0) {
		on_beat(replay, message);
	} else if (strcmp(status, "408") == 0 || strcmp(status, "404") == 0 ||
		   (strcmp(status, "409") == 0 &&
		    (strstr(text, "MaxBytes") != NULL || strstr(text, "Batch") != NULL))) {
		if (of_present_request(replay, message->subject))
			request_over(replay);
	} else {
		snprintf(reason, sizeof(reason), "the server says %s %s", status, text);
		end(replay, reason);
	}
}

static void on_record(struct replay *replay, const struct incoming *message, const struct jetstream_delivery *delivery)
{
	const char *record_id = incoming_header(message, "Nats-Msg-Id");
	struct stored_record record = {
	    .seq = delivery->stream_seq,
	    .stored_ms = delivery->stored_ms,
	    .subject = message->subject,
	    .record_id = record_id != NULL ? record_id : "",
	    .data = message->data,
	};
	replay->consumer_seq = delivery->consumer_seq;
	replay->empty_requests = 0;
	replay->records_left--;
	replay->events.record(replay->events.context, &record, delivery->pending);
	if (replay->records_left == 0 && !replay->ended && !replay->stopped)
		pull(replay);
}

static void on_message(void *context, const struct incoming *message)
{
	struct replay *replay = context;
	struct jetstream_delivery delivery;
	if (replay->ended || replay->stopped)
		return;
	replay->heard_ms = message->received_ms;
	const char *status = incoming_header(message, "Status");
	if (status != NULL)
		on_status(replay, message, status);
	else if (!jetstream_parse_delivery(message->reply, &delivery))
		end(replay, "a message came that is no delivery");
	else if (delivery.consumer_seq != replay->consumer_seq + 1)
		end(replay, "a record was lost on its way");
	else
		on_record(replay, message, &delivery);
}

static void on_silence(uv_timer_t *timer)
{
	struct replay *replay = timer->data;
	int64_t quiet = clock_monotonic_ms() - replay->heard_ms;
	if (quiet >= SILENCE_MS)
		end(replay, "the server has gone silent");
	else
		uv_timer_start(timer, on_silence, (uint64_t)(SILENCE_MS - quiet), 0);
}

static void on_offline(void *context)
{
	end(context, "the connection was lost");
}

static void on_closing(void *context)
{
	struct replay *replay = context;
	replay->watch = NULL;
	replay->subscription = NULL;
	end(replay, "the connection is being closed");
}

static void on_made(void *context, const struct jetstream_answer *answer)
{
	struct replay *replay = context;
	replay->making = NULL;
	if (answer->error.code != ERROR_NONE) {
		end(replay, answer->error.message);
		return;
	}
	/* A server that ignored where to start would replay from the beginning. */
	const json_t *config = json_object_get(answer->body, "config");
	if (json_integer_value(json_object_get(config, "opt_start_seq")) != (json_int_t)replay->from_seq) {
		end(replay, "the server made another consumer than the one asked for");
		return;
	}
	replay->heard_ms = answer->received_ms;
	uv_timer_start(&replay->silence, on_silence, SILENCE_MS, 0);
	pull(replay);
	if (!replay->ended)
		replay->events.started(replay->events.context,
				       (uint64_t)json_integer_value(json_object_get(answer->body, "num_pending")));
}

static void make_consumer(struct replay *replay)
{
	char subject[192];
	json_t *config =
	    json_pack("{ss ss ss sI ss sI sb si}", "name", replay->consumer, "ack_policy", "none", "deliver_policy",
		      "by_start_sequence", "opt_start_seq", (json_int_t)replay->from_seq, "replay_policy", "instant",
		      "inactive_threshold", INACTIVE_MS * MS_NS, "mem_storage", 1, "num_replicas", 1);
	json_t *body = json_pack("{ss so}", "stream_name", replay->stream, "config", config);
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.CREATE.%s.%s", replay->stream, replay->consumer);
	replay->making = jetstream_request(replay->connection, subject, body, MAKE_TIMEOUT_MS, on_made, replay);
}

struct replay *replay_start(struct connection *connection, const char *stream, uint64_t from_seq,
			    const struct replay_events *events)
{
	struct arena *arena = arena_new();
	struct replay *replay = arena_new_of(arena, struct replay);
	struct ulid id = ulid_new(clock_wall_ms());
	replay->connection = connection;
	replay->events = *events;
	replay->arena = arena;
	replay->stream = arena_strdup(arena, stream);
	replay->consumer = arena_printf(arena, "replay_%s", id.text);
	replay->inbox = connection_new_inbox(connection, arena);
	replay->from_seq = from_seq;
	uv_timer_init(connection_loop(connection), &replay->silence);
	replay->silence.data = replay;
	replay->watch = connection_watch(connection, NULL, on_offline, on_closing, replay);
	replay->subscription =
	    connection_subscribe(connection, arena_printf(arena, "%s.*", replay->inbox), NULL, on_message, replay);
	make_consumer(replay);
	return replay;
}

static void ignore(void *context, const struct jetstream_answer *answer)
{
	(void)context;
	(void)answer;
}

static void on_closed(uv_handle_t *handle)
{
	struct replay *replay = handle->data;
	arena_free(replay->arena);
}

void replay_stop(struct replay *replay)
{
	char subject[192];
	if (replay == NULL || replay->stopped)
		return;
	replay->stopped = true;
	jetstream_forget(replay->making);
	if (replay->subscription != NULL) {
		subscription_cancel(replay->subscription);
		snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.DELETE.%s.%s", replay->stream, replay->consumer);
		if (connection_is_online(replay->connection))
			jetstream_request(replay->connection, subject, NULL, MAKE_TIMEOUT_MS, ignore, NULL);
	}
	if (replay->watch != NULL)
		connection_unwatch(replay->watch);
	uv_close((uv_handle_t *)&replay->silence, on_closed);
}
