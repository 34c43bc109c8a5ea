/* Time. Decisions get it as a number; only the rim asks. Milliseconds since the Unix epoch unless a
 * name says otherwise.
 *
 * Deadlines and health use the NATS server's clock: server_clock keeps the offset learnt from the
 * timestamps in JetStream answers (see bus/log). One per process, used on the loop thread. */
#ifndef ROOST_BUS_FOUNDATION_CLOCK_H
#define ROOST_BUS_FOUNDATION_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* This machine's wall clock, and its monotonic clock. In builds with ROOST_CUTPOINTS the wall clock is
 * wrong by ROOST_CLOCK_SKEW_MS of the environment, for tests: a process must behave the same then. */
int64_t clock_wall_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);

struct server_clock {
	bool known;
	int64_t offset_ms;    /* server wall clock minus this machine's monotonic clock */
	int64_t learnt_at_ms; /* monotonic */
};

/* Takes a server timestamp that was made between `sent` and `received` (monotonic milliseconds). */
void server_clock_learn(struct server_clock *clock, int64_t server_ms, int64_t sent_ms, int64_t received_ms);

/* The server's wall clock now; this machine's own while nothing is known. */
int64_t server_clock_now_ms(const struct server_clock *clock);

/* True when an offset was learnt within the last minute: only then may a timer fire. */
bool server_clock_fresh(const struct server_clock *clock);

/* The same for a moment that is given by this machine's two clocks. */
int64_t server_clock_at(const struct server_clock *clock, int64_t monotonic_ms, int64_t wall_ms);
bool server_clock_fresh_at(const struct server_clock *clock, int64_t monotonic_ms);

#endif
