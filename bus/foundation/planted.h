/* Deliberately wrong behaviours, each in the line of code that it spoils, so that a test can show that
 * the simulation would find such a mistake. In builds with ROOST_CUTPOINTS, ROOST_PLANTED=<name> in the
 * environment switches one on; in other builds planted() is a constant false and costs nothing. Any
 * thread. */
#ifndef ROOST_BUS_FOUNDATION_PLANTED_H
#define ROOST_BUS_FOUNDATION_PLANTED_H

#include <stdbool.h>

enum planted {
#define PLANTED(constant, name, sentence) PLANTED_##constant,
#include "bus/foundation/planted.def"
#undef PLANTED
	PLANTED_COUNT
};

#ifdef ROOST_CUTPOINTS
bool planted(enum planted which);
#else
static inline bool planted(enum planted which)
{
	(void)which;
	return false;
}
#endif

/* The names, for tests that walk all of them, and what goes wrong. */
const char *planted_name(enum planted which);
const char *planted_sentence(enum planted which);

#endif
