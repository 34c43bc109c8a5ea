/* A message as JSON: one pass over the descriptors into one growing buffer in the arena. Every field
 * is written, absent ones as null, except in a oneof, of which only the chosen member is. A string that
 * is not UTF-8 (a message made in this process may hold one) gets U+FFFD in the bad places, so the text
 * is always JSON. */
#include "bus/foundation/utf8.h"
#include "bus/wire/field.h"
#include "bus/wire/json.h"
#include "bus/wire/json_text.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	struct arena *arena;
	char *data;
	size_t used;
	size_t capacity;
};

/* Room for `size` more bytes; the caller adds what it wrote to `used`. */
static char *room(struct writer *writer, size_t size)
{
	if (writer->capacity - writer->used < size) {
		size_t capacity = 2 * writer->capacity + size;
		char *data = arena_alloc(writer->arena, capacity);
		memcpy(data, writer->data, writer->used);
		writer->data = data;
		writer->capacity = capacity;
	}
	return writer->data + writer->used;
}

static void put(struct writer *writer, const char *text, size_t length)
{
	memcpy(room(writer, length), text, length);
	writer->used += length;
}

static void put_byte(struct writer *writer, char byte)
{
	*room(writer, 1) = byte;
	writer->used++;
}

static void put_escaped_byte(struct writer *writer, unsigned char byte)
{
	static const char short_names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	for (const char *name = short_names; *name != '\0'; name += 2) {
		if ((unsigned char)*name == byte) {
			put_byte(writer, '\\');
			put_byte(writer, name[1]);
			return;
		}
	}
	writer->used += (size_t)snprintf(room(writer, 7), 7, "\\u%04x", byte);
}

