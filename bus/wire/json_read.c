/* JSON as a message. jansson parses the text (strict UTF-8, no zero bytes, no name twice); then the
 * tree is walked along the descriptors. The first value that does not fit ends it, with the path from
 * the outside in: "workspaces[2].displayName: expected a string". */
#include "bus/foundation/limits.h"
#include "bus/wire/field.h"
#include "bus/wire/json.h"
#include "bus/wire/json_text.h"

#include <errno.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One step of the path, on the C stack: a name, a map's key, or an element's index. */
struct path {
	const struct path *outer;
	const char *name;
	bool is_key;
	size_t index; /* when there is no name */
};

struct reader {
	struct arena *arena;
	struct error *error;
};

static size_t path_text(const struct path *path, char *out, size_t size)
{
	size_t used = path->outer == NULL ? 0 : path_text(path->outer, out, size);
	bool quoted = path->is_key || (path->name != NULL && path->name[0] == '\0');
	const char *format = quoted ? "[\"%.100s\"]" : used > 0 ? ".%.100s" : "%.100s";
	int length = path->name != NULL ? snprintf(out + used, size - used, format, path->name)
					: snprintf(out + used, size - used, "[%zu]", path->index);
	used += (size_t)length;
	return used < size ? used : size - 1;
}

/* Names, and what the parser quotes, come from the sender; the sentence travels in a header. */
static void without_controls(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static bool refuse(const struct reader *reader, const struct path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(const struct reader *reader, const struct path *path, const char *format, ...)
{
	char where[512] = "";
	char what[ERROR_MESSAGE_MAX / 2];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (path != NULL)
		path_text(path, where, sizeof(where));
	without_controls(where);
	without_controls(what);
	return error_set(reader->error, ERROR_INVALID_ARGUMENT, "%s%s%s", where, where[0] == '\0' ? "" : ": ", what);
}

/* A whole number from a JSON number or a decimal string, between the bounds. */
static bool read_signed(const json_t *json, int64_t minimum, int64_t maximum, int64_t *out)
{
	if (json_is_integer(json)) {
		*out = json_integer_value(json);
	} else if (json_is_string(json)) {
		const char *text = json_string_value(json);
		char *end;
		const char *first = text[0] == '-' ? text + 1 : text;
		if (*first < '0' || *first > '9')
			return false;
		errno = 0;
		*out = strtoll(text, &end, 10);
		if (errno != 0 || *end != '\0')
			return false;
	} else {
		return false;
	}
	return *out >= minimum && *out <= maximum;
}

static bool read_unsigned(const json_t *json, uint64_t maximum, uint64_t *out)
{
	if (json_is_integer(json)) {
		if (json_integer_value(json) < 0)
			return false;
		*out = (uint64_t)json_integer_value(json);
	} else if (json_is_string(json)) {
		const char *text = json_string_value(json);
		char *end;
		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		*out = strtoull(text, &end, 10);
		if (errno != 0 || *end != '\0')
			return false;
	} else {
		return false;
	}
	return *out <= maximum;
}

static bool read_real(const json_t *json, double *out)
{
	if (json_is_number(json)) {
		*out = json_number_value(json);
		return true;
	}
	const char *text = json_string_value(json);
	if (text == NULL)
		return false;
	if (strcmp(text, "NaN") == 0)
		*out = NAN;
	else if (strcmp(text, "Infinity") == 0)
		*out = INFINITY;
	else if (strcmp(text, "-Infinity") == 0)
		*out = -INFINITY;
	else
		return false;
	return true;
}

static bool take_signed(const struct reader *reader, const struct path *path, const json_t *json, int bits, void *out)
{
	int64_t value;
	bool wide = bits == 64;
	if (!read_signed(json, wide ? INT64_MIN : INT32_MIN, wide ? INT64_MAX : INT32_MAX, &value))
		return refuse(reader, path, "expected a whole number of %d bits", bits);
	if (wide)
		*(int64_t *)out = value;
	else
		*(int32_t *)out = (int32_t)value;
	return true;
}

static bool take_unsigned(const struct reader *reader, const struct path *path, const json_t *json, int bits, void *out)
{
	uint64_t value;
	bool wide = bits == 64;
	if (!read_unsigned(json, wide ? UINT64_MAX : UINT32_MAX, &value))
		return refuse(reader, path, "expected a whole number of %d bits that is not negative", bits);
	if (wide)
		*(uint64_t *)out = value;
	else
		*(uint32_t *)out = (uint32_t)value;
	return true;
}

static bool take_time(const struct reader *reader, const struct path *path, const json_t *json, int64_t *out)
{
	if (!json_is_string(json) || !json_time_parse(json_string_value(json), json_string_length(json), out))
		return refuse(reader, path, "expected a time such as 2026-01-31T12:34:56.789Z");
	return true;
}

static bool take_real(const struct reader *reader, const struct path *path, const json_t *json, bool single, void *out)
{
	double value;
	if (!read_real(json, &value) || (single && isfinite(value) && fabs(value) > (double)FLT_MAX))
		return refuse(reader, path, "expected a number");
	if (single)
		*(float *)out = (float)value;
	else
		*(double *)out = value;
	return true;
}

static bool take_bool(const struct reader *reader, const struct path *path, const json_t *json, protobuf_c_boolean *out)
{
	if (!json_is_boolean(json))
		return refuse(reader, path, "expected true or false");
	*out = json_is_true(json);
	return true;
}

/* Numbers are taken too, so that a value which this program does not know yet survives. */
static bool take_enum(const struct reader *reader, const struct path *path, const json_t *json,
		      const ProtobufCEnumDescriptor *descriptor, int *out)
{
	int64_t number;
	if (json_is_integer(json) && read_signed(json, INT32_MIN, INT32_MAX, &number)) {
		*out = (int)number;
		return true;
	}
	if (json_is_string(json) && json_enum_parse(descriptor, json_string_value(json), json_string_length(json), out))
		return true;
	char words[256] = "";
	size_t used = 0;
	for (unsigned i = 0; i < descriptor->n_values && used < sizeof(words); i++)
		used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s", i == 0 ? "" : ", ",
					 json_enum_word(descriptor, descriptor->values[i].value));
	return refuse(reader, path, "expected one of: %s", words);
}

static bool take_string(const struct reader *reader, const struct path *path, const json_t *json, const char **out)
{
	if (!json_is_string(json))
		return refuse(reader, path, "expected a string");
	*out = arena_copy(reader->arena, json_string_value(json), json_string_length(json));
	return true;
}

static bool take_bytes(const struct reader *reader, const struct path *path, const json_t *json,
		       ProtobufCBinaryData *out)
{
	struct bytes bytes;
	if (!json_is_string(json) ||
	    !json_base64_parse(json_string_value(json), json_string_length(json), reader->arena, &bytes))
		return refuse(reader, path, "expected base64");
	*out = (ProtobufCBinaryData){bytes.size, (unsigned char *)bytes.data};
	return true;
}

static ProtobufCMessage *read_message(const struct reader *reader, const struct path *path, const json_t *json,
				      const ProtobufCMessageDescriptor *descriptor, int depth);

/* One value of the field's type to `out`, which points to a member or an element. */
static bool take_value(const struct reader *reader, const struct path *path, const json_t *json,
		       const ProtobufCFieldDescriptor *field, int depth, void *out)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return take_signed(reader, path, json, 32, out);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return take_unsigned(reader, path, json, 32, out);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_field_is_time(field) ? take_time(reader, path, json, out)
						 : take_signed(reader, path, json, 64, out);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return take_unsigned(reader, path, json, 64, out);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return take_real(reader, path, json, field->type == PROTOBUF_C_TYPE_FLOAT, out);
	case PROTOBUF_C_TYPE_BOOL:
		return take_bool(reader, path, json, out);
	case PROTOBUF_C_TYPE_ENUM:
		return take_enum(reader, path, json, field->descriptor, out);
	case PROTOBUF_C_TYPE_STRING:
		return take_string(reader, path, json, out);
	case PROTOBUF_C_TYPE_BYTES:
		return take_bytes(reader, path, json, out);
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)out = read_message(reader, path, json, field_message(field), depth + 1);
		return *(ProtobufCMessage **)out != NULL;
	}
	return refuse(reader, path, "is of a type that JSON cannot give");
}

