/* The happy path: read, and answer. With nothing to read and time to wait, the question is asked once more when a
 * line comes or the time is over. */
#include "nodeagent/control/log_answer.h"

#include "bus/foundation/ulid.h"
#include "nodeagent/control/note.h"

enum { ANSWER_BYTES_MOST = 256 * 1024 };

struct log_question {
	struct agent *agent;
	struct reply *reply;
	const char *id; /* "" for the node's own */
	struct log_cursor cursor;
	uint32_t limit;
	uint32_t wait_ms;
};

static Roost__LogEntry *entry_of(const struct log_line *line, struct arena *arena)
{
	Roost__LogEntry *entry = NULL;
	arena_message(arena, entry, roost__log_entry__init);
	entry->has_created_at = entry->has_level = true;
	entry->created_at = line->at_ms;
	entry->level = (Roost__Event__Level)line->level;
	entry->step = line->step[0] ? line->step : NULL;
	entry->text = line->text;
	entry->has_repeated = line->count > 1;
	entry->repeated = line->count;
	return entry;
}

static void answer(struct log_question *question, const struct log_line *lines, size_t count)
{
	struct arena *arena = question->reply->arena;
	Roost__NodeLogResponse response = ROOST__NODE_LOG_RESPONSE__INIT;
	response.entries = arena_array_of(arena, Roost__LogEntry *, count + 1);
	for (size_t i = 0; i < count; i++)
		response.entries[response.n_entries++] = entry_of(&lines[i], arena);
	response.next_cursor = log_cursor_text(&question->cursor, arena);
	reply_with(question->reply, &response.base);
}

static size_t read_lines(struct log_question *question, struct log_line **lines, uint64_t *seen)
{
	return logs_read(question->agent->logs, question->id, &question->cursor, question->limit, ANSWER_BYTES_MOST,
			 question->reply->arena, lines, seen);
}

static void on_ready(void *context)
{
	struct log_question *question = context;
	struct log_line *lines = NULL;
	uint64_t seen = 0;
	size_t count = read_lines(question, &lines, &seen);
	answer(question, lines, count);
}

static void ask(struct log_question *question)
{
	struct log_line *lines = NULL;
	uint64_t seen = 0;
	size_t count = read_lines(question, &lines, &seen);
	if (count == 0 && question->wait_ms > 0 &&
	    logs_wait(question->agent->logs, question->id, seen, question->wait_ms, on_ready, question))
		return;
	answer(question, lines, count);
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value < most ? value : most;
}

void log_answer(struct agent *agent, const Roost__NodeLogRequest *request, struct reply *reply)
{
	struct error error = {0};
	struct log_question *question = arena_new_of(reply->arena, struct log_question);
	*question = (struct log_question){
	    .agent = agent,
	    .reply = reply,
	    .id = request->workspace_id ? request->workspace_id : "",
	    .limit = at_most(request->limit ? request->limit : LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX),
	    .wait_ms = at_most(request->wait_ms, LOG_WAIT_MS_MAX),
	};
	if (question->id[0] && !ulid_valid(question->id))
		error_set(&error, ERROR_INVALID_ARGUMENT, "workspace_id: is not an id");
	else if (!log_cursor_parse(request->cursor, &question->cursor))
		error_set(&error, ERROR_INVALID_ARGUMENT, "cursor: is not one that this node gave");
	if (error.code != ERROR_NONE)
		reply_error(reply, &error);
	else
		ask(question);
}
