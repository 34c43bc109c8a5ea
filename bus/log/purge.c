/* STREAM.PURGE with a filter and a sequence, and a consumer's ack floor. */
#include "bus/log/purge.h"

#include "bus/log/log_stream.h"

#include <assert.h>
#include <stdio.h>

struct jetstream_call *log_purge_ask(struct connection *connection, const char *subject, uint64_t below_seq,
				     uint32_t timeout_ms, jetstream_done *done, void *context)
{
	assert(below_seq > 0 && subject[0] != '\0');
	json_t *body = json_pack("{ss sI}", "filter", subject, "seq", (json_int_t)below_seq);
	return jetstream_request(connection, "$JS.API.STREAM.PURGE." LOG_STREAM, body, timeout_ms, done, context);
}

static bool answered(const struct jetstream_answer *answer, struct error *error)
{
	if (answer->error.code != ERROR_NONE && error != NULL)
		*error = answer->error;
	return answer->error.code == ERROR_NONE;
}

bool log_purge_read(const struct jetstream_answer *answer, uint64_t *purged, struct error *error)
{
	*purged = 0;
	if (!answered(answer, error))
		return false;
	if (!json_is_true(json_object_get(answer->body, "success")))
		return error_set(error, ERROR_INTERNAL, "the NATS server does not say that it purged");
	*purged = (uint64_t)json_integer_value(json_object_get(answer->body, "purged"));
	return true;
}

struct jetstream_call *log_floor_ask(struct connection *connection, const char *consumer, uint32_t timeout_ms,
				     jetstream_done *done, void *context)
{
	char subject[128];
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.INFO." LOG_STREAM ".%s", consumer);
	return jetstream_request(connection, subject, NULL, timeout_ms, done, context);
}

/* The server moves the floor only with acknowledgements: a consumer that has none outstanding has done
 * with all that was brought to it, and with what was there before it, if it began with what was new. */
bool log_floor_read(const struct jetstream_answer *answer, uint64_t *floor, struct error *error)
{
	const json_t *outstanding = json_object_get(answer->body, "num_ack_pending");
	bool idle = json_is_integer(outstanding) && json_integer_value(outstanding) == 0;
	const json_t *place =
	    json_object_get(json_object_get(answer->body, idle ? "delivered" : "ack_floor"), "stream_seq");
	*floor = 0;
	if (!answered(answer, error))
		return false;
	if (!json_is_integer(place))
		return error_set(error, ERROR_INTERNAL, "the NATS server's answer has no ack floor");
	*floor = (uint64_t)json_integer_value(place);
	return true;
}
