/* uv_run one turn at a time. A ticking timer makes conditions outside the loop (a file, a process)
 * noticed too. */
#include "tests/support/loop.h"

#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"

#include <time.h>

enum { TICK_MS = 5 };

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void forget(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

/* Closes the timer within the loop's turns, so that it may live on the stack. */
static void close_timer(uv_loop_t *loop, uv_timer_t *timer)
{
	bool gone = false;
	timer->data = &gone;
	uv_close((uv_handle_t *)timer, forget);
	while (!gone)
		uv_run(loop, UV_RUN_NOWAIT);
}

static bool run(uv_loop_t *loop, bool (*condition)(void *context), void *context, uint32_t timeout_ms)
{
	int64_t deadline = clock_monotonic_ms() + timeout_ms;
	uv_timer_t timer;
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, tick, TICK_MS, TICK_MS);
	bool held = condition(context);
	while (!held && clock_monotonic_ms() < deadline) {
		uv_run(loop, UV_RUN_ONCE);
		held = condition(context);
	}
	close_timer(loop, &timer);
	return held;
}

void loop_until(uv_loop_t *loop, bool (*condition)(void *context), void *context, uint32_t timeout_ms, const char *what)
{
	if (!run(loop, condition, context, timeout_ms))
		fail_msg("waited %u ms in vain for: %s", timeout_ms, what);
}

static bool flag_holds(void *context)
{
	return *(const bool *)context;
}

void loop_until_true(uv_loop_t *loop, const bool *flag, const char *what)
{
	loop_until(loop, flag_holds, (void *)flag, PATIENCE_MS, what);
}

struct counting {
	const int *counter;
	int least;
};

static bool counter_holds(void *context)
{
	const struct counting *counting = context;
	return *counting->counter >= counting->least;
}

void loop_until_at_least(uv_loop_t *loop, const int *counter, int least, const char *what)
{
	loop_until(loop, counter_holds, &(struct counting){counter, least}, PATIENCE_MS, what);
}

static bool never(void *context)
{
	(void)context;
	return false;
}

void loop_for(uv_loop_t *loop, uint32_t ms)
{
	run(loop, never, NULL, ms);
}

static void name_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	print_error("still open: a %s%s\n", uv_handle_type_name(handle->type), uv_is_active(handle) ? ", active" : "");
}

static bool nothing_left(void *context)
{
	return !uv_loop_alive(context);
}

void loop_finish(uv_loop_t *loop)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!nothing_left(loop) && clock_monotonic_ms() < deadline)
		if (uv_run(loop, UV_RUN_NOWAIT) != 0)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	if (uv_loop_close(loop) != 0) {
		uv_walk(loop, name_handle, NULL);
		fail_msg("the loop still has open handles");
	}
}

void wait_until(bool (*condition)(void *context), void *context, uint32_t timeout_ms, const char *what)
{
	int64_t deadline = clock_monotonic_ms() + timeout_ms;
	while (!condition(context)) {
		if (clock_monotonic_ms() >= deadline)
			fail_msg("waited %u ms in vain for: %s", timeout_ms, what);
		nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
	}
}
