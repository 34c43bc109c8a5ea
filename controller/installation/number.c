#include "controller/installation/number.h"

bool number_read(const char **text, uint64_t most, uint64_t *out)
{
	const char *place = *text;
	uint64_t value = 0;
	while (*place == ' ')
		place++;
	if (*place < '0' || *place > '9')
		return false;
	for (; *place >= '0' && *place <= '9'; place++) {
		uint64_t digit = (uint64_t)(*place - '0');
		if (value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*text = place;
	*out = value;
	return true;
}
