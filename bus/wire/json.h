/* Protobuf <-> JSON by descriptor, for every message alike: the proto3 mapping with camelCase names
 * and two house rules. An enum value is its lower-case word; a field that ends in _at is Unix
 * milliseconds in protobuf and ISO-8601 UTC with milliseconds in JSON. 64-bit integers are decimal
 * strings, bytes are base64, maps (repeated <Field>Entry messages of key and value) are objects.
 * Writing gives every field: absent singular ones as null, empty repeated ones as [] and {}; of a oneof
 * only the chosen member. Maps are written sorted by key. Reading takes null for absent, 64-bit integers
 * as numbers too, and enum values as numbers too (envelope_decode refuses those nobody knows). Times
 * outside the years 0000 to 9999 are written as the nearest inside.
 * Any thread. */
#ifndef ROOST_BUS_WIRE_JSON_H
#define ROOST_BUS_WIRE_JSON_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

/* The message as compact JSON in the arena, zero-terminated; *length (may be NULL) without the zero. */
char *json_from_message(const ProtobufCMessage *message, struct arena *arena, size_t *length);

/* The value of one field of the message alone: "null", "[...]" and so on. `field` is its name in the
 * schema; it must be one of the message's. */
char *json_from_field(const ProtobufCMessage *message, const char *field, struct arena *arena, size_t *length);

/* The JSON text as a message in the arena; NULL and ERROR_INVALID_ARGUMENT when it is not JSON, is
 * deeper than JSON_DEPTH_MAX, has unknown fields, or a value of the wrong type or range: the message
 * names the field's path. Empty text counts as {}. */
ProtobufCMessage *json_to_message(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t length,
				  struct arena *arena, struct error *error);

/* Milliseconds as 2026-01-31T12:34:56.789Z. `text` has at least 32 bytes. */
void json_time(int64_t ms, char text[32]);

/* The lower-case word of an enum value; NULL when there is none. In the arena-free static sense:
 * the string lives in a small per-thread buffer until the next call. */
const char *json_enum_word(const ProtobufCEnumDescriptor *descriptor, int value);

#endif
