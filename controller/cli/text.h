/* Text for terminals: other people's strings made harmless, widths, ages, colours, short ids. */
#ifndef ROOST_CONTROLLER_CLI_TEXT_H
#define ROOST_CONTROLLER_CLI_TEXT_H

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text with everything that could move a cursor, ring a bell or reverse the direction of writing
 * shown as an escape, \x1b or \u202e. NULL becomes "". With `lines`, line ends and tabs stay. */
const char *text_safe(const char *text, bool lines, struct arena *arena);

/* Columns that the text takes on a terminal. */
size_t text_width(const char *text);

/* "5s", "12m", "3h", "4d" since then; "" for a time that is not known (0), "0s" for the future. */
const char *text_age(int64_t then_ms, int64_t now_ms, struct arena *arena);

/* "12:34:56" in local time, with "2026-01-31 " before it when `date`. */
const char *text_clock(int64_t ms, bool date, struct arena *arena);

/* Whether colours are wanted on standard output: a terminal, and no NO_COLOR. */
bool text_colours(void);

/* The escape sequence for a status word; "" for words without a colour. */
const char *text_colour_of(const char *word);

/* How many characters of these ids are needed to tell them apart, at least 10. */
size_t text_short_length(const char *const *ids, size_t count, struct arena *arena);

#endif
