/* ULIDs; see https://github.com/ulid/spec. */
#include "bus/foundation/ulid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct ulid ulid_new(int64_t now_ms)
{
	unsigned char random[10];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		fputs("no randomness from the kernel\n", stderr);
		abort();
	}
	struct ulid ulid;
	uint64_t time = (uint64_t)now_ms & 0xffffffffffffULL;
	for (int i = 9; i >= 0; i--, time >>= 5)
		ulid.text[i] = alphabet[time & 31];
	for (int half = 0; half < 2; half++) {
		uint64_t bits = 0;
		for (int i = 0; i < 5; i++)
			bits = bits << 8 | random[half * 5 + i];
		for (int i = 7; i >= 0; i--, bits >>= 5)
			ulid.text[10 + half * 8 + i] = alphabet[bits & 31];
	}
	ulid.text[26] = '\0';
	return ulid;
}

bool ulid_valid(const char *text)
{
	if (text == NULL || text[0] < '0' || text[0] > '7')
		return false;
	size_t length = strnlen(text, 27);
	return length == 26 && strspn(text, alphabet) == 26;
}

int64_t ulid_time_ms(const char *text)
{
	int64_t time = 0;
	for (int i = 0; i < 10; i++)
		time = time << 5 | (int64_t)(strchr(alphabet, text[i]) - alphabet);
	return time;
}
