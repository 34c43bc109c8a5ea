/* All logs in one array; a cursor is the number of the lines that were looked at. One question waits at a
 * time, a newer one ends an older one's wait. */
#include "tests/support/fake_log.h"

#include "bus/foundation/clock.h"
#include "bus/wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_line {
	char workspace_id[27]; /* "" for the node's own */
	char text[256];
	int64_t at_ms;
};

struct fake_log {
	struct connection *connection;
	struct fake_line *lines;
	size_t count;
	uv_timer_t timer; /* of the question that waits */
	char reply[256];  /* "" when none does */
	char workspace_id[27];
	size_t from, limit;
};

static size_t collect(const struct fake_log *log, struct arena *arena, Roost__NodeLogResponse *response)
{
	size_t at = log->from;
	response->entries = arena_array_of(arena, Roost__LogEntry *, log->count + 1);
	for (; at < log->count && response->n_entries < log->limit; at++) {
		Roost__LogEntry *entry;
		if (strcmp(log->lines[at].workspace_id, log->workspace_id) != 0)
			continue;
		arena_message(arena, entry, roost__log_entry__init);
		entry->has_created_at = true;
		entry->created_at = log->lines[at].at_ms;
		entry->has_level = true;
		entry->level = ROOST__EVENT__LEVEL__INFO;
		entry->step = "build";
		entry->text = log->lines[at].text;
		response->entries[response->n_entries++] = entry;
	}
	return at;
}

/* False when there is nothing to say and it may wait. */
static bool answer(struct fake_log *log, bool anything)
{
	struct arena *arena = arena_new();
	Roost__NodeLogResponse response = ROOST__NODE_LOG_RESPONSE__INIT;
	response.next_cursor = arena_printf(arena, "%zu", collect(log, arena, &response));
	bool says = anything || response.n_entries > 0;
	if (says) {
		struct outgoing message = {.subject = log->reply, .data = message_pack(&response.base, arena)};
		connection_publish(log->connection, &message, NULL);
		log->reply[0] = '\0';
		uv_timer_stop(&log->timer);
	}
	arena_free(arena);
	return says;
}

static void wait_over(uv_timer_t *timer)
{
	answer(timer->data, true);
}

struct fake_log *fake_log_new(struct connection *connection)
{
	struct fake_log *log = calloc(1, sizeof(*log));
	log->connection = connection;
	uv_timer_init(connection_loop(connection), &log->timer);
	log->timer.data = log;
	return log;
}

static void timer_closed(uv_handle_t *handle)
{
	struct fake_log *log = handle->data;
	free(log->lines);
	free(log);
}

void fake_log_free(struct fake_log *log)
{
	uv_close((uv_handle_t *)&log->timer, timer_closed);
}

void fake_log_write(struct fake_log *log, const char *workspace_id, const char *text)
{
	log->lines = realloc(log->lines, (log->count + 1) * sizeof(*log->lines));
	struct fake_line *line = &log->lines[log->count++];
	snprintf(line->workspace_id, sizeof(line->workspace_id), "%s", workspace_id == NULL ? "" : workspace_id);
	snprintf(line->text, sizeof(line->text), "%s", text);
	line->at_ms = clock_wall_ms();
	if (log->reply[0] != '\0')
		answer(log, false);
}

void fake_log_asked(struct fake_log *log, const char *reply, const Roost__NodeLogRequest *request)
{
	if (log->reply[0] != '\0')
		answer(log, true);
	snprintf(log->reply, sizeof(log->reply), "%s", reply);
	snprintf(log->workspace_id, sizeof(log->workspace_id), "%s",
		 request->workspace_id == NULL ? "" : request->workspace_id);
	log->from = request->cursor == NULL ? 0 : strtoull(request->cursor, NULL, 10);
	log->limit = request->limit;
	if (!answer(log, !request->has_wait_ms))
		uv_timer_start(&log->timer, wait_over, request->wait_ms, 0);
}
