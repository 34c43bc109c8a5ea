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

/* Writes the sender of each datagram to OUTSIDE_SENDERS_PORT as a line to `path`, from now on. */
enum { OUTSIDE_SENDERS_PORT = 7778 };
void outside_note_senders(struct outside *outside, const char *path);

/* Gives the outside one more address, which the machine has a way to. */
void outside_add_address(struct outside *outside, const char *address);

void outside_close(struct outside *outside);

#endif
