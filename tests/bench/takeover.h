/* What clients notice when one of two controllers is killed while they work. */
#ifndef ROOST_TESTS_BENCH_TAKEOVER_H
#define ROOST_TESTS_BENCH_TAKEOVER_H

#include "tests/bench/fleet.h"
#include "tests/support/process.h"

/* Clients rename workspaces without a pause, asking again with the same key after a while without an
 * answer, as the command line does; in the middle `victim` is killed with SIGKILL. Prints the longest
 * time that a command took before and after. */
void bench_takeover(struct fleet *fleet, const char *url, const char *credentials, struct process *victim);

#endif
