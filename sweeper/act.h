/* One finding sent to the controllers, who judge it again. Loop thread. */
#ifndef ROOST_SWEEPER_ACT_H
#define ROOST_SWEEPER_ACT_H

#include "bus/link/connection.h"
#include "resource.pb-c.h"

/* The same finding (all of its text, and `since_ms`) goes under the same idempotency key, whoever sends
 * it and however often. `done` is called once, never before this returns: what the controller did, or an
 * error. */
void act_send(struct connection *connection, const char *owner, const Roost__SweepFinding *finding, int64_t since_ms,
	      uint32_t timeout_ms, void (*done)(void *context, bool acted, const struct error *error), void *context);

#endif
