/* Packing and unpacking of protobuf messages, with checks that every reader needs. Any thread. */
#ifndef ROOST_BUS_WIRE_MESSAGE_H
#define ROOST_BUS_WIRE_MESSAGE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

struct bytes {
	const unsigned char *data;
	size_t size;
};

/* The packed message, in the arena. */
struct bytes message_pack(const ProtobufCMessage *message, struct arena *arena);

/* Unpacked into the arena. NULL and ERROR_INVALID_ARGUMENT when it does not decode, nests deeper
 * than JSON_DEPTH_MAX, or a string is not UTF-8 or holds a zero byte. */
ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, struct arena *arena,
				 struct error *error);

/* For requests: ERROR_INVALID_ARGUMENT that names the numbers when the message or one inside it has
 * unknown fields, or an enum value that is none of its enum's. */
bool message_refuse_unknown_fields(const ProtobufCMessage *message, struct error *error);

/* A deep copy in the arena. */
ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena);

/* SHA-256 over the command's name and the canonical (re-packed, known fields only) request. */
void message_request_hash(const char *command, const ProtobufCMessage *request, unsigned char hash[32]);

#endif
