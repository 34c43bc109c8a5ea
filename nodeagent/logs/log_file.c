/* Writing. The happy path is one pwrite at the end of the newer half. What can go wrong: no room, or no folder
 * (the line is dropped and counted), and a line that a crash cut (it is cut off when the file is opened). */
#include "nodeagent/logs/log_file.h"

#include "nodeagent/logs/log_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NUMBERS_PER_MS = 1000 };

struct log_file *log_file_open(const char *path, uint64_t bytes_max)
{
	struct log_file *file = calloc(1, sizeof(*file));
	if (!file)
		abort();
	if (asprintf(&file->path, "%s", path) < 0 || asprintf(&file->old_path, "%s.old", path) < 0)
		abort();
	file->half_bytes = bytes_max / 2;
	file->fd = -1;
	return file;
}

void log_file_close(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file->old_path);
	free(file->text);
	free(file);
}

void log_file_remove(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	file->looked = false;
	unlink(file->path);
	unlink(file->old_path);
}

/* --- what is on disk --- */

static void remember(struct log_file *file, const struct log_line *line, uint64_t at)
{
	file->next = line->number + 1;
	file->last_at = at;
	file->count = line->count;
	file->level = line->level;
	snprintf(file->step, sizeof(file->step), "%s", line->step);
	free(file->text);
	file->text = strdup(line->text);
	if (!file->text)
		abort();
}

/* Goes through a half; its good bytes. */
static uint64_t look_at(struct log_file *file, const char *path)
{
	FILE *stream = fopen(path, "re");
	char *record = NULL;
	size_t room = 0;
	ssize_t length = 0;
	uint64_t good = 0;
	file->first = 0;
	while (stream && (length = getline(&record, &room, stream)) > 0) {
		struct log_line line;
		if (record[length - 1] != '\n')
			break;
		record[length - 1] = 0;
		if (!log_line_parse(record, &line))
			break;
		if (!file->first)
			file->first = line.number;
		remember(file, &line, good);
		good += (uint64_t)length;
	}
	free(record);
	if (stream)
		fclose(stream);
	return good;
}

void log_file_look(struct log_file *file)
{
	if (file->looked)
		return;
	file->looked = true;
	file->next = 0;
	look_at(file, file->old_path);
	file->count = 0;
	file->size = look_at(file, file->path);
}

uint64_t log_file_next(struct log_file *file)
{
	log_file_look(file);
	return file->next;
}

/* --- writing --- */

static bool open_newer(struct log_file *file)
{
	if (file->fd >= 0)
		return true;
	file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return file->fd >= 0 && ftruncate(file->fd, (off_t)file->size) == 0;
}

static void rotate(struct log_file *file)
{
	if (rename(file->path, file->old_path) != 0)
		return;
	close(file->fd);
	file->fd = -1;
	file->size = 0;
	file->first = 0;
	file->count = 0;
}

static bool write_whole(struct log_file *file, const char *record, size_t length)
{
	if (open_newer(file) && file->size > 0 && file->size + length > file->half_bytes)
		rotate(file);
	if (!open_newer(file))
		return false;
	ssize_t written = pwrite(file->fd, record, length, (off_t)file->size);
	if (written == (ssize_t)length)
		return true;
	if (written > 0 && ftruncate(file->fd, (off_t)file->size) != 0)
		close(file->fd), file->fd = -1; /* cut again when it is opened */
	return false;
}

static bool add(struct log_file *file, const struct log_line *line)
{
	char record[LOG_LINE_RECORD_MAX];
	struct log_line added = *line;
	if (!file->next)
		file->next = (uint64_t)line->at_ms * NUMBERS_PER_MS;
	added.number = file->next;
	added.count = 1;
	size_t length = log_line_format(&added, record);
	if (!write_whole(file, record, length))
		return false;
	if (!file->first)
		file->first = added.number;
	remember(file, &added, file->size);
	file->size += length;
	return true;
}

/* Raised in place: that takes no room. */
static bool repeats(struct log_file *file, const struct log_line *line)
{
	char digits[LOG_LINE_COUNT_DIGITS + 1];
	if (!file->count || file->count == UINT32_MAX || file->level != line->level ||
	    strcmp(file->step, line->step) != 0 || strcmp(file->text, line->text) != 0 || !open_newer(file))
		return false;
	log_line_format_count(file->count + 1, digits);
	if (pwrite(file->fd, digits, LOG_LINE_COUNT_DIGITS, (off_t)(file->last_at + LOG_LINE_COUNT_PLACE)) !=
	    LOG_LINE_COUNT_DIGITS)
		return false;
	file->count++;
	return true;
}

static bool own_up(struct log_file *file, int64_t at_ms)
{
	char text[64];
	if (!file->dropped)
		return true;
	snprintf(text, sizeof(text), "%" PRIu64 " lines could not be written.", file->dropped);
	struct log_line line = {.at_ms = at_ms, .level = LOG_LINE_WARNING, .step = "log", .text = text};
	if (!add(file, &line))
		return false;
	file->dropped = 0;
	return true;
}

bool log_file_append(struct log_file *file, const struct log_line *given)
{
	char step[LOG_LINE_STEP_MAX + 1];
	char text[LOG_LINE_BYTES_MAX + 1];
	struct log_line line = *given;
	log_line_clean(given->step, step, sizeof(step));
	log_line_clean(given->text, text, sizeof(text));
	for (char *space = strchr(step, ' '); space; space = strchr(space, ' '))
		*space = '_';
	line.step = step;
	line.text = text;
	log_file_look(file);
	if (repeats(file, &line))
		return false;
	if (own_up(file, line.at_ms) && add(file, &line))
		return true;
	file->dropped++;
	return false;
}
