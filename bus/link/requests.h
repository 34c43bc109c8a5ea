/* Requests that wait for their answers: tickets, deadlines, outcomes. Knows nothing of NATS. Every
 * request that was added ends exactly once, in `done`, on the loop thread, unless it is forgotten.
 * One timer serves all deadlines. */
#ifndef ROOST_BUS_LINK_REQUESTS_H
#define ROOST_BUS_LINK_REQUESTS_H

#include "bus/link/connection.h"

struct requests;

typedef void request_done(void *context, const struct incoming *answer, const struct error *error);

/* `before_expiry` (may be NULL) is called before deadlines are looked at, to hand over answers that
 * have arrived while the loop was busy: they count. */
struct requests *requests_start(uv_loop_t *loop, void (*before_expiry)(void *context), void *context);

/* A ticket, never 0. `subject` is kept as a hash only, for requests_refuse. */
uint64_t requests_add(struct requests *requests, const char *subject, uint32_t timeout_ms, request_done *done,
		      void *context);

/* The ticket's `done` will come at the next turn of the loop with this error. */
void requests_fail_soon(struct requests *requests, uint64_t ticket, enum error_code code, const char *message);

/* Ends a request now. Unknown tickets (late answers) are ignored. */
void requests_answer(struct requests *requests, uint64_t ticket, const struct incoming *answer);
void requests_fail(struct requests *requests, uint64_t ticket, enum error_code code, const char *message);

/* Ends every request that waits now; those added meanwhile stay. `message` must outlive the loop's turn. */
void requests_fail_all(struct requests *requests, enum error_code code, const char *message);

/* The same for the requests that were sent to one subject. */
void requests_refuse(struct requests *requests, const char *subject, enum error_code code, const char *message);

void requests_forget(struct requests *requests, uint64_t ticket);

size_t requests_in_flight(const struct requests *requests);

/* Frees it once the loop has let go of its timer. Nothing may wait any more. */
void requests_stop(struct requests *requests);

#endif
