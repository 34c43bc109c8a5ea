/* Requests from outside, through nats.c alone: one after another, or a number in flight. The same
 * driver measures the product and its floors, with the same socket options. */
#ifndef ROOST_TESTS_BENCH_FLIGHT_H
#define ROOST_TESTS_BENCH_FLIGHT_H

#include "tests/bench/measure.h"

#include <nats/nats.h>

/* A connection that sends at once, with inboxes below _INBOX.<user>. Ends the program on failure. */
natsConnection *bench_connect(const char *url, const char *credentials_file, const char *user);

/* Ends the program with what went wrong unless the status is NATS_OK. */
void bench_check(natsStatus status, const char *what);

struct request {
	char subject[256];
	const void *data;
	int size;
	const char *headers[4][2]; /* name and value; up to the first NULL name */
};

/* Fills the request number `round` of a slot; slots are separate aggregates. Its data stays valid until
 * the slot's next request. */
typedef void make_request(void *context, int slot, int round, struct request *request);

struct flight {
	natsConnection *connection;
	const char *user;
	make_request *make;
	/* May be NULL: sees every answer, in the library's thread. */
	void (*answered)(void *context, int slot, natsMsg *answer);
	void *context;
	int slots;  /* in flight */
	int rounds; /* per slot */
};

/* Flies all rounds of all slots. An error among the answers ends the program. Returns requests per
 * second; round trips are added to `samples` (may be NULL). */
double fly(const struct flight *flight, struct samples *samples);

#endif