static bool take_array(const struct reader *reader, const struct path *path, const json_t *json,
		       const ProtobufCFieldDescriptor *field, int depth, ProtobufCMessage *message)
{
	if (!json_is_array(json))
		return refuse(reader, path, "expected an array");
	size_t count = json_array_size(json);
	size_t size = field_element_size(field);
	char *elements = arena_alloc(reader->arena, size * count);
	for (size_t i = 0; i < count; i++) {
		const struct path element = {.outer = path, .index = i};
		if (!take_value(reader, &element, json_array_get(json, i), field, depth, elements + i * size))
			return false;
	}
	*(void **)field_member_of(message, field) = elements;
	field_set_count(message, field, count);
	return true;
}

static ProtobufCMessage *new_message(const struct reader *reader, const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = arena_alloc(reader->arena, descriptor->sizeof_message);
	protobuf_c_message_init(descriptor, message);
	return message;
}

static bool take_map(const struct reader *reader, const struct path *path, json_t *json,
		     const ProtobufCFieldDescriptor *field, int depth, ProtobufCMessage *message)
{
	if (!json_is_object(json))
		return refuse(reader, path, "expected an object");
	const ProtobufCMessageDescriptor *descriptor = field_message(field);
	const ProtobufCFieldDescriptor *key_field = &descriptor->fields[0];
	const ProtobufCFieldDescriptor *value_field = &descriptor->fields[1];
	ProtobufCMessage **entries = arena_array_of(reader->arena, ProtobufCMessage *, json_object_size(json));
	size_t count = 0;
	const char *key;
	json_t *value;
	json_object_foreach(json, key, value)
	{
		const struct path inner = {.outer = path, .name = key, .is_key = true};
		ProtobufCMessage *entry = new_message(reader, descriptor);
		*(const char **)field_member_of(entry, key_field) = arena_strdup(reader->arena, key);
		if (!take_value(reader, &inner, value, value_field, depth, field_member_of(entry, value_field)))
			return false;
		field_mark_present(entry, value_field);
		entries[count++] = entry;
	}
	*(ProtobufCMessage ***)field_member_of(message, field) = entries;
	field_set_count(message, field, count);
	return true;
}

