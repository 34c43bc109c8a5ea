/* Well-formedness by the ranges of the Unicode standard's table 3-7. */
#include "bus/wire/utf8.h"

#include <string.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_character(const unsigned char *data, size_t size)
{
	unsigned char first = data[0];
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || size < 2 || !is_tail(data[1]))
		return 0;
	if (first < 0xe0)
		return 2;
	if (size < 3 || !is_tail(data[2]))
		return 0;
	if (first < 0xf0)
		return (first == 0xe0 && data[1] < 0xa0) || (first == 0xed && data[1] > 0x9f) ? 0 : 3;
	if (size < 4 || !is_tail(data[3]))
		return 0;
	return (first == 0xf0 && data[1] < 0x90) || (first == 0xf4 && data[1] > 0x8f) ? 0 : 4;
}

bool utf8_valid(const unsigned char *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = utf8_character(data + at, size - at);
		if (length == 0 || data[at] == 0)
			return false;
		at += length;
	}
	return true;
}

const char *utf8_repaired(const char *text, struct arena *arena)
{
	size_t size = text == NULL ? 0 : strlen(text);
	if (utf8_valid((const unsigned char *)text, size))
		return text;
	char *repaired = arena_alloc(arena, 3 * size + 1);
	size_t out = 0;
	for (size_t at = 0; at < size;) {
		size_t length = utf8_character((const unsigned char *)text + at, size - at);
		memcpy(repaired + out, length > 0 ? text + at : "\xef\xbf\xbd", length > 0 ? length : 3);
		out += length > 0 ? length : 3;
		at += length > 0 ? length : 1;
	}
	return repaired;
}
