/* Packing and unpacking. Before protobuf-c unpacks, the bytes are read once by descriptor, because a
 * C string cannot show afterwards that it held a zero byte: check_message looks at every string, and
 * at the depth. What is refused gives ERROR_INVALID_ARGUMENT with the field's name. */
#include "bus/wire/message.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/utf8.h"
#include "bus/wire/field.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes message_pack(const ProtobufCMessage *message, struct arena *arena)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	unsigned char *data = arena_alloc(arena, size + 1);
	protobuf_c_message_pack(message, data);
	return (struct bytes){data, size};
}

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static bool read_varint(struct bytes *rest, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (rest->size == 0)
			return false;
		unsigned char byte = *rest->data++;
		rest->size--;
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Takes one field off the front; `value` gets the bytes of a length-delimited one. */
static bool read_field(struct bytes *rest, uint32_t *number, unsigned *type, struct bytes *value)
{
	uint64_t tag;
	uint64_t length = 0;
	if (!read_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return false;
	*number = (uint32_t)(tag >> 3);
	*type = tag & 7;
	switch (*type) {
	case WIRE_VARINT:
		return read_varint(rest, &length);
	case WIRE_64:
		length = 8;
		break;
	case WIRE_32:
		length = 4;
		break;
	case WIRE_BYTES:
		if (!read_varint(rest, &length))
			return false;
		break;
	default:
		return false;
	}
	if (length > rest->size)
		return false;
	*value = (struct bytes){rest->data, (size_t)length};
	rest->data += length;
	rest->size -= (size_t)length;
	return true;
}

static bool check_message(const ProtobufCMessageDescriptor *descriptor, struct bytes rest, int depth,
			  struct error *error)
{
	if (depth > JSON_DEPTH_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "nests deeper than %d messages", JSON_DEPTH_MAX);
	while (rest.size > 0) {
		uint32_t number;
		unsigned type;
		struct bytes value = {NULL, 0};
		if (!read_field(&rest, &number, &type, &value))
			return error_set(error, ERROR_INVALID_ARGUMENT, "is not a protobuf message");
		const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, number);
		if (field == NULL || type != WIRE_BYTES)
			continue;
		if (field->type == PROTOBUF_C_TYPE_STRING && !utf8_valid((const char *)value.data, value.size))
			return error_set(error, ERROR_INVALID_ARGUMENT, "%s: is not UTF-8, or holds a zero byte",
					 field->name);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
		    !check_message(field_message(field), value, depth + 1, error))
			return error_wrap(error, "%s", field->name);
	}
	return true;
}

ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, struct arena *arena,
				 struct error *error)
{
	if (!check_message(descriptor, bytes, 1, error)) {
		error_wrap(error, "%s", descriptor->short_name);
		return NULL;
	}
	ProtobufCMessage *message =
	    protobuf_c_message_unpack(descriptor, arena_allocator(arena), bytes.size, bytes.data);
	if (message == NULL)
		error_set(error, ERROR_INVALID_ARGUMENT, "%s: is not a protobuf message", descriptor->short_name);
	return message;
}

/* Calls `visit` with every message inside, outermost first, until one returns false. */
static bool walk(ProtobufCMessage *message, bool (*visit)(ProtobufCMessage *, void *), void *context)
{
	if (!visit(message, context))
		return false;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field->type != PROTOBUF_C_TYPE_MESSAGE || !field_present(message, field))
			continue;
		bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
		const void *member = field_member(message, field);
		ProtobufCMessage *const *inner = repeated ? *(ProtobufCMessage *const *const *)member : member;
		size_t count = repeated ? field_count(message, field) : 1;
		for (size_t n = 0; n < count; n++)
			if (!walk(inner[n], visit, context))
				return false;
	}
	return true;
}

static bool refuse_numbers(const ProtobufCMessage *message, struct error *error)
{
	char numbers[256] = "";
	size_t used = 0;
	for (unsigned i = 0; i < message->n_unknown_fields && used < sizeof(numbers) - 16; i++)
		used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, "%s%u", i == 0 ? "" : ", ",
					 message->unknown_fields[i].tag);
	return error_set(error, ERROR_INVALID_ARGUMENT, "%s: has unknown fields: %s", message->descriptor->short_name,
			 numbers);
}

static bool refuse_enum_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			      struct error *error)
{
	bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
	const void *member = field_member(message, field);
	const int *values = repeated ? *(const int *const *)member : member;
	size_t count = repeated ? field_count(message, field) : 1;
	for (size_t i = 0; i < count; i++)
		if (protobuf_c_enum_descriptor_get_value(field->descriptor, values[i]) == NULL)
			return error_set(error, ERROR_INVALID_ARGUMENT, "%s: %d is not one of its values", field->name,
					 values[i]);
	return true;
}

static bool refuse_unknown(ProtobufCMessage *message, void *context)
{
	struct error *error = context;
	if (message->n_unknown_fields > 0)
		return refuse_numbers(message, error);
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field->type == PROTOBUF_C_TYPE_ENUM && field_present(message, field) &&
		    !refuse_enum_value(message, field, error))
			return false;
	}
	return true;
}

bool message_refuse_unknown_fields(const ProtobufCMessage *message, struct error *error)
{
	return walk((ProtobufCMessage *)message, refuse_unknown, error);
}

ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena)
{
	struct bytes packed = message_pack(message, arena);
	ProtobufCMessage *copy =
	    protobuf_c_message_unpack(message->descriptor, arena_allocator(arena), packed.size, packed.data);
	if (copy == NULL) {
		fprintf(stderr, "message: a packed %s does not unpack\n", message->descriptor->short_name);
		abort();
	}
	return copy;
}

/* Leaves one way of writing what a message says: known fields only, maps sorted by key. */
static bool make_canonical(ProtobufCMessage *message, void *context)
{
	struct arena *arena = context;
	message->n_unknown_fields = 0;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (!field_is_map(field) || !field_present(message, field))
			continue;
		size_t count;
		ProtobufCMessage **entries = field_map_entries(message, field, arena, &count);
		*(ProtobufCMessage ***)field_member_of(message, field) = entries;
		field_set_count(message, field, count);
	}
	return true;
}

void message_request_hash(const char *command, const ProtobufCMessage *request, unsigned char hash[32])
{
	struct arena *arena = arena_new();
	ProtobufCMessage *canonical = message_copy(request, arena);
	walk(canonical, make_canonical, arena);
	struct bytes packed = message_pack(canonical, arena);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	/* The name's zero byte keeps name and request apart. */
	bool hashed = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
		      EVP_DigestUpdate(digest, command, strlen(command) + 1) == 1 &&
		      EVP_DigestUpdate(digest, packed.data, packed.size) == 1 &&
		      EVP_DigestFinal_ex(digest, hash, NULL) == 1;
	EVP_MD_CTX_free(digest);
	arena_free(arena);
	if (!hashed) {
		fputs("message: SHA-256 does not work\n", stderr);
		abort();
	}
}
