/* Reading and writing a message's members by their descriptors. For the files of this room only.
 * Any thread. */
#ifndef ROOST_BUS_WIRE_FIELD_H
#define ROOST_BUS_WIRE_FIELD_H

#include "bus/foundation/arena.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* The member itself: a number, a pointer, or (repeated) a pointer to the array. */
const void *field_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
void *field_member_of(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

bool field_is_oneof(const ProtobufCFieldDescriptor *field);

/* True for a singular field that is set, and for a repeated one with elements. */
bool field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Marks a singular number, or the chosen member of a oneof, as set. */
void field_mark_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Elements of a repeated field. */
size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
void field_set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count);

/* Bytes of one element or member of this type. */
size_t field_element_size(const ProtobufCFieldDescriptor *field);

const ProtobufCMessageDescriptor *field_message(const ProtobufCFieldDescriptor *field);

/* True for a field that was declared as map<string, ...>: repeated <Field>Entry of key and value. */
bool field_is_map(const ProtobufCFieldDescriptor *field);

/* The entries of a map sorted by key, each key once: the last one of a key counts, as the wire format
 * demands. In the arena; *count is set. */
ProtobufCMessage **field_map_entries(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
				     struct arena *arena, size_t *count);

/* The key of an entry; never NULL. */
const char *field_map_key(const ProtobufCMessage *entry);

#endif
