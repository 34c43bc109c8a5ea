/* STREAM.MSG.GET, and the message id out of the base64 of its headers. */
#include "bus/log/stored_message.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct jetstream_call *stored_message_ask(struct connection *connection, const char *stream,
					  const struct stored_message_query *query, uint32_t timeout_ms,
					  jetstream_done *done, void *context)
{
	char subject[128];
	json_t *body = NULL;
	snprintf(subject, sizeof(subject), "$JS.API.STREAM.MSG.GET.%s", stream);
	switch (query->where) {
	case STORED_AT:
		body = json_pack("{sI}", "seq", (json_int_t)query->seq);
		break;
	case STORED_NEXT_OF:
		body = json_pack("{sI ss}", "seq", (json_int_t)query->seq, "next_by_subj", query->subject);
		break;
	case STORED_LAST_OF:
		body = json_pack("{ss}", "last_by_subj", query->subject);
		break;
	}
	return jetstream_request(connection, subject, body, timeout_ms, done, context);
}

/* Finds a header's value in "NATS/1.0\r\nName: value\r\n..." and copies what fits. */
static void header_value(const char *headers, const char *name, char *value, size_t size)
{
	size_t name_length = strlen(name);
	for (const char *line = headers; line != NULL; line = strstr(line, "\r\n")) {
		line += line == headers ? 0 : 2;
		if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
			continue;
		const char *text = line + name_length + 1;
		text += strspn(text, " ");
		snprintf(value, size, "%.*s", (int)strcspn(text, "\r\n"), text);
		return;
	}
}

static void read_record_id(const char *base64, struct stored_message *out)
{
	size_t length = strlen(base64);
	unsigned char *headers = calloc(1, length + 1);
	if (EVP_DecodeBlock(headers, (const unsigned char *)base64, (int)length) > 0)
		header_value((const char *)headers, "Nats-Msg-Id", out->record_id, sizeof(out->record_id));
	free(headers);
}

bool stored_message_read(const struct jetstream_answer *answer, struct stored_message *out, struct error *error)
{
	*out = (struct stored_message){0};
	if (answer->api_error == JETSTREAM_NO_MESSAGE)
		return true;
	if (answer->error.code != ERROR_NONE) {
		if (error != NULL)
			*error = answer->error;
		return false;
	}
	const json_t *message = json_object_get(answer->body, "message");
	const json_t *seq = json_object_get(message, "seq");
	if (!json_is_integer(seq))
		return error_set(error, ERROR_INTERNAL, "the NATS server's answer holds no message");
	out->found = true;
	out->seq = (uint64_t)json_integer_value(seq);
	const char *headers = json_string_value(json_object_get(message, "hdrs"));
	if (headers != NULL)
		read_record_id(headers, out);
	return true;
}
