/* Waiting in tests: on conditions with deadlines, never for a fixed time. A deadline that passes fails
 * the test and says what it waited for. */
#ifndef ROOST_TESTS_SUPPORT_LOOP_H
#define ROOST_TESTS_SUPPORT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Long enough for a busy machine under sanitizers, far below a test's TIMEOUT. */
enum { PATIENCE_MS = 20000 };

/* Runs the loop until the condition holds. */
void loop_until(uv_loop_t *loop, bool (*condition)(void *context), void *context, uint32_t timeout_ms,
		const char *what);

/* The same for a flag or counter that a callback changes. */
void loop_until_true(uv_loop_t *loop, const bool *flag, const char *what);
void loop_until_at_least(uv_loop_t *loop, const int *counter, int least, const char *what);

/* Runs the loop for a while, to show that something does not happen. */
void loop_for(uv_loop_t *loop, uint32_t ms);

/* Runs the loop until it has no work left and closes it; what is left open fails the test. */
void loop_finish(uv_loop_t *loop);

/* Without a loop: asks every few milliseconds. */
void wait_until(bool (*condition)(void *context), void *context, uint32_t timeout_ms, const char *what);

#endif
