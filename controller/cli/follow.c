/* A platform that is away for a while is waited for: following goes on where it was. */
#include "controller/cli/follow.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "command.pb-c.h"
#include "controller/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One page, asked for until it comes or the refusal is one that stays. */
static const Roost__ListEventsResponse *next_page(struct follow *follow, struct arena *arena, struct error *error)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.node_id = follow->node_id;
	request.workspace_id = follow->workspace_id;
	request.session_id = follow->session_id;
	request.cursor = follow->cursor[0] == '\0' ? NULL : follow->cursor;
	request.has_ascending = 1;
	request.ascending = 1;
	request.has_limit = 1;
	request.limit = LIST_LIMIT_MAX;
	for (bool told = false;; told = true) {
		struct api_call call = {.command = API_list_events, .request = &request.base, .min_seq = follow->seq};
		const ProtobufCMessage *page = api_call(follow->client, &call, arena, error);
		if (page != NULL)
			return (const Roost__ListEventsResponse *)page;
		if (!error_code_retryable(error->code) || clock_monotonic_ms() >= follow->until_ms)
			return NULL;
		if (!told)
			fprintf(stderr, "roost: %s: %s Still trying.\n", error_code_name(error->code), error->message);
	}
}

bool follow_pull(struct follow *follow, struct error *error)
{
	struct arena *arena = arena_new();
	size_t count;
	bool good = true;
	if (follow->cursor[0] == '\0' && follow->after_seq > 0)
		snprintf(follow->cursor, sizeof(follow->cursor), "%" PRIu64 "-0", follow->after_seq);
	do {
		arena_reset(arena);
		const Roost__ListEventsResponse *page = next_page(follow, arena, error);
		good = page != NULL;
		count = good ? page->n_events : 0;
		for (size_t i = 0; i < count; i++)
			if (page->events[i]->seq > follow->after_seq)
				follow->each(follow->context, page->events[i], arena);
		if (good && page->next_cursor != NULL)
			snprintf(follow->cursor, sizeof(follow->cursor), "%s", page->next_cursor);
	} while (count == LIST_LIMIT_MAX);
	arena_free(arena);
	return good;
}

bool follow_wait(struct follow *follow, int64_t until_ms, struct error *error)
{
	return client_wait(follow->client, &follow->seq, until_ms, error);
}

void event_print(const Roost__Event *event, bool date, struct arena *arena)
{
	const char *message = text_safe(event->message, false, arena);
	bool bad = event->level == ROOST__EVENT__LEVEL__ERROR || event->level == ROOST__EVENT__LEVEL__WARNING;
	const char *colour = bad && text_colours() ? text_colour_of("error") : "";
	printf("%s  %-24s  %s%s%s\n", text_clock(event->created_at, date, arena), text_safe(event->type, false, arena),
	       colour, message, colour[0] == '\0' ? "" : "\x1b[0m");
	const char *detail = event->level == ROOST__EVENT__LEVEL__ERROR ? text_safe(event->detail, true, arena) : "";
	for (size_t length; *detail != '\0'; detail += length + (detail[length] == '\n')) {
		length = strcspn(detail, "\n");
		printf("    %.*s\n", (int)length, detail);
	}
	fflush(stdout);
}
