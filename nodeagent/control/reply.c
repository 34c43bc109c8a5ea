/* Answers in the form in which the question came, with the NATS services' error headers (ADR-32). */
#include "nodeagent/control/reply.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "bus/wire/envelope.h"

struct reply *reply_new(struct connection *connection, const struct incoming *message, const char *verb)
{
	struct arena *arena = arena_new();
	struct reply *reply = arena_new_of(arena, struct reply);
	const char *type = incoming_header(message, HEADER_CONTENT_TYPE);
	*reply = (struct reply){.arena = arena,
				.connection = connection,
				.subject = arena_strdup(arena, message->reply),
				.verb = arena_strdup(arena, verb),
				.json = type && envelope_is_json(type)};
	return reply;
}

static void publish(struct reply *reply, struct bytes body, const struct header *headers, size_t count)
{
	struct error error = {0};
	struct outgoing message = {.subject = reply->subject, .data = body, .headers = headers, .header_count = count};
	if (reply->subject[0] && !connection_publish(reply->connection, &message, &error))
		log_warning("%s could not be answered: %s", reply->verb, error.message);
	arena_free(reply->arena);
}

void reply_with(struct reply *reply, const ProtobufCMessage *message)
{
	struct header type = {HEADER_CONTENT_TYPE, reply->json ? CONTENT_TYPE_JSON : CONTENT_TYPE_PROTOBUF};
	publish(reply, envelope_encode(message, reply->json, reply->arena), &type, 1);
}

/* What may hold internals goes to the log under an id. */
static const char *correlate(struct reply *reply, const struct error *error)
{
	if (error_code_http_status(error->code) < 500)
		return NULL;
	const char *id = arena_strdup(reply->arena, ulid_new(clock_wall_ms()).text);
	/* That others are at work is no fault of anybody's. */
	if (error->code == ERROR_BUSY)
		log_info("%s is to be asked again (correlation id %s): %s", reply->verb, id, error->message);
	else
		log_error("%s failed (correlation id %s): %s", reply->verb, id, error->message);
	return id;
}

void reply_error(struct reply *reply, const struct error *error)
{
	int status = error_code_http_status(error->code);
	const struct header headers[] = {
	    {HEADER_ERROR_CODE, arena_printf(reply->arena, "%d", status)},
	    {HEADER_ERROR, error_code_name(error->code)},
	    {HEADER_CONTENT_TYPE, reply->json ? CONTENT_TYPE_JSON : CONTENT_TYPE_PROTOBUF},
	    {HEADER_RETRY_AFTER, "1"},
	};
	struct bytes body = envelope_encode_error(error, correlate(reply, error), reply->json, reply->arena);
	publish(reply, body, headers, status == 503 ? 4 : 3);
}
