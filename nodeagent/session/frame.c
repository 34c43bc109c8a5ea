/* Frames: bytes in, messages out, and back. The reader keeps what arrived in one piece of memory and
 * moves the rest to the front when half of it is used up. What can go wrong: a length of 0 or beyond
 * the limit, a message that does not decode, a string that is no text; each breaks the conversation. */
#include "nodeagent/session/frame.h"

#include "bus/foundation/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_FIRST_BYTES = 1024, FRAME_KEEP_BYTES = 16 * 1024 };

static void *grow(unsigned char *data, size_t *capacity, size_t wanted)
{
	size_t size = *capacity == 0 ? FRAME_FIRST_BYTES : *capacity;
	while (size < wanted)
		size *= 2;
	if (size == *capacity)
		return data;
	void *grown = realloc(data, size);
	if (grown == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	*capacity = size;
	return grown;
}

static bool is_tail(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Length of the character at `text`, 0 when it is none. */
static size_t character_length(const unsigned char *text, size_t size)
{
	if (text[0] == 0)
		return 0;
	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xC2 && text[0] <= 0xDF)
		return size >= 2 && is_tail(text[1]) ? 2 : 0;
	if ((text[0] & 0xF0) == 0xE0) {
		if (size < 3 || !is_tail(text[1]) || !is_tail(text[2]))
			return 0;
		bool overlong = text[0] == 0xE0 && text[1] < 0xA0;
		bool surrogate = text[0] == 0xED && text[1] > 0x9F;
		return overlong || surrogate ? 0 : 3;
	}
	if (text[0] >= 0xF0 && text[0] <= 0xF4) {
		if (size < 4 || !is_tail(text[1]) || !is_tail(text[2]) || !is_tail(text[3]))
			return 0;
		bool overlong = text[0] == 0xF0 && text[1] < 0x90;
		bool beyond = text[0] == 0xF4 && text[1] > 0x8F;
		return overlong || beyond ? 0 : 4;
	}
	return 0;
}

bool frame_text_valid(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = character_length((const unsigned char *)text + at, size - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

static bool strings_valid(const ProtobufCMessage *message);

static bool field_valid(const ProtobufCFieldDescriptor *field, const void *value)
{
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = *(const char *const *)value;
		return text == NULL || frame_text_valid(text, strlen(text));
	}
	const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)value;
	return inner == NULL || strings_valid(inner);
}

/* Messages of this room nest two deep, so the recursion is bounded by the schema. */
static bool strings_valid(const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const unsigned char *base = (const unsigned char *)message;
		if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
		    *(const uint32_t *)(base + field->quantifier_offset) != field->id)
			continue;
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			if (!field_valid(field, base + field->offset))
				return false;
			continue;
		}
		size_t count = *(const size_t *)(base + field->quantifier_offset);
		const void *const *values = *(const void *const *const *)(base + field->offset);
		for (size_t k = 0; k < count; k++)
			if (!field_valid(field, &values[k]))
				return false;
	}
	return true;
}

ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
			       struct arena *arena)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, arena_allocator(arena), size, data);
	if (message == NULL || !strings_valid(message))
		return NULL;
	/* protobuf-c cuts a string at a zero byte in silence; what is cut or said twice shows in the size */
	return protobuf_c_message_get_packed_size(message) == size ? message : NULL;
}

void frame_reader_free(struct frame_reader *reader)
{
	free(reader->data);
	*reader = (struct frame_reader){0};
}

/* Drops what was given already, and the memory when a large frame made it large. */
static void reader_settle(struct frame_reader *reader)
{
	if (reader->consumed == reader->used) {
		reader->consumed = 0;
		reader->used = 0;
		if (reader->capacity > FRAME_KEEP_BYTES) {
			free(reader->data);
			reader->data = NULL;
			reader->capacity = 0;
		}
	} else if (reader->consumed > reader->used / 2) {
		memmove(reader->data, reader->data + reader->consumed, reader->used - reader->consumed);
		reader->used -= reader->consumed;
		reader->consumed = 0;
	}
}

void frame_reader_add(struct frame_reader *reader, const void *data, size_t size)
{
	reader_settle(reader);
	reader->data = grow(reader->data, &reader->capacity, reader->used + size);
	memcpy(reader->data + reader->used, data, size);
	reader->used += size;
}

enum frame_result frame_reader_next(struct frame_reader *reader, const ProtobufCMessageDescriptor *descriptor,
				    struct arena *arena, ProtobufCMessage **message)
{
	size_t waiting = reader->used - reader->consumed;
	if (waiting < FRAME_HEADER_BYTES)
		return FRAME_MORE;
	const unsigned char *header = reader->data + reader->consumed;
	uint32_t length =
	    (uint32_t)header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;
	if (length == 0 || length > SESSIONHOST_FRAME_MAX)
		return FRAME_BROKEN;
	if (waiting - FRAME_HEADER_BYTES < length)
		return FRAME_MORE;
	*message = frame_unpack(descriptor, header + FRAME_HEADER_BYTES, length, arena);
	reader->consumed += FRAME_HEADER_BYTES + length;
	return *message == NULL ? FRAME_BROKEN : FRAME_READY;
}

void frame_writer_free(struct frame_writer *writer)
{
	free(writer->data);
	*writer = (struct frame_writer){0};
}

bool frame_writer_add(struct frame_writer *writer, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	if (size == 0 || size > SESSIONHOST_FRAME_MAX)
		return false;
	if (writer->sent > 0) {
		memmove(writer->data, writer->data + writer->sent, writer->used - writer->sent);
		writer->used -= writer->sent;
		writer->sent = 0;
	}
	writer->data = grow(writer->data, &writer->capacity, writer->used + FRAME_HEADER_BYTES + size);
	unsigned char *header = writer->data + writer->used;
	for (int i = 0; i < FRAME_HEADER_BYTES; i++)
		header[i] = (unsigned char)(size >> (8 * i));
	protobuf_c_message_pack(message, header + FRAME_HEADER_BYTES);
	writer->used += FRAME_HEADER_BYTES + size;
	return true;
}

const unsigned char *frame_writer_pending(const struct frame_writer *writer, size_t *size)
{
	*size = writer->used - writer->sent;
	return writer->data + writer->sent;
}

void frame_writer_sent(struct frame_writer *writer, size_t size)
{
	writer->sent += size;
	if (writer->sent < writer->used)
		return;
	writer->sent = 0;
	writer->used = 0;
	if (writer->capacity > FRAME_KEEP_BYTES) {
		free(writer->data);
		writer->data = NULL;
		writer->capacity = 0;
	}
}
