/* Printing goes to standard output only when something was done; what went wrong to standard error. */
#include "controller/cli/show.h"

#include "bus/foundation/clock.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>

enum { SECONDS_MAX = 7 * 86400 };

int show_json(struct invocation *invocation, enum api_command command, const ProtobufCMessage *answer)
{
	puts(api_body(command, answer, invocation->arena));
	return EXIT_DONE;
}

static const char *text_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct arena *arena)
{
	if (field->type == PROTOBUF_C_TYPE_STRING && field->label != PROTOBUF_C_LABEL_REPEATED)
		return text_safe(*(const char *const *)(const void *)((const char *)message + field->offset), true,
				 arena);
	char *json = json_from_field(message, field->name, arena, NULL);
	size_t length = strlen(json);
	if (json[0] != '"')
		return text_safe(json, false, arena);
	json[length - 1] = '\0'; /* words and times need no quotes */
	return text_safe(json + 1, false, arena);
}

/* The fields of a message, those of messages inside it with both names. */
static void show_named(const ProtobufCMessage *resource, const char *prefix, struct arena *arena)
{
	for (unsigned i = 0; i < resource->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &resource->descriptor->fields[i];
		const void *member = (const char *)resource + field->offset;
		char *name = arena_printf(arena, "%s%s", prefix, field->name);
		for (char *at = name; *at != '\0'; at++)
			if (*at == '_')
				*at = ' ';
		if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED) {
			const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)member;
			if (inner != NULL)
				show_named(inner, arena_printf(arena, "%s ", name), arena);
			continue;
		}
		const char *text = text_of(resource, field, arena);
		if (text[0] != '\0' && strcmp(text, "null") != 0)
			printf("%-32s %s\n", name, text);
	}
}

void show_fields(const ProtobufCMessage *resource, struct arena *arena)
{
	show_named(resource, "", arena);
}

const char **show_short_ids(const char *const *ids, size_t count, struct arena *arena)
{
	const char **shortened = arena_array_of(arena, const char *, count + 1);
	int length = (int)text_short_length(ids, count, arena);
	for (size_t i = 0; i < count; i++)
		shortened[i] = arena_printf(arena, "%.*s", length, ids[i]);
	return shortened;
}

static const char *string_field(const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	return *(const char *const *)(const void *)((const char *)message + field->offset);
}

void show_status(enum kind kind, const ProtobufCMessage *resource, struct arena *arena)
{
	static const char *const name_fields[] = {
	    [KIND_NODE] = "name", [KIND_WORKSPACE] = "display_name", [KIND_SESSION] = "label"};
	const char *name = string_field(resource, name_fields[kind]);
	const char *word = status_word(resource, arena);
	const char *colour = text_colours() ? text_colour_of(word) : "";
	printf("%s %s (%s) is %s%s%s", kind_name(kind), text_safe(name, false, arena), string_field(resource, "id"),
	       colour, word, colour[0] == '\0' ? "" : "\x1b[0m");
	if (kind == KIND_SESSION && ((const Roost__AgentSession *)resource)->has_exit_code)
		printf(", exit code %d", ((const Roost__AgentSession *)resource)->exit_code);
	putchar('\n');
}

/* The thing under the name that its own get command gives it. */
static void print_resource_json(enum kind kind, const ProtobufCMessage *resource, const char *id, struct arena *arena)
{
	if (resource != NULL)
		puts(json_from_message(resource, arena, NULL));
	else
		printf("{\"id\":\"%s\",\"status\":\"%s\"}\n", id, kind == KIND_SESSION ? "stopped" : "deleted");
}

bool read_patience(struct invocation *invocation, const struct goal *goal, int64_t *until_ms, struct error *error)
{
	uint32_t seconds;
	if (!invocation_number(invocation, "timeout", 1, SECONDS_MAX, goal->patience, &seconds, error))
		return false;
	*until_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
	return true;
}

void show_reached(struct invocation *invocation, enum kind kind, const ProtobufCMessage *resource, const char *id)
{
	if (invocation->json)
		print_resource_json(kind, resource, id, invocation->arena);
	else if (resource != NULL)
		show_status(kind, resource, invocation->arena);
	else
		printf("%s %s is deleted\n", kind_name(kind), id);
}

int show_outcome(struct invocation *invocation, const struct goal *goal, const char *id, uint64_t after_seq,
		 uint64_t min_seq)
{
	struct waiting waiting = {.client = invocation->client,
				  .goal = goal,
				  .id = id,
				  .after_seq = after_seq,
				  .min_seq = min_seq,
				  .quiet = invocation->json};
	const ProtobufCMessage *resource;
	struct error error;
	if (!read_patience(invocation, goal, &waiting.until_ms, &error))
		return verb_misused(invocation->verb, error.message);
	const struct api_call nothing_refused = {0};
	if (!wait_for(&waiting, invocation->arena, &resource, &error))
		return wait_failed(&waiting, &error, &nothing_refused, invocation->arena);
	show_reached(invocation, goal->kind, resource, id);
	return EXIT_DONE;
}

const char *argument_id(struct invocation *invocation, size_t n, enum kind kind, uint64_t *seq)
{
	struct error error;
	const char *id = resolve(invocation->client, kind, invocation->arguments[n], invocation->arena, seq, &error);
	if (id == NULL)
		verb_failed(&error);
	return id;
}

bool option_id(struct invocation *invocation, const char *option, enum kind kind, const char **id, uint64_t *seq,
	       struct error *error)
{
	const char *text = invocation_value(invocation, option);
	*id = NULL;
	if (text == NULL)
		return true;
	*id = resolve(invocation->client, kind, text, invocation->arena, seq, error);
	return *id != NULL;
}

ProtobufCMessage *call_with_key(struct invocation *invocation, struct api_call *call, struct error *error)
{
	call->idempotency_key = invocation_value(invocation, "idempotency-key");
	return api_call(invocation->client, call, invocation->arena, error);
}
