/* One log on disk: <path> and the older half <path>.old, together never larger than its size. Not
 * thread-safe; logs.h sees to that.
 *
 * A cursor names the last line that was read. It stays right over rotation, over restarts, and when the
 * files are deleted: what is missing between it and the oldest line is told as lost. */
#ifndef ROOST_NODEAGENT_LOGS_LOG_FILE_H
#define ROOST_NODEAGENT_LOGS_LOG_FILE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "nodeagent/logs/log_line.h"

struct log_file;

struct log_cursor {
	uint64_t number; /* of the last line that was read; 0 for none */
	uint32_t count;	 /* that it had */
	uint64_t first;	 /* number of the first line of the file that it is in */
	uint64_t offset; /* of the line in that file */
};

/* Nothing is touched before the first line is written or read. The path is copied. NULL never. */
struct log_file *log_file_open(const char *path, uint64_t bytes_max);
void log_file_close(struct log_file *file);

/* Removes both halves. */
void log_file_remove(struct log_file *file);

/* Adds a line (its number and count are given here), or counts it when it repeats the last one; the texts
 * need not be clean. True when there is a line more. */
bool log_file_append(struct log_file *file, const struct log_line *line);

/* The number that the next line will have; 0 while there is none. */
uint64_t log_file_next(struct log_file *file);

/* The lines behind the cursor, which moves behind the last of them: at most `most` lines and about
 * `bytes_most` bytes. A last line that was repeated since is there once more, with its count. Copies are in
 * the arena. */
size_t log_file_read(struct log_file *file, struct log_cursor *cursor, size_t most, size_t bytes_most,
		     struct arena *arena, struct log_line **lines);

/* Cursors as text. NULL or "" is the beginning; false for what never was one. */
bool log_cursor_parse(const char *text, struct log_cursor *cursor);
const char *log_cursor_text(const struct log_cursor *cursor, struct arena *arena);

#endif
