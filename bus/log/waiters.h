/* Those who wait for the projection to come up to a record, in the order of the records. Part of the
 * projection runner. Loop thread. */
#ifndef ROOST_BUS_LOG_WAITERS_H
#define ROOST_BUS_LOG_WAITERS_H

#include "bus/foundation/error.h"

#include <stdint.h>

struct waiter {
	struct waiter *next;
	struct waiter *previous;
	uint64_t seq;	     /* 0 while it is not known yet */
	int64_t deadline_ms; /* monotonic */
	void (*done)(void *context, const struct error *error);
	void *context;
};

/* Ordered by seq, equal ones in the order in which they came. Zeroed is empty. */
struct waiters {
	struct waiter *first;
	struct waiter *last;
};

/* Adds a waiter. */
void waiters_add(struct waiters *waiters, uint64_t seq, uint32_t timeout_ms,
		 void (*done)(void *context, const struct error *error), void *context);

/* Moves all of `from` into `to`, now waiting for `seq`. */
void waiters_move(struct waiters *from, struct waiters *to, uint64_t seq);

/* Ends those that wait for `seq` or less, with success. The callbacks may add to the list. */
void waiters_reach(struct waiters *waiters, uint64_t seq);

/* Ends those whose deadline has passed, with the error. */
void waiters_expire(struct waiters *waiters, int64_t now_ms, const struct error *error);

/* Ends all with the error. */
void waiters_fail(struct waiters *waiters, const struct error *error);

/* The earliest deadline; INT64_MAX when nobody waits. */
int64_t waiters_deadline(const struct waiters *waiters);

#endif
