/* UTF-8 as the wire wants it: well-formed (no overlong forms, no surrogates, nothing above U+10FFFF).
 * Pure; any thread. */
#ifndef ROOST_BUS_WIRE_UTF8_H
#define ROOST_BUS_WIRE_UTF8_H

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character that starts here; 0 when there is none. `size` is at least 1. */
size_t utf8_character(const unsigned char *data, size_t size);

/* True when all of it is well-formed and no byte is zero. */
bool utf8_valid(const unsigned char *data, size_t size);

/* The text with every ill-formed byte replaced by U+FFFD. The same pointer when nothing is wrong,
 * otherwise a copy in the arena. NULL stays NULL. */
const char *utf8_repaired(const char *text, struct arena *arena);

#endif
