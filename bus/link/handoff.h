/* The one crossing from the library's threads to the loop. Any thread pushes; the loop thread gets
 * every item in the order in which it was pushed, all that are there at each wake-up.
 *
 * At most HANDOFF_QUEUE_MAX items wait. Past that, the newest message is dropped: the push returns
 * false, the pusher still owns the message, the loss is counted and logged at the next wake-up.
 * Events (state changes, of which there are few) are never dropped. */
#ifndef ROOST_BUS_LINK_HANDOFF_H
#define ROOST_BUS_LINK_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct handoff;

struct handoff_item {
	int kind;     /* the user's own */
	void *target; /* whom it is for */
	void *data;   /* owned by the receiver once pushed */
	int64_t at_ms;
};

/* `deliver` runs on the loop thread. */
struct handoff *handoff_start(uv_loop_t *loop, void (*deliver)(void *context, const struct handoff_item *item),
			      void *context);

/* Any thread. */
bool handoff_push_message(struct handoff *handoff, const struct handoff_item *item);
void handoff_push_event(struct handoff *handoff, const struct handoff_item *item);

/* Delivers what waits now, without waiting for the wake-up. Loop thread, not from inside `deliver`. */
void handoff_drain(struct handoff *handoff);

/* Messages dropped since the start. Loop thread. */
uint64_t handoff_dropped(struct handoff *handoff);

/* Loop thread, also inside `deliver`, when nobody pushes any more. What still waits is delivered at a
 * later turn of the loop, just before `closed` is called and the memory is gone. */
void handoff_stop(struct handoff *handoff, void (*closed)(void *context));

#endif
