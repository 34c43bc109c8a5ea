/* Filling messages by descriptor, and finding their files. */
#include "tests/unit/wire/golden.h"

#include "bus/wire/field.h"
#include "command.pb-c.h"
#include "node.pb-c.h"
#include "record.pb-c.h"
#include "sessionhost.pb-c.h"
#include "state.pb-c.h"

#include <stdio.h>
#include <string.h>

const ProtobufCMessageDescriptor *const golden_kinds[] = {
    &roost__record__descriptor,
    &roost__error__descriptor,
#define COMMAND(resource, verb, stem, snake, durable, body)                                                            \
	&roost__##snake##_request__descriptor, &roost__##snake##_response__descriptor,
#include "schemas/commands.def"
#undef COMMAND
    &roost__apply_request__descriptor,
    &roost__apply_response__descriptor,
    &roost__node_input_request__descriptor,
    &roost__node_output_request__descriptor,
    &roost__node_output_response__descriptor,
    &roost__probe_response__descriptor,
    &roost__inventory_request__descriptor,
    &roost__inventory_response__descriptor,
    &roost__report_batch__descriptor,
    &roost__report_answer__descriptor,
    &roost__heartbeat__descriptor,
    &roost__owner_state__descriptor,
    &roost__node_state__descriptor,
    &roost__workspace_state__descriptor,
    &roost__session_state__descriptor,
    &roost__host_request__descriptor,
    &roost__host_answer__descriptor,
    NULL,
};

const ProtobufCMessageDescriptor *golden_kind(const char *name)
{
	for (size_t i = 0; golden_kinds[i] != NULL; i++)
		if (strcmp(golden_kinds[i]->short_name, name) == 0)
			return golden_kinds[i];
	return NULL;
}

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *kind, unsigned alternative, struct arena *arena);

static void fill_value(const ProtobufCFieldDescriptor *field, unsigned index, struct arena *arena, void *out)
{
	unsigned number = field->id + index;
	const ProtobufCEnumDescriptor *words = field->descriptor;
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(const char **)out = arena_printf(arena, "%s \xc3\xa9\"\\ %u", field->name, number);
		break;
	case PROTOBUF_C_TYPE_BYTES: {
		static const unsigned char bytes[] = {0, 1, 2, 0xfd, 0xfe, 0xff};
		*(ProtobufCBinaryData *)out = (ProtobufCBinaryData){sizeof(bytes), (unsigned char *)bytes};
		break;
	}
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)out = words->values[number % words->n_values].value;
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)out = fill(field_message(field), index, arena);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)out = 1;
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)out = number + 0.25;
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		*(float *)out = (float)number + 0.25F;
		break;
	default:
		if (field_element_size(field) == 8)
			*(uint64_t *)out = UINT64_C(1769862896000) + number;
		else
			*(uint32_t *)out = 1000 + number;
	}
}

static unsigned alternatives(const ProtobufCMessageDescriptor *kind)
{
	unsigned count = 0;
	for (unsigned i = 0; i < kind->n_fields; i++)
		count += field_is_oneof(&kind->fields[i]);
	return count;
}

/* Two elements, or one for each alternative of the element's oneof. */
static void fill_array(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct arena *arena)
{
	unsigned choices = field->type == PROTOBUF_C_TYPE_MESSAGE ? alternatives(field_message(field)) : 0;
	unsigned count = choices > 0 ? choices : 2;
	size_t size = field_element_size(field);
	char *elements = arena_alloc(arena, count * size);
	for (unsigned i = 0; i < count; i++)
		fill_value(field, i, arena, elements + i * size);
	*(void **)field_member_of(message, field) = elements;
	field_set_count(message, field, count);
}

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *kind, unsigned alternative, struct arena *arena)
{
	ProtobufCMessage *message = arena_alloc(arena, kind->sizeof_message);
	protobuf_c_message_init(kind, message);
	unsigned seen = 0;
	for (unsigned i = 0; i < kind->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &kind->fields[i];
		if (field_is_oneof(field) && seen++ != alternative)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			fill_array(message, field, arena);
			continue;
		}
		fill_value(field, field->type == PROTOBUF_C_TYPE_MESSAGE ? 0 : alternative, arena,
			   field_member_of(message, field));
		field_mark_present(message, field);
	}
	return message;
}

ProtobufCMessage *golden_sample(const ProtobufCMessageDescriptor *kind, struct arena *arena)
{
	return fill(kind, 0, arena);
}

char *golden_path(const ProtobufCMessageDescriptor *kind, int generation, const char *ending, struct arena *arena)
{
	return arena_printf(arena, GOLDEN_DIR "/%s.%d.%s", kind->short_name, generation, ending);
}

struct bytes golden_read(const char *path, struct arena *arena)
{
	enum { FILE_MAX = 1024 * 1024 };
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return (struct bytes){NULL, 0};
	unsigned char *data = arena_alloc(arena, FILE_MAX);
	size_t size = fread(data, 1, FILE_MAX - 1, file);
	fclose(file);
	return (struct bytes){data, size};
}

int golden_newest(const ProtobufCMessageDescriptor *kind, struct arena *arena)
{
	int newest = 0;
	while (golden_read(golden_path(kind, newest + 1, "bin", arena), arena).data != NULL)
		newest++;
	return newest;
}
