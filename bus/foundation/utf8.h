/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. Pure; any thread. */
#ifndef ROOST_BUS_FOUNDATION_UTF8_H
#define ROOST_BUS_FOUNDATION_UTF8_H

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts here; 0 when there is none. `size` is at least 1. *character
 * (may be NULL) is set unless 0 is returned. */
size_t utf8_character(const char *data, size_t size, uint32_t *character);

/* The same for text that ends with a zero byte; 0 at the end too. */
size_t utf8_read(const char *text, uint32_t *character);

/* Writes a character that needs exactly `size` bytes. */
void utf8_write(char *text, size_t size, uint32_t character);

/* Control characters (C0, DEL, C1, line and paragraph separators) and the marks that turn the
 * direction of writing: what can act on a terminal, or make a text look like another. */
bool utf8_is_control(uint32_t character);

/* All of it is well-formed and no byte is zero. */
bool utf8_valid(const char *data, size_t size);

/* The whole text is well-formed, without control characters. */
bool utf8_printable(const char *text);

/* The length of the longest prefix of at most `limit` bytes that does not cut a character. */
size_t utf8_prefix(const char *text, size_t limit);

/* The text with every ill-formed byte replaced by U+FFFD. The same pointer when nothing is wrong,
 * otherwise a copy in the arena. NULL stays NULL. */
const char *utf8_repaired(const char *text, struct arena *arena);

#endif
