/* A strict reader for UTF-8: what it accepts has one way to be written. */
#include "controller/domain/utf8.h"

#include <string.h>

size_t utf8_read(const char *text, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4)
		return 0;
	size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	uint32_t value = size == 1 ? first : first & (0x7Fu >> size);
	for (size_t i = 1; i < size; i++) {
		unsigned char next = (unsigned char)text[i];
		if ((next & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3Fu);
	}
	if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*character = value;
	return size;
}

void utf8_write(char *text, size_t size, uint32_t character)
{
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = size; i-- > 1; character >>= 6)
		text[i] = (char)(0x80 | (character & 0x3F));
	text[0] = (char)(lead[size] | character);
}

static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x2028 ||
	       character == 0x2029 || (character >= 0x202A && character <= 0x202E) ||
	       (character >= 0x2066 && character <= 0x2069);
}

bool utf8_printable(const char *text)
{
	while (*text != '\0') {
		uint32_t character;
		size_t size = utf8_read(text, &character);
		if (size == 0 || is_control(character))
			return false;
		text += size;
	}
	return true;
}

size_t utf8_prefix(const char *text, size_t limit)
{
	size_t length = strnlen(text, limit + 1);
	if (length <= limit)
		return length;
	while (limit > 0 && ((unsigned char)text[limit] & 0xC0) == 0x80)
		limit--;
	return limit;
}
