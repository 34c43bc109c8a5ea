/* Named places at which a test can end a process as if by kill -9. In builds with ROOST_CUTPOINTS,
 * ROOST_CUTPOINT=<name> or <name>:<n> in the environment ends the process when it comes there for
 * the n-th time (1 by default); ROOST_CUTPOINT_ONCE=<file> makes the file first and does nothing when
 * it exists, so that a restarted process lives on. In other builds a cut-point is nothing. */
#ifndef ROOST_BUS_FOUNDATION_CUTPOINT_H
#define ROOST_BUS_FOUNDATION_CUTPOINT_H

enum cutpoint {
#define CUTPOINT(constant, name, sentence) CUTPOINT_##constant,
#include "bus/foundation/cutpoints.def"
#undef CUTPOINT
	CUTPOINT_COUNT
};

#ifdef ROOST_CUTPOINTS
void cutpoint(enum cutpoint place);
#else
static inline void cutpoint(enum cutpoint place)
{
	(void)place;
}
#endif

/* The names, for tests that walk all of them. */
const char *cutpoint_name(enum cutpoint place);

#endif
