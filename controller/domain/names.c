/* Unique display names. Taken suffixes are marked in one pass over the node's workspaces; the first
 * free one wins. */
#include "controller/domain/names.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "bus/foundation/utf8.h"
#include <stdlib.h>
#include <string.h>

char *name_trim(const char *name, struct arena *arena)
{
	while (*name == ' ')
		name++;
	size_t length = strlen(name);
	while (length > 0 && name[length - 1] == ' ')
		length--;
	return arena_copy(arena, name, length);
}

/* The lower-case letter of those alphabets whose two cases have the same length in UTF-8. */
static uint32_t lower(uint32_t letter)
{
	if (planted(PLANTED_NAME_TWICE))
		return letter;
	if ((letter >= 'A' && letter <= 'Z') || (letter >= 0xC0 && letter <= 0xDE && letter != 0xD7) ||
	    (letter >= 0x391 && letter <= 0x3A9 && letter != 0x3A2) || (letter >= 0x410 && letter <= 0x42F))
		return letter + 32;
	if (letter >= 0x400 && letter <= 0x40F)
		return letter + 80;
	bool paired = (letter >= 0x100 && letter <= 0x137 && letter != 0x130) || (letter >= 0x14A && letter <= 0x177);
	if (paired && letter % 2 == 0)
		return letter + 1;
	bool paired_odd = (letter >= 0x139 && letter <= 0x148) || (letter >= 0x179 && letter <= 0x17E);
	if (paired_odd && letter % 2 == 1)
		return letter + 1;
	return letter;
}

char *name_key(const char *name, struct arena *arena)
{
	char *key = name_trim(name, arena);
	for (char *at = key; *at != '\0';) {
		uint32_t letter;
		size_t size = utf8_read(at, &letter);
		if (size == 0) { /* not UTF-8: validated names never are */
			at++;
			continue;
		}
		utf8_write(at, size, lower(letter));
		at += size;
	}
	return key;
}

/* 1 for the key itself, n for "<key> (n)", 0 for another name. */
static unsigned suffix_of(const char *candidate, const char *key, size_t key_length)
{
	if (strncmp(candidate, key, key_length) != 0)
		return 0;
	const char *rest = candidate + key_length;
	if (*rest == '\0')
		return 1;
	if (strncmp(rest, " (", 2) != 0 || rest[2] < '1' || rest[2] > '9')
		return 0;
	char *end;
	unsigned long number = strtoul(rest + 2, &end, 10);
	if (strcmp(end, ")") != 0 || number < 2 || number > NAME_SUFFIX_MAX)
		return 0;
	return (unsigned)number;
}

char *name_make_unique(const char *name, const struct workspace_states *taken, const char *except_id,
		       struct arena *arena)
{
	char *trimmed = name_trim(name, arena);
	char *key = name_key(name, arena);
	size_t key_length = strlen(key);
	bool used[NAME_SUFFIX_MAX + 1] = {false};
	for (size_t i = 0; i < taken->count; i++) {
		const Roost__WorkspaceState *other = taken->items[i];
		if (except_id == NULL || strcmp(other->resource->id, except_id) != 0)
			used[suffix_of(other->name_key, key, key_length)] = true;
	}
	if (!used[1])
		return trimmed;
	for (unsigned number = 2; number <= NAME_SUFFIX_MAX; number++)
		if (!used[number])
			return arena_printf(arena, "%s (%u)", trimmed, number);
	return NULL;
}
