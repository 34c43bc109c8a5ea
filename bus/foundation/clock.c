/* Clocks of this machine and the offset to the NATS server's. */
#include "bus/foundation/clock.h"

#include "bus/foundation/planted.h"

#include <stdlib.h>
#include <time.h>

enum { FRESH_MS = 60 * 1000 };

static int64_t read_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef ROOST_CUTPOINTS
static int64_t skew_ms(void)
{
	const char *text = getenv("ROOST_CLOCK_SKEW_MS");
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}
#else
static int64_t skew_ms(void)
{
	return 0;
}
#endif

int64_t clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000 + skew_ms();
}

int64_t clock_monotonic_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

void server_clock_learn(struct server_clock *clock, int64_t server_ms, int64_t sent_ms, int64_t received_ms)
{
	clock->known = true;
	clock->offset_ms = server_ms - (sent_ms + (received_ms - sent_ms) / 2);
	clock->learnt_at_ms = received_ms;
}

int64_t server_clock_at(const struct server_clock *clock, int64_t monotonic_ms, int64_t wall_ms)
{
	if (planted(PLANTED_DEADLINE_LOCAL_CLOCK))
		return wall_ms;
	return clock->known ? monotonic_ms + clock->offset_ms : wall_ms;
}

bool server_clock_fresh_at(const struct server_clock *clock, int64_t monotonic_ms)
{
	return clock->known && monotonic_ms - clock->learnt_at_ms <= FRESH_MS;
}

int64_t server_clock_now_ms(const struct server_clock *clock)
{
	return server_clock_at(clock, clock_monotonic_ms(), clock_wall_ms());
}

bool server_clock_fresh(const struct server_clock *clock)
{
	return server_clock_fresh_at(clock, clock_monotonic_ms());
}
