/* The floors: what the same work costs with nothing of ours in the way. */
#ifndef ROOST_TESTS_BENCH_FLOORS_H
#define ROOST_TESTS_BENCH_FLOORS_H

#include "tests/bench/flight.h"

#include <sys/types.h>

/* Starts a process that answers every request on `floor.query` with `answer_size` bytes, through nats.c
 * with the same socket options, and waits until it does. It dies with this program. */
pid_t floor_responder_start(const char *url, const char *credentials_file, int answer_size);

/* To be called first in main: does not return in the responder's process, which is the same program
 * under another name. */
void floor_responder_become(int argc, char **argv);
void floor_responder_stop(pid_t process);

/* Requests of `request_size` bytes to that responder. Returns the rate. */
double floor_queries(natsConnection *connection, const char *user, int in_flight, int rounds, int request_size,
		     struct samples *samples);

/* Appends of `record_size` bytes with message id and expected last sequence to a file stream of its
 * own, one subject a slot. Returns the rate. */
double floor_appends(natsConnection *connection, const char *user, int in_flight, int rounds, int record_size,
		     struct samples *samples);

/* From publishing to the callback of a subscriber on another connection. */
void floor_deliveries(natsConnection *publisher, natsConnection *subscriber, int rounds, int size,
		      struct samples *samples);

#endif
