/* The ends of a request: an answer or an error, as JSON or protobuf, with the projection's sequence in
 * the headers; and the wait for a projection that is new enough to refuse from. */
#include "controller/commands/request.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "bus/wire/envelope.h"
#include "controller/commands/commands_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { REPLY_HEADERS_MAX = 5 };

uint32_t request_time_left(const struct request *request)
{
	int64_t left = request->deadline_ms - clock_monotonic_ms();
	return left > 1 ? (uint32_t)left : 1;
}

static struct service_endpoint *endpoint_of(const struct request *request)
{
	return request->row == NULL ? NULL : &request->commands->endpoints[request->row - command_rows];
}

static void request_end(struct request *request, const char *failure)
{
	struct commands *commands = request->commands;
	struct service_endpoint *endpoint = endpoint_of(request);
	if (endpoint != NULL) {
		endpoint->requests++;
		endpoint->processing_ns += clock_monotonic_ns() - request->started_ns;
		if (failure != NULL) {
			endpoint->errors++;
			snprintf(endpoint->last_error, sizeof(endpoint->last_error), "%s", failure);
		}
	}
	commands_arena_return(commands, request->arena);
	commands_end(commands);
}

static void publish(struct request *request, struct bytes body, struct header *headers, size_t header_count)
{
	struct commands *commands = request->commands;
	headers[header_count++] = (struct header){
	    HEADER_SEQ, arena_printf(request->arena, "%llu",
				     (unsigned long long)projection_runner_applied_seq(commands->settings.runner))};
	headers[header_count++] =
	    (struct header){HEADER_CONTENT_TYPE, request->json ? CONTENT_TYPE_JSON : CONTENT_TYPE_PROTOBUF};
	assert(header_count <= REPLY_HEADERS_MAX);
	struct outgoing message = {
	    .subject = request->reply, .data = body, .headers = headers, .header_count = header_count};
	struct error error;
	if (!connection_publish(commands->settings.answers, &message, &error))
		log_warning("an answer to %s could not be sent: %s",
			    request->row != NULL ? request->row->name : "an unknown command", error.message);
}

void request_answer(struct request *request, const ProtobufCMessage *answer)
{
	struct header headers[REPLY_HEADERS_MAX];
	assert(answer->descriptor == request->row->response);
	struct bytes body = envelope_encode(answer, request->json, request->arena);
	if (request->row->durable)
		cutpoint(CUTPOINT_CONTROLLER_BEFORE_ANSWER);
	publish(request, body, headers, 0);
	request_end(request, NULL);
}

/* What may hold internals goes to the log under an id; the id is all that the caller learns. */
static const char *correlate(struct request *request, const struct error *error)
{
	if (error_code_http_status(error->code) < 500)
		return NULL;
	const char *id = arena_strdup(request->arena, ulid_new(clock_wall_ms()).text);
	log_line(error->code == ERROR_INTERNAL ? LOG_ERROR : LOG_INFO, "%s of %s failed (correlation id %s): %s: %s",
		 request->row != NULL ? request->row->name : "an unknown command", request->owner, id,
		 error_code_name(error->code), error->message);
	return id;
}

static Roost__Error__DetailsEntry *detail_of(struct request *request, const char *name, const char *value)
{
	Roost__Error__DetailsEntry *entry;
	arena_message(request->arena, entry, roost__error__details_entry__init);
	entry->key = name;
	entry->value = value;
	return entry;
}

static struct bytes error_body(struct request *request, const struct error *error, const struct refusal_detail *details,
			       size_t detail_count)
{
	const char *correlation = correlate(request, error);
	Roost__Error__DetailsEntry **entries =
	    arena_array_of(request->arena, Roost__Error__DetailsEntry *, detail_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < detail_count; i++)
		entries[count++] = detail_of(request, details[i].name, details[i].value);
	if (correlation != NULL)
		entries[count++] = detail_of(request, "correlationId", correlation);
	return envelope_encode_error_details(error, entries, count, request->json, request->arena);
}

void request_fail(struct request *request, const struct error *error)
{
	request_refuse(request, error, NULL, 0);
}

void request_refuse(struct request *request, const struct error *error, const struct refusal_detail *details,
		    size_t detail_count)
{
	struct header headers[REPLY_HEADERS_MAX];
	size_t count = 0;
	headers[count++] =
	    (struct header){HEADER_ERROR_CODE, arena_printf(request->arena, "%d", error_code_http_status(error->code))};
	headers[count++] = (struct header){HEADER_ERROR, error_code_name(error->code)};
	if (error_code_http_status(error->code) == 503)
		headers[count++] = (struct header){HEADER_RETRY_AFTER, "1"};
	publish(request, error_body(request, error, details, detail_count), headers, count);
	request_end(request, error_code_name(error->code));
}

struct freshening {
	struct request *request;
	void (*again)(struct request *request);
};

static void freshened(void *context, const struct error *error)
{
	struct freshening *wait = context;
	if (error != NULL) {
		request_fail(wait->request, error);
		return;
	}
	wait->request->fresh = true;
	wait->again(wait->request);
}

void request_freshen(struct request *request, void (*again)(struct request *request))
{
	struct freshening *wait = arena_new_of(request->arena, struct freshening);
	wait->request = request;
	wait->again = again;
	projection_runner_catch_up(request->commands->settings.runner, request_time_left(request), freshened, wait);
}

bool refusal_needs_fresh(enum error_code code)
{
	switch (code) {
	case ERROR_INVALID_ARGUMENT:
	case ERROR_PAYLOAD_TOO_LARGE:
	case ERROR_INTERNAL:
	case ERROR_BUSY:
	case ERROR_PLATFORM_UNAVAILABLE:
	case ERROR_NODE_UNREACHABLE:
	case ERROR_IDEMPOTENCY_KEY_REUSED: /* the key's record is there: no later one takes it away */
		return false;
	default:
		return true;
	}
}
