/* Payloads as messages and errors as bodies. What users may read of an error is chosen here: refusals
 * keep their own sentence, everything from 500 on gets the table's, since its message holds internals;
 * provisioning_failed and stop_failed are written for users although they are 500. */
#include "bus/wire/envelope.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/utf8.h"
#include "bus/wire/json.h"

#include <string.h>
#include <strings.h>

bool envelope_is_json(const char *content_type)
{
	static const char json[] = CONTENT_TYPE_JSON;
	if (content_type == NULL || strncasecmp(content_type, json, sizeof(json) - 1) != 0)
		return false;
	char after = content_type[sizeof(json) - 1];
	return after == '\0' || after == ';' || after == ' ' || after == '\t';
}

ProtobufCMessage *envelope_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes data, bool json,
				  struct arena *arena, struct error *error)
{
	if (data.size > MESSAGE_BYTES_MAX) {
		error_set(error, ERROR_PAYLOAD_TOO_LARGE, "The message has %zu bytes; at most %d are allowed.",
			  data.size, MESSAGE_BYTES_MAX);
		return NULL;
	}
	ProtobufCMessage *message = json ? json_to_message(descriptor, (const char *)data.data, data.size, arena, error)
					 : message_unpack(descriptor, data, arena, error);
	if (message == NULL || !message_refuse_unknown_fields(message, error))
		return NULL;
	return message;
}

struct bytes envelope_encode(const ProtobufCMessage *message, bool json, struct arena *arena)
{
	if (!json)
		return message_pack(message, arena);
	size_t length;
	char *text = json_from_message(message, arena, &length);
	return (struct bytes){(const unsigned char *)text, length};
}

static bool message_is_for_users(enum error_code code)
{
	return error_code_http_status(code) < 500 || code == ERROR_PROVISIONING_FAILED || code == ERROR_STOP_FAILED;
}

struct bytes envelope_encode_error_details(const struct error *error, Roost__Error__DetailsEntry **details,
					   size_t detail_count, bool json, struct arena *arena)
{
	bool own = message_is_for_users(error->code) && error->message[0] != '\0';
	Roost__Error body = ROOST__ERROR__INIT;
	body.error = error_code_name(error->code);
	body.message = own ? utf8_repaired(error->message, arena) : error_code_sentence(error->code);
	body.details = details;
	body.n_details = detail_count;
	return envelope_encode(&body.base, json, arena);
}

struct bytes envelope_encode_error(const struct error *error, const char *correlation_id, bool json,
				   struct arena *arena)
{
	Roost__Error__DetailsEntry correlation = ROOST__ERROR__DETAILS_ENTRY__INIT;
	Roost__Error__DetailsEntry *details[] = {&correlation};
	correlation.key = "correlationId";
	correlation.value = correlation_id;
	return envelope_encode_error_details(error, details, correlation_id != NULL, json, arena);
}

Roost__Error__DetailsEntry **envelope_decode_error_details(struct bytes data, bool json, struct arena *arena,
							   size_t *count, struct error *error)
{
	struct error unreadable;
	const ProtobufCMessageDescriptor *descriptor = &roost__error__descriptor;
	const Roost__Error *body =
	    (const Roost__Error *)(const void *)(json ? json_to_message(descriptor, (const char *)data.data, data.size,
									arena, &unreadable)
						      : message_unpack(descriptor, data, arena, &unreadable));
	*count = body == NULL ? 0 : body->n_details;
	if (body == NULL || body->error == NULL)
		error_set(error, ERROR_INTERNAL, "The answer is an error that cannot be read.");
	else
		error_set(error, error_code_from_name(body->error), "%s", body->message == NULL ? "" : body->message);
	return body == NULL ? NULL : body->details;
}

void envelope_decode_error(struct bytes data, bool json, struct error *error)
{
	struct arena *arena = arena_new();
	size_t count;
	envelope_decode_error_details(data, json, arena, &count, error);
	arena_free(arena);
}
