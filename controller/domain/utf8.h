/* UTF-8, one character at a time. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_UTF8_H
#define ROOST_CONTROLLER_DOMAIN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character at `text` (zero-terminated); gives its size in bytes, or 0 for what is not
 * UTF-8 (also overlong forms and surrogates) and at the end. */
size_t utf8_read(const char *text, uint32_t *character);

/* Writes a character that needs exactly `size` bytes. */
void utf8_write(char *text, size_t size, uint32_t character);

/* The whole text is UTF-8 without control characters (C0, DEL, C1, line and paragraph separators,
 * and the marks that turn the direction of writing). */
bool utf8_printable(const char *text);

/* The longest prefix of at most `limit` bytes that does not cut a character. */
size_t utf8_prefix(const char *text, size_t limit);

#endif
