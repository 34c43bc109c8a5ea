/* A piece of the outside world: a network namespace of the test's own, reached from the machine over a
 * veth pair with addresses of 198.18.0.0/15, which are for benchmarks and exist nowhere. It has a git server. Goes away
 * with the test program. */
#ifndef ROOST_TESTS_INTEGRATION_RUNTIME_OUTSIDE_H
#define ROOST_TESTS_INTEGRATION_RUNTIME_OUTSIDE_H

#include "tests/integration/runtime/fixture.h"

struct outside {
	char name[16];	  /* of the namespace and of the machine's link */
	char address[16]; /* of the outside */
	char machine[16]; /* of the machine, as seen from there */
};

/* Here somebody accepts every connection and never says a word. */
enum { OUTSIDE_SILENT_PORT = 7777 };

/* Makes it, with `git daemon` serving the fixture's repositories on the usual port. */
void outside_open(struct outside *outside, struct fixture *fixture);
void outside_close(struct outside *outside);

#endif
