/* Frames on the socket between agent and session host, the same for both sides: a 4-byte
 * little-endian length of 1..SESSIONHOST_FRAME_MAX, then a packed message. A reader takes bytes as they
 * come, in pieces of any size, and gives whole messages; what breaks the rules ends the conversation.
 * Memory grows with the frames that really arrive, never with a length that was only promised. */
#ifndef ROOST_NODEAGENT_SESSION_FRAME_H
#define ROOST_NODEAGENT_SESSION_FRAME_H

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER_BYTES = 4 };

/* All zero is an empty reader. */
struct frame_reader {
	unsigned char *data;
	size_t capacity;
	size_t used;	 /* bytes that arrived */
	size_t consumed; /* of them, already given as messages */
};

enum frame_result {
	FRAME_MORE,   /* no whole frame yet */
	FRAME_READY,  /* a message */
	FRAME_BROKEN, /* a length or a message against the rules: close the connection */
};

void frame_reader_free(struct frame_reader *reader);

/* Adds bytes that arrived. */
void frame_reader_add(struct frame_reader *reader, const void *data, size_t size);

/* The next message, unpacked into the arena; *message is set only with FRAME_READY. */
enum frame_result frame_reader_next(struct frame_reader *reader, const ProtobufCMessageDescriptor *descriptor,
				    struct arena *arena, ProtobufCMessage **message);

/* Unpacks one message into the arena. NULL when it does not decode, a string in it is not UTF-8 or holds a
 * zero byte, or it is packed in another way than protobuf-c packs it. */
ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
			       struct arena *arena);

/* A growing piece of memory for what waits to be sent. All zero is an empty one. */
struct frame_writer {
	unsigned char *data;
	size_t capacity;
	size_t used;
	size_t sent;
};

void frame_writer_free(struct frame_writer *writer);

/* Appends the message as a frame. False when it is larger than SESSIONHOST_FRAME_MAX; nothing is
 * appended then. */
bool frame_writer_add(struct frame_writer *writer, const ProtobufCMessage *message);

/* What is not sent yet, and the note that `size` bytes of it were. */
const unsigned char *frame_writer_pending(const struct frame_writer *writer, size_t *size);
void frame_writer_sent(struct frame_writer *writer, size_t size);

/* True for well-formed UTF-8 without zero bytes (and without surrogates or overlong forms). */
bool frame_text_valid(const char *text, size_t size);

#endif
