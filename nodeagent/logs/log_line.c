/* A record is checked when it is read: a file may have been cut by a crash, or written by somebody else. */
#include "nodeagent/logs/log_line.h"

#include "bus/foundation/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char no_step[] = "-";

size_t log_line_format(const struct log_line *line, char record[LOG_LINE_RECORD_MAX])
{
	int length =
	    snprintf(record, LOG_LINE_RECORD_MAX, "%020" PRIu64 " %013" PRId64 " %d %010" PRIu32 " %.*s %.*s\n",
		     line->number, line->at_ms, (int)line->level, line->count, LOG_LINE_STEP_MAX,
		     line->step[0] ? line->step : no_step, LOG_LINE_BYTES_MAX, line->text);
	return (size_t)length;
}

void log_line_format_count(uint32_t count, char digits[LOG_LINE_COUNT_DIGITS + 1])
{
	snprintf(digits, LOG_LINE_COUNT_DIGITS + 1, "%010" PRIu32, count);
}

bool log_line_parse(char *record, struct log_line *line)
{
	int level = 0;
	int head = 0;
	if (sscanf(record, "%20" SCNu64 " %13" SCNd64 " %1d %10" SCNu32 " %n", &line->number, &line->at_ms, &level,
		   &line->count, &head) != 4 ||
	    head != LOG_LINE_HEAD || level < LOG_LINE_DEBUG || level > LOG_LINE_ERROR)
		return false;
	char *text = strchr(record + head, ' ');
	if (!text)
		return false;
	*text = 0;
	line->level = (enum log_line_level)level;
	line->step = strcmp(record + head, no_step) == 0 ? "" : record + head;
	line->text = text + 1;
	return true;
}

void log_line_clean(const char *text, char *clean, size_t size)
{
	static const uint32_t replacement = 0xfffd;
	size_t length = 0;
	size_t left = strlen(text);
	while (left > 0) {
		uint32_t character = replacement;
		size_t read = utf8_character(text, left, &character);
		size_t written = read ? read : 3;
		if (read && utf8_is_control(character)) {
			character = ' ';
			written = 1;
		}
		if (length + written >= size)
			break;
		utf8_write(clean + length, written, character);
		length += written;
		text += read ? read : 1;
		left -= read ? read : 1;
	}
	clean[length] = 0;
}
