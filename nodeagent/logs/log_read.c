/* Reading: from the older half to the newer one, skipping what the cursor has behind it. A cursor into the
 * newer half is gone to at once, so that following a log reads only what is new. */
#include "nodeagent/logs/log_file_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct log_cursor *cursor;
	struct arena *arena;
	struct log_line *lines;
	size_t count;
	size_t most;
	size_t bytes_left;
	bool began; /* the oldest line was seen */
	bool anew;  /* the cursor is of a log that was deleted */
};

bool log_cursor_parse(const char *text, struct log_cursor *cursor)
{
	int length = 0;
	*cursor = (struct log_cursor){0};
	if (!text || !text[0])
		return true;
	return sscanf(text, "%20" SCNu64 ".%10" SCNu32 ".%20" SCNu64 ".%20" SCNu64 "%n", &cursor->number,
		      &cursor->count, &cursor->first, &cursor->offset, &length) == 4 &&
	       text[length] == 0;
}

const char *log_cursor_text(const struct log_cursor *cursor, struct arena *arena)
{
	return arena_printf(arena, "%" PRIu64 ".%" PRIu32 ".%" PRIu64 ".%" PRIu64, cursor->number, cursor->count,
			    cursor->first, cursor->offset);
}

static void take(struct reading *reading, const struct log_line *line)
{
	struct log_line *kept = &reading->lines[reading->count++];
	size_t size = strlen(line->text) + LOG_LINE_HEAD;
	*kept = *line;
	kept->step = arena_strdup(reading->arena, line->step);
	kept->text = arena_strdup(reading->arena, line->text);
	reading->bytes_left -= size < reading->bytes_left ? size : reading->bytes_left;
}

/* Before the first line that is there: whether some are missing between it and the cursor. */
static void tell_of_lost(struct reading *reading, const struct log_line *oldest)
{
	const struct log_cursor *cursor = reading->cursor;
	bool first = !reading->began;
	bool gap = cursor->number > 0 && oldest->number > cursor->number + 1;
	reading->began = true;
	if (!first || (!gap && !reading->anew))
		return;
	reading->most++; /* it moves no cursor, so it must not be all there is */
	struct log_line lost = {.number = 0,
				.at_ms = oldest->at_ms,
				.level = LOG_LINE_WARNING,
				.count = 1,
				.step = "log",
				.text = "Earlier lines are not kept any more."};
	take(reading, &lost);
}

static bool full(const struct reading *reading)
{
	return reading->count >= reading->most || reading->bytes_left == 0;
}

static bool is_behind(const struct log_line *line, const struct log_cursor *cursor)
{
	return line->number > cursor->number || (line->number == cursor->number && line->count > cursor->count);
}

static bool read_line(FILE *stream, char **record, size_t *room, ssize_t *length, struct log_line *line)
{
	*length = getline(record, room, stream);
	if (*length <= 0 || (*record)[*length - 1] != '\n')
		return false;
	(*record)[*length - 1] = 0;
	return log_line_parse(*record, line);
}

static void read_half(struct reading *reading, const char *path, uint64_t first, uint64_t offset)
{
	char *record = NULL;
	size_t room = 0;
	ssize_t length = 0;
	struct log_line line;
	FILE *stream = fopen(path, "re");
	if (!stream)
		return;
	if (fseek(stream, (long)offset, SEEK_SET) != 0)
		offset = 0;
	while (!full(reading) && read_line(stream, &record, &room, &length, &line)) {
		if (!first)
			first = line.number;
		tell_of_lost(reading, &line);
		if (is_behind(&line, reading->cursor) && !full(reading)) {
			take(reading, &line);
			*reading->cursor = (struct log_cursor){line.number, line.count, first, offset};
		}
		offset += (uint64_t)length;
	}
	free(record);
	fclose(stream);
}

size_t log_file_read(struct log_file *file, struct log_cursor *cursor, size_t most, size_t bytes_most,
		     struct arena *arena, struct log_line **lines)
{
	log_file_look(file);
	bool anew = cursor->number > 0 && cursor->number >= file->next;
	if (anew)
		*cursor = (struct log_cursor){0};
	struct reading reading = {.cursor = cursor,
				  .arena = arena,
				  .lines = arena_array_of(arena, struct log_line, most + 2),
				  .most = most,
				  .bytes_left = bytes_most,
				  .anew = anew};
	bool in_newer = cursor->number > 0 && cursor->first == file->first && cursor->offset < file->size;
	if (!in_newer)
		read_half(&reading, file->old_path, 0, 0);
	read_half(&reading, file->path, in_newer ? file->first : 0, in_newer ? cursor->offset : 0);
	*lines = reading.lines;
	return reading.count;
}