/* Another member of the same oneof that is set already. */
static bool oneof_is_taken(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return field_is_oneof(field) &&
	       *(const uint32_t *)(const void *)((const char *)message + field->quantifier_offset) != 0;
}

static bool take_field(const struct reader *reader, const struct path *path, json_t *json,
		       const ProtobufCFieldDescriptor *field, int depth, ProtobufCMessage *message)
{
	if (json_is_null(json))
		return true;
	if (field_is_map(field))
		return take_map(reader, path, json, field, depth, message);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return take_array(reader, path, json, field, depth, message);
	if (oneof_is_taken(message, field))
		return refuse(reader, path, "only one of the alternatives may be there");
	if (!take_value(reader, path, json, field, depth, field_member_of(message, field)))
		return false;
	field_mark_present(message, field);
	return true;
}

static ProtobufCMessage *read_message(const struct reader *reader, const struct path *path, const json_t *json,
				      const ProtobufCMessageDescriptor *descriptor, int depth)
{
	if (depth > JSON_DEPTH_MAX) {
		refuse(reader, path, "nests deeper than %d objects", JSON_DEPTH_MAX);
		return NULL;
	}
	if (!json_is_object(json)) {
		refuse(reader, path, "expected an object");
		return NULL;
	}
	ProtobufCMessage *message = new_message(reader, descriptor);
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)json, name, value)
	{
		const struct path inner = {.outer = path, .name = name};
		const ProtobufCFieldDescriptor *field = json_field(descriptor, name, strlen(name));
		if (field == NULL) {
			refuse(reader, &inner, "is not a field of %s", descriptor->short_name);
			return NULL;
		}
		if (!take_field(reader, &inner, value, field, depth, message))
			return NULL;
	}
	return message;
}

/* Whether brackets nest deeper than any message could; asked first, since a parser's own stack and
 * memory grow with the depth. Brackets inside strings do not count. */
static bool too_deep(const char *text, size_t length)
{
	int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		char byte = text[i];
		if (in_string) {
			if (byte == '\\')
				i++;
			else if (byte == '"')
				in_string = false;
		} else if (byte == '"') {
			in_string = true;
		} else if (byte == '{' || byte == '[') {
			if (++depth > 2 * JSON_DEPTH_MAX)
				return true;
		} else if (byte == '}' || byte == ']') {
			depth--;
		}
	}
	return false;
}

ProtobufCMessage *json_to_message(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t length,
				  struct arena *arena, struct error *error)
{
	const struct reader reader = {arena, error};
	if (length == 0)
		return new_message(&reader, descriptor);
	if (too_deep(text, length)) {
		refuse(&reader, NULL, "The JSON text nests deeper than %d objects.", JSON_DEPTH_MAX);
		return NULL;
	}
	json_error_t problem;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
	if (json == NULL) {
		refuse(&reader, NULL, "The text is not JSON: line %d, column %d: %s", problem.line, problem.column,
		       problem.text);
		return NULL;
	}
	ProtobufCMessage *message = read_message(&reader, NULL, json, descriptor, 1);
	json_decref(json);
	return message;
}
