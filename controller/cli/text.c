/* Terminals obey what they are sent, so whatever somebody else has written is escaped first. */
#include "controller/cli/text.h"

#include "bus/foundation/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

const char *text_safe(const char *text, bool lines, struct arena *arena)
{
	if (text == NULL)
		return "";
	size_t size = strlen(text);
	char *safe = arena_alloc(arena, 6 * size + 1);
	size_t out = 0;
	for (size_t at = 0; at < size;) {
		uint32_t point = (unsigned char)text[at];
		size_t length = utf8_character(text + at, size - at, &point);
		if (length == 0 || (utf8_is_control(point) && !(lines && (point == '\n' || point == '\t'))))
			out += (size_t)snprintf(safe + out, 7, point < 0x100 ? "\\x%02x" : "\\u%04x", point);
		else {
			memcpy(safe + out, text + at, length);
			out += length;
		}
		at += length == 0 ? 1 : length;
	}
	return safe;
}

size_t text_width(const char *text)
{
	size_t size = strlen(text);
	size_t width = 0;
	for (size_t at = 0; at < size;) {
		uint32_t point = 0;
		size_t length = utf8_character(text + at, size - at, &point);
		int columns = length == 0 ? 1 : wcwidth((wchar_t)point);
		width += columns < 0 ? 1 : (size_t)columns;
		at += length == 0 ? 1 : length;
	}
	return width;
}

const char *text_age(int64_t then_ms, int64_t now_ms, struct arena *arena)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}};
	if (then_ms == 0)
		return "";
	int64_t seconds = now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= units[i].seconds)
			return arena_printf(arena, "%lld%s", (long long)(seconds / units[i].seconds), units[i].unit);
	return arena_printf(arena, "%llds", (long long)seconds);
}

const char *text_clock(int64_t ms, bool date, struct arena *arena)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[64];
	const char *format = date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S";
	if (localtime_r(&seconds, &parts) == NULL || strftime(text, sizeof(text), format, &parts) == 0)
		return "";
	return arena_strdup(arena, text);
}

bool text_colours(void)
{
	const char *refused = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && (refused == NULL || refused[0] == '\0');
}

const char *text_colour_of(const char *word)
{
	static const struct {
		const char *word;
		const char *colour;
	} colours[] = {
	    {"running", "\x1b[32m"},  {"healthy", "\x1b[32m"},	{"error", "\x1b[31m"},	  {"unhealthy", "\x1b[31m"},
	    {"degraded", "\x1b[31m"}, {"failed", "\x1b[31m"},	{"warning", "\x1b[33m"},  {"stale", "\x1b[33m"},
	    {"creating", "\x1b[36m"}, {"starting", "\x1b[36m"}, {"stopping", "\x1b[33m"}, {"deleting", "\x1b[33m"},
	    {"pending", "\x1b[36m"},  {"stopped", "\x1b[2m"},	{"deleted", "\x1b[2m"},
	};
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].colour;
	return "";
}

static int compare_ids(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

size_t text_short_length(const char *const *ids, size_t count, struct arena *arena)
{
	enum { LEAST = 10 };
	size_t needed = LEAST;
	const char **sorted = arena_array_of(arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		sorted[i] = ids[i];
	qsort(sorted, count, sizeof(*sorted), compare_ids);
	for (size_t i = 1; i < count; i++) {
		size_t same = 0;
		while (sorted[i][same] != '\0' && sorted[i][same] == sorted[i - 1][same])
			same++;
		if (sorted[i][same] != '\0' && same + 1 > needed)
			needed = same + 1;
	}
	return needed;
}
