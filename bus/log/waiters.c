/* A doubly linked list: sequences nearly always rise, so adding at the end and ending from the front
 * is the usual, constant work. */
#include "bus/log/waiters.h"

#include "bus/foundation/clock.h"

#include <stdlib.h>

static void insert(struct waiters *waiters, struct waiter *waiter)
{
	struct waiter *before = waiters->last;
	while (before != NULL && before->seq > waiter->seq)
		before = before->previous;
	waiter->previous = before;
	waiter->next = before != NULL ? before->next : waiters->first;
	*(waiter->previous != NULL ? &waiter->previous->next : &waiters->first) = waiter;
	*(waiter->next != NULL ? &waiter->next->previous : &waiters->last) = waiter;
}

static void take_out(struct waiters *waiters, struct waiter *waiter)
{
	*(waiter->previous != NULL ? &waiter->previous->next : &waiters->first) = waiter->next;
	*(waiter->next != NULL ? &waiter->next->previous : &waiters->last) = waiter->previous;
}

void waiters_add(struct waiters *waiters, uint64_t seq, uint32_t timeout_ms,
		 void (*done)(void *context, const struct error *error), void *context)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	waiter->seq = seq;
	waiter->deadline_ms = clock_monotonic_ms() + timeout_ms;
	waiter->done = done;
	waiter->context = context;
	insert(waiters, waiter);
}

void waiters_move(struct waiters *from, struct waiters *to, uint64_t seq)
{
	while (from->first != NULL) {
		struct waiter *waiter = from->first;
		take_out(from, waiter);
		waiter->seq = seq;
		insert(to, waiter);
	}
}

static void finish(struct waiter *waiter, const struct error *error)
{
	waiter->done(waiter->context, error);
	free(waiter); /* NOLINT(clang-analyzer-unix.Malloc): it is in no list any more */
}

static struct waiter *take_first(struct waiters *waiters)
{
	struct waiter *first = waiters->first;
	waiters->first = first->next;
	if (first->next != NULL)
		first->next->previous = NULL;
	else
		waiters->last = NULL;
	return first;
}

void waiters_reach(struct waiters *waiters, uint64_t seq)
{
	while (waiters->first != NULL && waiters->first->seq <= seq)
		finish(take_first(waiters), NULL);
}

void waiters_expire(struct waiters *waiters, int64_t now_ms, const struct error *error)
{
	struct waiters expired = {0};
	for (struct waiter *waiter = waiters->first, *next; waiter != NULL; waiter = next) {
		next = waiter->next;
		if (waiter->deadline_ms > now_ms)
			continue;
		take_out(waiters, waiter);
		insert(&expired, waiter);
	}
	waiters_fail(&expired, error);
}

/* Taken over first: what a callback adds is new and must not be met here. */
void waiters_fail(struct waiters *waiters, const struct error *error)
{
	struct waiter *waiter = waiters->first;
	*waiters = (struct waiters){0};
	while (waiter != NULL) {
		struct waiter *next = waiter->next;
		finish(waiter, error);
		waiter = next;
	}
}

int64_t waiters_deadline(const struct waiters *waiters)
{
	int64_t earliest = INT64_MAX;
	for (const struct waiter *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
		if (waiter->deadline_ms < earliest)
			earliest = waiter->deadline_ms;
	return earliest;
}