static bool is_ordinary(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void put_string(struct writer *writer, const char *text)
{
	const unsigned char *data = (const unsigned char *)text;
	size_t size = strlen(text);
	put_byte(writer, '"');
	for (size_t at = 0; at < size;) {
		size_t run = at;
		while (run < size && is_ordinary(data[run]))
			run++;
		put(writer, text + at, run - at);
		at = run;
		if (at == size)
			break;
		size_t length = utf8_character(text + at, size - at, NULL);
		if (length == 0)
			put(writer, "\xef\xbf\xbd", 3);
		else if (length == 1)
			put_escaped_byte(writer, data[at]);
		else
			put(writer, text + at, length);
		at += length == 0 ? 1 : length;
	}
	put_byte(writer, '"');
}

static void put_bytes(struct writer *writer, const ProtobufCBinaryData *bytes)
{
	char *out = room(writer, 4 * ((bytes->len + 2) / 3) + 2);
	out[0] = '"';
	size_t length = json_base64((struct bytes){bytes->data, bytes->len}, out + 1);
	out[length + 1] = '"';
	writer->used += length + 2;
}

/* The shortest of the usual precisions that gives the same number back. */
static void put_double(struct writer *writer, double value, bool single)
{
	if (!isfinite(value)) {
		put_string(writer, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
		return;
	}
	char text[40];
	int length = 0;
	for (int precision = single ? FLT_DIG : DBL_DIG; precision <= DBL_DECIMAL_DIG; precision++) {
		length = snprintf(text, sizeof(text), "%.*g", precision, value);
		double again = strtod(text, NULL);
		if (single ? (float)again == (float)value : again == value)
			break;
	}
	put(writer, text, (size_t)length);
}

static void put_enum(struct writer *writer, const ProtobufCFieldDescriptor *field, int value)
{
	const char *word = json_enum_word(field->descriptor, value);
	if (word != NULL)
		put_string(writer, word);
	else
		writer->used += (size_t)snprintf(room(writer, 16), 16, "%d", value);
}

static void put_unsigned(struct writer *writer, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	put(writer, digits + at, sizeof(digits) - at);
}

static void put_signed(struct writer *writer, int64_t value)
{
	if (value < 0)
		put_byte(writer, '-');
	put_unsigned(writer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_int64(struct writer *writer, const ProtobufCFieldDescriptor *field, int64_t value)
{
	put_byte(writer, '"');
	if (json_field_is_time(field)) {
		char text[32];
		json_time(value, text);
		put(writer, text, strlen(text));
	} else {
		put_signed(writer, value);
	}
	put_byte(writer, '"');
}

static void put_message(struct writer *writer, const ProtobufCMessage *message);

static void put_text_or_empty(struct writer *writer, const char *text)
{
	put_string(writer, text == NULL ? "" : text);
}

/* One value of the field's type at `value`, which points to a member or an element. */
static void put_value(struct writer *writer, const ProtobufCFieldDescriptor *field, const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		put_signed(writer, *(const int32_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		put_unsigned(writer, *(const uint32_t *)value);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put_int64(writer, field, *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_byte(writer, '"');
		put_unsigned(writer, *(const uint64_t *)value);
		put_byte(writer, '"');
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		put_double(writer, (double)*(const float *)value, true);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_double(writer, *(const double *)value, false);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		if (*(const protobuf_c_boolean *)value)
			put(writer, "true", 4);
		else
			put(writer, "false", 5);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		put_enum(writer, field, *(const int *)value);
		break;
	case PROTOBUF_C_TYPE_STRING:
		put_text_or_empty(writer, *(const char *const *)value);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(writer, value);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(writer, *(const ProtobufCMessage *const *)value);
		break;
	}
}

static void put_map(struct writer *writer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count;
	ProtobufCMessage **entries = field_map_entries(message, field, writer->arena, &count);
	const ProtobufCFieldDescriptor *value = &field_message(field)->fields[1];
	put_byte(writer, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put_byte(writer, ',');
		put_string(writer, field_map_key(entries[i]));
		put_byte(writer, ':');
		put_value(writer, value, field_member(entries[i], value));
	}
	put_byte(writer, '}');
}

static void put_array(struct writer *writer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	size_t size = field_element_size(field);
	const char *elements = *(const char *const *)field_member(message, field);
	put_byte(writer, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put_byte(writer, ',');
		put_value(writer, field, elements + i * size);
	}
	put_byte(writer, ']');
}

static void put_field(struct writer *writer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field_is_map(field))
		put_map(writer, message, field);
	else if (field->label == PROTOBUF_C_LABEL_REPEATED)
		put_array(writer, message, field);
	else if (field_present(message, field))
		put_value(writer, field, field_member(message, field));
	else
		put(writer, "null", 4);
}

static void put_message(struct writer *writer, const ProtobufCMessage *message)
{
	bool first = true;
	put_byte(writer, '{');
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field_is_oneof(field) && !field_present(message, field))
			continue;
		char *name = room(writer, strlen(field->name) + 4);
		size_t at = 0;
		if (!first)
			name[at++] = ',';
		first = false;
		name[at++] = '"';
		at += json_camel(field->name, name + at);
		name[at++] = '"';
		name[at++] = ':';
		writer->used += at;
		put_field(writer, message, field);
	}
	put_byte(writer, '}');
}

enum { FIRST_BYTES = 1024 };

static struct writer writer_new(struct arena *arena)
{
	return (struct writer){arena, arena_alloc(arena, FIRST_BYTES), 0, FIRST_BYTES};
}

static char *writer_end(struct writer *writer, size_t *length)
{
	*room(writer, 1) = '\0';
	if (length != NULL)
		*length = writer->used;
	return writer->data;
}

char *json_from_message(const ProtobufCMessage *message, struct arena *arena, size_t *length)
{
	struct writer writer = writer_new(arena);
	put_message(&writer, message);
	return writer_end(&writer, length);
}

char *json_from_field(const ProtobufCMessage *message, const char *field, struct arena *arena, size_t *length)
{
	const ProtobufCFieldDescriptor *descriptor =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, field);
	if (descriptor == NULL) {
		fprintf(stderr, "json: %s has no field %s\n", message->descriptor->short_name, field);
		abort();
	}
	struct writer writer = writer_new(arena);
	put_field(&writer, message, descriptor);
	return writer_end(&writer, length);
}
