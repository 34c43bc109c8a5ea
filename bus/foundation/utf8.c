/* Well-formedness by the ranges of the Unicode standard's table 3-7: what is accepted has one spelling. */
#include "bus/foundation/utf8.h"

#include <string.h>

/* The size that a first byte announces; 0 for one that begins nothing. */
static size_t announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_character(const char *data, size_t size, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = announced((unsigned char)data[0]);
	if (length == 0 || length > size)
		return 0;
	uint32_t value = length == 1 ? (unsigned char)data[0] : (unsigned char)data[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)data[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)data[i] & 0x3fU);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	if (character != NULL)
		*character = value;
	return length;
}

size_t utf8_read(const char *text, uint32_t *character)
{
	return text[0] == '\0' ? 0 : utf8_character(text, strnlen(text, 4), character);
}

void utf8_write(char *text, size_t size, uint32_t character)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = size; i-- > 1; character >>= 6)
		text[i] = (char)(0x80 | (character & 0x3f));
	text[0] = (char)(lead[size] | character);
}

bool utf8_is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x061c ||
	       (character >= 0x200e && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

/* How many bytes from here on are plain ASCII without a zero byte, looked at eight at a time. */
static size_t plain_run(const char *data, size_t size)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = UINT64_C(0x8080808080808080);
	size_t at = 0;
	for (uint64_t word; at + sizeof(word) <= size; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		if ((word & tops) != 0 || ((word - ones) & ~word & tops) != 0)
			break;
	}
	return at;
}

bool utf8_valid(const char *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		at += plain_run(data + at, size - at);
		if (at == size)
			break;
		size_t length = utf8_character(data + at, size - at, NULL);
		if (length == 0 || data[at] == '\0')
			return false;
		at += length;
	}
	return true;
}

bool utf8_printable(const char *text)
{
	while (*text != '\0') {
		uint32_t character;
		size_t size = utf8_read(text, &character);
		if (size == 0 || utf8_is_control(character))
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
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return limit;
}

const char *utf8_repaired(const char *text, struct arena *arena)
{
	size_t size = text == NULL ? 0 : strlen(text);
	if (utf8_valid(text, size))
		return text;
	char *repaired = arena_alloc(arena, 3 * size + 1);
	size_t out = 0;
	for (size_t at = 0; at < size;) {
		size_t length = utf8_character(text + at, size - at, NULL);
		memcpy(repaired + out, length > 0 ? text + at : "\xef\xbf\xbd", length > 0 ? length : 3);
		out += length > 0 ? length : 3;
		at += length > 0 ? length : 1;
	}
	return repaired;
}
