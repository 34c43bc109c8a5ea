/* The table of planted bugs, and the switch in builds that have them. */
#include "bus/foundation/planted.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *sentence;
} table[PLANTED_COUNT] = {
#define PLANTED(constant, name, sentence) [PLANTED_##constant] = {name, sentence},
#include "bus/foundation/planted.def"
#undef PLANTED
};

const char *planted_name(enum planted which)
{
	return table[which].name;
}

const char *planted_sentence(enum planted which)
{
	return table[which].sentence;
}

#ifdef ROOST_CUTPOINTS
bool planted(enum planted which)
{
	const char *wanted = getenv("ROOST_PLANTED");
	return wanted != NULL && strcmp(wanted, table[which].name) == 0;
}
#endif
