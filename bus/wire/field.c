/* Members by descriptor. Presence follows protobuf-c's proto2 structs: a has_ flag for numbers, NULL
 * for strings and messages, a case number for oneofs, a count for arrays. */
#include "bus/wire/field.h"

#include <stdlib.h>
#include <string.h>

const void *field_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->offset;
}

void *field_member_of(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)message + field->offset;
}

static const void *quantifier(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->quantifier_offset;
}

bool field_is_oneof(const ProtobufCFieldDescriptor *field)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static bool is_pointer(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

bool field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return field_count(message, field) > 0;
	if (field_is_oneof(field) && *(const uint32_t *)quantifier(message, field) != field->id)
		return false;
	if (is_pointer(field))
		return *(void *const *)field_member(message, field) != NULL;
	if (field_is_oneof(field) || field->label != PROTOBUF_C_LABEL_OPTIONAL)
		return true;
	return *(const protobuf_c_boolean *)quantifier(message, field);
}

void field_mark_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *mark = (char *)message + field->quantifier_offset;
	if (field_is_oneof(field))
		*(uint32_t *)mark = field->id;
	else if (!is_pointer(field) && field->label == PROTOBUF_C_LABEL_OPTIONAL)
		*(protobuf_c_boolean *)mark = 1;
}

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return *(const size_t *)quantifier(message, field);
}

void field_set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count)
{
	*(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
}

size_t field_element_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

const ProtobufCMessageDescriptor *field_message(const ProtobufCFieldDescriptor *field)
{
	return field->descriptor;
}

/* True when `name` is `field` in CamelCase with "Entry" after it. */
static bool names_entry_of(const char *name, const char *field)
{
	bool upper = true;
	for (; *field != '\0'; field++) {
		if (*field == '_') {
			upper = true;
			continue;
		}
		char expected = upper && *field >= 'a' && *field <= 'z' ? (char)(*field - 'a' + 'A') : *field;
		if (*name++ != expected)
			return false;
		upper = false;
	}
	return strcmp(name, "Entry") == 0;
}

bool field_is_map(const ProtobufCFieldDescriptor *field)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label != PROTOBUF_C_LABEL_REPEATED)
		return false;
	const ProtobufCMessageDescriptor *entry = field_message(field);
	return entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
	       strcmp(entry->fields[1].name, "value") == 0 && entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
	       names_entry_of(entry->short_name, field->name);
}

const char *field_map_key(const ProtobufCMessage *entry)
{
	const char *key = *(const char *const *)field_member(entry, &entry->descriptor->fields[0]);
	return key == NULL ? "" : key;
}

struct ranked_entry {
	ProtobufCMessage *entry;
	size_t index;
};

static int compare_entries(const void *left, const void *right)
{
	const struct ranked_entry *a = left;
	const struct ranked_entry *b = right;
	int order = strcmp(field_map_key(a->entry), field_map_key(b->entry));
	if (order != 0)
		return order;
	return a->index < b->index ? -1 : 1;
}

ProtobufCMessage **field_map_entries(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
				     struct arena *arena, size_t *count)
{
	size_t all = field_count(message, field);
	ProtobufCMessage *const *entries = *(ProtobufCMessage *const *const *)field_member(message, field);
	struct ranked_entry *ranked = arena_array_of(arena, struct ranked_entry, all);
	for (size_t i = 0; i < all; i++)
		ranked[i] = (struct ranked_entry){entries[i], i};
	if (all > 1)
		qsort(ranked, all, sizeof(*ranked), compare_entries);
	ProtobufCMessage **kept = arena_array_of(arena, ProtobufCMessage *, all);
	*count = 0;
	for (size_t i = 0; i < all; i++) {
		bool again =
		    i + 1 < all && strcmp(field_map_key(ranked[i].entry), field_map_key(ranked[i + 1].entry)) == 0;
		if (!again)
			kept[(*count)++] = ranked[i].entry;
	}
	return kept;
}
