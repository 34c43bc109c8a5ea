/* One request to JetStream's API: JSON out, JSON back, the server's errors told from silence.
 *
 * A call lives from the request to its answer. What can go wrong: no answer (the link's error goes
 * on unchanged), an answer that is no JSON object, an answer with "error". */
#include "bus/log/jetstream.h"

#include "bus/foundation/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct jetstream_call {
	struct connection *connection;
	uint64_t ticket;
	int64_t sent_ms;
	jetstream_done *done;
	void *context;
};

static void on_answer(void *context, const struct incoming *incoming, const struct error *error)
{
	struct jetstream_call *call = context;
	struct jetstream_answer answer = {0};
	if (incoming != NULL) {
		jetstream_parse_answer(incoming->data, &answer);
		answer.received_ms = incoming->received_ms;
	} else {
		answer.error = *error;
		answer.temporary = true;
		answer.received_ms = clock_monotonic_ms();
	}
	answer.sent_ms = call->sent_ms;
	call->done(call->context, &answer);
	json_decref(answer.body);
	free(call);
}

struct jetstream_call *jetstream_request(struct connection *connection, const char *subject, json_t *body,
					 uint32_t timeout_ms, jetstream_done *done, void *context)
{
	struct jetstream_call *call = calloc(1, sizeof(*call));
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct outgoing message = {
	    .subject = subject,
	    .data = {(const unsigned char *)text, text != NULL ? strlen(text) : 0},
	};
	*call = (struct jetstream_call){connection, 0, clock_monotonic_ms(), done, context};
	call->ticket = connection_request(connection, &message, timeout_ms, on_answer, call);
	free(text);
	json_decref(body);
	return call;
}

void jetstream_forget(struct jetstream_call *call)
{
	if (call == NULL)
		return;
	connection_forget(call->connection, call->ticket);
	free(call);
}

void jetstream_parse_answer(struct bytes data, struct jetstream_answer *answer)
{
	answer->body = json_loadb((const char *)data.data, data.size, 0, NULL);
	if (!json_is_object(answer->body)) {
		error_set(&answer->error, ERROR_INTERNAL, "the NATS server's answer is not JSON");
		answer->temporary = true;
		json_decref(answer->body);
		answer->body = NULL;
		return;
	}
	const json_t *refusal = json_object_get(answer->body, "error");
	if (refusal == NULL)
		return;
	const char *description = json_string_value(json_object_get(refusal, "description"));
	answer->api_error = (int)json_integer_value(json_object_get(refusal, "err_code"));
	if (answer->api_error == 0)
		answer->api_error = -1; /* servers before 2.4 gave none; it is a refusal all the same */
	answer->temporary = json_integer_value(json_object_get(refusal, "code")) >= 500;
	error_set(&answer->error, ERROR_PLATFORM_UNAVAILABLE, "NATS server: %s (%d)",
		  description != NULL ? description : "no reason given", answer->api_error);
}

bool jetstream_parse_time(const char *text, int64_t *ms)
{
	struct tm parts = {0};
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	if (rest == NULL)
		return false;
	int64_t milliseconds = 0;
	if (*rest == '.') {
		int64_t unit = 100;
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			milliseconds += (*rest - '0') * unit;
	}
	if (strcmp(rest, "Z") != 0)
		return false;
	*ms = (int64_t)timegm(&parts) * 1000 + milliseconds;
	return true;
}

static bool parse_number(const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0;
	if (length == 0 || length > 19)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*out = value;
	return true;
}

bool jetstream_parse_delivery(const char *reply, struct jetstream_delivery *out)
{
	enum { SHORT = 9, TOKENS_MAX = 12 };
	const char *tokens[TOKENS_MAX];
	size_t lengths[TOKENS_MAX];
	int count = 0;
	if (strncmp(reply, "$JS.ACK.", strlen("$JS.ACK.")) != 0)
		return false;
	for (const char *at = reply; at != NULL; count++) {
		if (count == TOKENS_MAX)
			return false;
		const char *dot = strchr(at, '.');
		tokens[count] = at;
		lengths[count] = dot != NULL ? (size_t)(dot - at) : strlen(at);
		at = dot != NULL ? dot + 1 : NULL;
	}
	if (count < SHORT || count == SHORT + 1)
		return false;
	int first = count == SHORT ? 4 : 6; /* the long form names domain and account before the stream */
	uint64_t stored_ns;
	if (!parse_number(tokens[first], lengths[first], &out->deliveries) ||
	    !parse_number(tokens[first + 1], lengths[first + 1], &out->stream_seq) ||
	    !parse_number(tokens[first + 2], lengths[first + 2], &out->consumer_seq) ||
	    !parse_number(tokens[first + 3], lengths[first + 3], &stored_ns) ||
	    !parse_number(tokens[first + 4], lengths[first + 4], &out->pending))
		return false;
	out->stored_ms = (int64_t)(stored_ns / 1000000);
	return true;
}
