/* One line of a log as bytes: a head of fixed width (number, time, level, count), a step, a text. Pure; any
 * thread. */
#ifndef ROOST_NODEAGENT_LOGS_LOG_LINE_H
#define ROOST_NODEAGENT_LOGS_LOG_LINE_H

#include "bus/foundation/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_line_level { LOG_LINE_DEBUG = 1, LOG_LINE_INFO, LOG_LINE_WARNING, LOG_LINE_ERROR };

enum {
	LOG_LINE_COUNT_PLACE = 37, /* in the head, so that it can be raised in place */
	LOG_LINE_COUNT_DIGITS = 10,
	LOG_LINE_HEAD = 48,
	LOG_LINE_STEP_MAX = 32,
	LOG_LINE_RECORD_MAX = LOG_LINE_HEAD + LOG_LINE_STEP_MAX + LOG_LINE_BYTES_MAX + 3,
};

struct log_line {
	uint64_t number; /* rises by one within a log */
	int64_t at_ms;
	enum log_line_level level;
	uint32_t count; /* how often in a row */
	const char *step;
	const char *text;
};

/* Writes the line with its line end and a zero byte; returns the bytes before the zero. The step must be a
 * word, "" for none; both texts must be clean. */
size_t log_line_format(const struct log_line *line, char record[LOG_LINE_RECORD_MAX]);

/* The count alone, as its place in the head has it. */
void log_line_format_count(uint32_t count, char digits[LOG_LINE_COUNT_DIGITS + 1]);

/* Reads a record without its line end; the texts point into it. False when it is not one. */
bool log_line_parse(char *record, struct log_line *line);

/* Makes any text one clean line: bytes that are no UTF-8 become U+FFFD, control characters a space, and what is
 * beyond `size` - 1 bytes is cut between characters. */
void log_line_clean(const char *text, char *clean, size_t size);

#endif
