/* The daemons that a benchmark measures, started as programs against a server of its own. */
#ifndef ROOST_TESTS_BENCH_DAEMONS_H
#define ROOST_TESTS_BENCH_DAEMONS_H

#include "tests/support/nats_server.h"
#include "tests/support/process.h"

/* Starts `program` ("roost-controller", "roost-sweeper") from the folder of programs, with a database and
 * a log named after `name`, and waits until its projection holds the log. Ends the program on failure.
 * `environment` is as in process_start. */
void daemon_start(struct process *process, struct nats_server *server, const char *programs, const char *program,
		  const char *name, const char *const *environment);

/* SIGTERM and the end. */
void daemon_stop(struct process *process);

/* User and system time of a process so far. */
double processor_seconds(int process);

#endif
