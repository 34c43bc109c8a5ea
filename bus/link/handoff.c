/* Two arrays under one mutex: threads fill one while the loop works through the other; each wake-up
 * swaps them, so the mutex is held for an append or a swap only and nothing is allocated per item. A
 * wake-up is asked for only by the push that finds the array empty. */
#include "bus/link/handoff.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64, KEPT_CAPACITY = 4096 };

struct queue {
	struct handoff_item *items;
	size_t count;
	size_t capacity;
};

struct handoff {
	uv_async_t wake;
	uv_mutex_t mutex; /* guards `filling` and `dropped` */
	struct queue filling;
	uint64_t dropped;
	struct queue working; /* the loop's own */
	uint64_t dropped_said;
	void (*deliver)(void *context, const struct handoff_item *item);
	void (*closed)(void *context);
	void *context;
};

static void queue_append(struct queue *queue, const struct handoff_item *item)
{
	if (queue->count == queue->capacity) {
		size_t capacity = queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity * 2;
		struct handoff_item *items = realloc(queue->items, capacity * sizeof(*items));
		if (items == NULL)
			abort();
		queue->items = items;
		queue->capacity = capacity;
	}
	queue->items[queue->count++] = *item;
}

/* After a burst the memory goes back. */
static void queue_clear(struct queue *queue)
{
	queue->count = 0;
	if (queue->capacity > KEPT_CAPACITY) {
		free(queue->items);
		*queue = (struct queue){0};
	}
}

static bool push(struct handoff *handoff, const struct handoff_item *item, bool may_drop)
{
	uv_mutex_lock(&handoff->mutex);
	bool was_empty = handoff->filling.count == 0;
	bool taken = !may_drop || handoff->filling.count < HANDOFF_QUEUE_MAX;
	if (taken)
		queue_append(&handoff->filling, item);
	else
		handoff->dropped++;
	/* Under the mutex, so that a handoff that has been stopped is never woken. */
	if (taken && was_empty)
		uv_async_send(&handoff->wake);
	uv_mutex_unlock(&handoff->mutex);
	return taken;
}

bool handoff_push_message(struct handoff *handoff, const struct handoff_item *item)
{
	return push(handoff, item, true);
}

void handoff_push_event(struct handoff *handoff, const struct handoff_item *item)
{
	push(handoff, item, false);
}

uint64_t handoff_dropped(struct handoff *handoff)
{
	uv_mutex_lock(&handoff->mutex);
	uint64_t dropped = handoff->dropped;
	uv_mutex_unlock(&handoff->mutex);
	return dropped;
}

static void say_dropped(struct handoff *handoff, uint64_t dropped)
{
	if (dropped == handoff->dropped_said)
		return;
	log_warning("the loop fell behind: %llu messages from the bus were dropped",
		    (unsigned long long)(dropped - handoff->dropped_said));
	handoff->dropped_said = dropped;
}

void handoff_drain(struct handoff *handoff)
{
	uv_mutex_lock(&handoff->mutex);
	struct queue full = handoff->filling;
	handoff->filling = handoff->working;
	uint64_t dropped = handoff->dropped;
	uv_mutex_unlock(&handoff->mutex);
	handoff->working = (struct queue){0};
	for (size_t i = 0; i < full.count; i++)
		handoff->deliver(handoff->context, &full.items[i]);
	queue_clear(&full);
	handoff->working = full;
	say_dropped(handoff, dropped);
}

static void woken(uv_async_t *wake)
{
	handoff_drain(wake->data);
}

struct handoff *handoff_start(uv_loop_t *loop, void (*deliver)(void *context, const struct handoff_item *item),
			      void *context)
{
	struct handoff *handoff = calloc(1, sizeof(*handoff));
	if (handoff == NULL || uv_mutex_init(&handoff->mutex) != 0 || uv_async_init(loop, &handoff->wake, woken) != 0)
		abort();
	handoff->wake.data = handoff;
	handoff->deliver = deliver;
	handoff->context = context;
	return handoff;
}

static void wake_closed(uv_handle_t *handle)
{
	struct handoff *handoff = handle->data;
	void (*closed)(void *context) = handoff->closed;
	void *context = handoff->context;
	handoff_drain(handoff);
	uv_mutex_destroy(&handoff->mutex);
	free(handoff->filling.items);
	free(handoff->working.items);
	free(handoff);
	if (closed != NULL)
		closed(context);
}

void handoff_stop(struct handoff *handoff, void (*closed)(void *context))
{
	handoff->closed = closed;
	uv_close((uv_handle_t *)&handoff->wake, wake_closed);
}
