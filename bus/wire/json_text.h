/* The pieces of text in JSON values: times, bytes as base64, enum words, names in camelCase. For the
 * files of this room only. Any thread. */
#ifndef ROOST_BUS_WIRE_JSON_TEXT_H
#define ROOST_BUS_WIRE_JSON_TEXT_H

#include "bus/foundation/arena.h"
#include "bus/wire/message.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

/* Years 0000 to 9999 have four digits; what lies outside is written as the nearest that has. */
#define JSON_TIME_MIN_MS INT64_C(-62167219200000)
#define JSON_TIME_MAX_MS INT64_C(253402300799999)

/* Exactly YYYY-MM-DDTHH:MM:SS[.fraction]Z, a real date, no leap second; up to nine digits of fraction,
 * of which three count. */
bool json_time_parse(const char *text, size_t length, int64_t *ms);

/* True for an int64 field whose name ends in _at. */
bool json_field_is_time(const ProtobufCFieldDescriptor *field);

/* Standard alphabet with padding. Length of the text; `out` has 4 * ((size + 2) / 3) bytes. */
size_t json_base64(struct bytes bytes, char *out);

/* The bytes of canonical base64 in the arena; false when it is not that. */
bool json_base64_parse(const char *text, size_t length, struct arena *arena, struct bytes *out);

/* The enum value of a lower-case word; false when there is none. */
bool json_enum_parse(const ProtobufCEnumDescriptor *descriptor, const char *word, size_t length, int *value);

/* A field's name in camelCase into `out`, which has room for strlen(name) bytes; its length. */
size_t json_camel(const char *name, char *out);

/* The field with this camelCase name; NULL when there is none. */
const ProtobufCFieldDescriptor *json_field(const ProtobufCMessageDescriptor *descriptor, const char *name,
					   size_t length);

#endif
