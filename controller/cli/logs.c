/* Page by page from the oldest line that is kept to the newest; then, with --follow, questions that the
 * node itself holds until there is a line. A node that is silent for a while is asked again. */
#include "controller/cli/logs.h"

#include "bus/foundation/limits.h"
#include "bus/wire/json.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>

struct log_reader {
	struct invocation *invocation;
	struct api_call call;
	ProtobufCMessage *request;
	char cursor[256];
	struct arena *page; /* of the newest answer */
};

static const void *member(const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	return (const char *)message + field->offset;
}

static size_t entries_of(const ProtobufCMessage *answer, const Roost__LogEntry ***entries)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(answer->descriptor, "entries");
	*entries = *(const Roost__LogEntry ***)(void *)((char *)(uintptr_t)answer + field->offset);
	return *(const size_t *)(const void *)((const char *)answer + field->quantifier_offset);
}

static void print(struct invocation *invocation, const Roost__LogEntry *entry, struct arena *arena)
{
	if (invocation->json) {
		puts(json_from_message(&entry->base, arena, NULL));
		return;
	}
	bool bad = entry->level == ROOST__EVENT__LEVEL__ERROR || entry->level == ROOST__EVENT__LEVEL__WARNING;
	const char *colour = bad && text_colours() ? text_colour_of("error") : "";
	printf("%s  %-10s  %s%s%s", text_clock(entry->created_at, true, arena), text_safe(entry->step, false, arena),
	       colour, text_safe(entry->text, false, arena), colour[0] == '\0' ? "" : "\x1b[0m");
	if (entry->repeated > 1)
		printf(" (%u times)", entry->repeated);
	putchar('\n');
}

/* The next page; NULL with the error. */
static const ProtobufCMessage *next_page(struct log_reader *reader, uint32_t wait_ms, struct error *error)
{
	arena_reset(reader->page);
	if (reader->cursor[0] != '\0')
		*(const char **)(uintptr_t)member(reader->request, "cursor") = reader->cursor;
	reader->call.wait_ms = wait_ms;
	if (wait_ms > 0)
		api_set(reader->request, "wait_ms", wait_ms);
	const ProtobufCMessage *answer = api_call(reader->invocation->client, &reader->call, reader->page, error);
	const char *cursor = answer == NULL ? NULL : *(const char *const *)member(answer, "next_cursor");
	if (cursor != NULL)
		snprintf(reader->cursor, sizeof(reader->cursor), "%s", cursor);
	return answer;
}

/* All that is there now: its last `lines`, kept in the invocation's arena until all is known. */
static bool show_past(struct log_reader *reader, uint32_t lines, struct error *error)
{
	struct arena *arena = reader->invocation->arena;
	const Roost__LogEntry **kept = arena_array_of(arena, const Roost__LogEntry *, (size_t)lines + 1);
	const Roost__LogEntry **entries;
	size_t seen = 0, count;
	do {
		const ProtobufCMessage *answer = next_page(reader, 0, error);
		if (answer == NULL)
			return false;
		count = entries_of(answer, &entries);
		for (size_t i = 0; i < count; i++, seen++) {
			if (lines == 0)
				print(reader->invocation, entries[i], reader->page);
			else
				kept[seen % lines] = (const Roost__LogEntry *)message_copy(&entries[i]->base, arena);
		}
	} while (count > 0);
	for (size_t i = seen > lines ? seen - lines : 0; lines > 0 && i < seen; i++)
		print(reader->invocation, kept[i % lines], arena);
	return true;
}

static bool follow_on(struct log_reader *reader, struct error *error)
{
	for (bool told = false;;) {
		const Roost__LogEntry **entries;
		fflush(stdout);
		const ProtobufCMessage *answer = next_page(reader, LOG_WAIT_MS_MAX, error);
		if (answer == NULL && !error_code_retryable(error->code))
			return false;
		if (answer == NULL) {
			if (!told)
				fprintf(stderr, "roost: %s: %s Still trying.\n", error_code_name(error->code),
					error->message);
			told = true;
			continue;
		}
		told = false;
		size_t count = entries_of(answer, &entries);
		for (size_t i = 0; i < count; i++)
			print(reader->invocation, entries[i], reader->page);
	}
}

int logs_run(struct invocation *invocation, enum kind kind, enum api_command command)
{
	struct log_reader reader = {.invocation = invocation, .call = {.command = command}};
	struct error error;
	uint32_t lines;
	if (!invocation_number(invocation, "lines", 1, OUTPUT_LINES_MAX, 0, &lines, &error))
		return verb_misused(invocation->verb, error.message);
	const char *id = argument_id(invocation, 0, kind, &reader.call.min_seq);
	if (id == NULL)
		return EXIT_FAILED;
	reader.request = api_request(command, id, invocation->arena);
	reader.call.request = reader.request;
	api_set(reader.request, "limit", LIST_LIMIT_MAX);
	reader.page = arena_new();
	bool good = show_past(&reader, lines, &error);
	if (good && invocation_has(invocation, "follow"))
		good = follow_on(&reader, &error);
	int status =
	    good ? EXIT_DONE : verb_refused(&error, reader.call.details, reader.call.detail_count, invocation->arena);
	arena_free(reader.page);
	return status;
}
