/* A ticket is (generation << 32 | slot), so that a late answer to a slot that was used again is told
 * apart. The slots that wait form a heap by deadline. The timer is set again only when a deadline
 * comes earlier than what it is set for: an answered request leaves it alone, and a timer that finds
 * nothing due is set anew then. */
#include "bus/link/requests.h"

#include <stdlib.h>

enum { NO_PLACE = UINT32_MAX, FIRST_SLOTS = 64 };

struct slot {
	uint32_t generation;
	uint32_t place; /* in the heap; NO_PLACE when free */
	uint32_t next_free;
	enum error_code failure; /* fails with it at the deadline; ERROR_NONE: timed out */
	uint64_t deadline_ms;	 /* of uv_now */
	uint64_t subject_hash;
	const char *message;
	request_done *done;
	void *context;
};

struct requests {
	uv_loop_t *loop;
	uv_timer_t timer;
	uint64_t timer_set_for; /* UINT64_MAX when it is not set */
	struct slot *slots;
	uint32_t *heap; /* slot numbers */
	uint32_t capacity;
	uint32_t waiting;
	uint32_t first_free;
	void (*before_expiry)(void *context);
	void *before_expiry_context;
};

static uint64_t ticket_of(const struct requests *requests, uint32_t number)
{
	return (uint64_t)requests->slots[number].generation << 32 | number;
}

/* The slot of a ticket that still waits, or NULL. */
static struct slot *find(const struct requests *requests, uint64_t ticket)
{
	uint32_t number = (uint32_t)ticket;
	if (number >= requests->capacity)
		return NULL;
	struct slot *slot = &requests->slots[number];
	return slot->place != NO_PLACE && slot->generation == ticket >> 32 ? slot : NULL;
}

static bool earlier(const struct requests *requests, uint32_t a, uint32_t b)
{
	return requests->slots[requests->heap[a]].deadline_ms < requests->slots[requests->heap[b]].deadline_ms;
}

static void swap(struct requests *requests, uint32_t a, uint32_t b)
{
	uint32_t number = requests->heap[a];
	requests->heap[a] = requests->heap[b];
	requests->heap[b] = number;
	requests->slots[requests->heap[a]].place = a;
	requests->slots[requests->heap[b]].place = b;
}

static void sift_up(struct requests *requests, uint32_t place)
{
	for (; place > 0 && earlier(requests, place, (place - 1) / 2); place = (place - 1) / 2)
		swap(requests, place, (place - 1) / 2);
}

static void sift_down(struct requests *requests, uint32_t place)
{
	for (;;) {
		uint32_t child = 2 * place + 1;
		if (child >= requests->waiting)
			return;
		if (child + 1 < requests->waiting && earlier(requests, child + 1, child))
			child++;
		if (!earlier(requests, child, place))
			return;
		swap(requests, place, child);
		place = child;
	}
}

static void heap_remove(struct requests *requests, uint32_t place)
{
	uint32_t last = --requests->waiting;
	uint32_t number = requests->heap[place];
	if (place != last) {
		swap(requests, place, last);
		sift_up(requests, place);
		sift_down(requests, place);
	}
	requests->slots[number].place = NO_PLACE;
}

static void grow(struct requests *requests)
{
	uint32_t capacity = requests->capacity == 0 ? FIRST_SLOTS : requests->capacity * 2;
	requests->slots = realloc(requests->slots, capacity * sizeof(*requests->slots));
	requests->heap = realloc(requests->heap, capacity * sizeof(*requests->heap));
	if (requests->slots == NULL || requests->heap == NULL)
		abort();
	for (uint32_t number = requests->capacity; number < capacity; number++) {
		requests->slots[number] = (struct slot){.place = NO_PLACE, .next_free = number + 1};
		if (number + 1 == capacity)
			requests->slots[number].next_free = NO_PLACE;
	}
	requests->first_free = requests->capacity;
	requests->capacity = capacity;
}

/* Takes the slot out and gives back what it was. */
static struct slot take(struct requests *requests, struct slot *slot)
{
	struct slot taken = *slot;
	heap_remove(requests, slot->place);
	slot->next_free = requests->first_free;
	requests->first_free = (uint32_t)(slot - requests->slots);
	return taken;
}

static void end_with(const struct slot *taken, enum error_code code, const char *message)
{
	struct error error;
	error_set(&error, code, "%s", message);
	taken->done(taken->context, NULL, &error);
}

/* Not uv_now: a handler that took long would shorten the deadlines that it sets. */
static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void due(uv_timer_t *timer);

static void set_timer(struct requests *requests, uint64_t least_ms)
{
	if (requests->waiting == 0)
		return;
	uint64_t deadline = requests->slots[requests->heap[0]].deadline_ms;
	if (deadline >= requests->timer_set_for)
		return;
	uint64_t now = now_ms();
	uint64_t wait = deadline > now ? deadline - now : 0;
	uv_timer_start(&requests->timer, due, wait < least_ms ? least_ms : wait, 0);
	requests->timer_set_for = deadline;
}

static void end_as_due(const struct slot *taken)
{
	if (taken->failure != ERROR_NONE)
		end_with(taken, taken->failure, taken->message);
	else
		end_with(taken, ERROR_PLATFORM_UNAVAILABLE, "timed out");
}

/* No more than wait at the start, and then a turn of the loop (libuv runs a timer that is set to 0
 * inside a timer at once): callers who ask again and again do not hold the loop. */
static void due(uv_timer_t *timer)
{
	struct requests *requests = timer->data;
	requests->timer_set_for = 0; /* not to be set meanwhile */
	requests->before_expiry(requests->before_expiry_context);
	uint64_t now = now_ms();
	for (uint32_t left = requests->waiting; left > 0 && requests->waiting > 0; left--) {
		struct slot *slot = &requests->slots[requests->heap[0]];
		if (slot->deadline_ms > now)
			break;
		struct slot taken = take(requests, slot);
		end_as_due(&taken);
	}
	requests->timer_set_for = UINT64_MAX;
	set_timer(requests, 1);
}

static void nothing(void *context)
{
	(void)context;
}

struct requests *requests_start(uv_loop_t *loop, void (*before_expiry)(void *context), void *context)
{
	struct requests *requests = calloc(1, sizeof(*requests));
	if (requests == NULL)
		abort();
	requests->loop = loop;
	requests->first_free = NO_PLACE;
	requests->timer_set_for = UINT64_MAX;
	requests->before_expiry = before_expiry == NULL ? nothing : before_expiry;
	requests->before_expiry_context = context;
	uv_timer_init(loop, &requests->timer);
	/* Whoever waits has a handle of its own that keeps the loop alive. */
	uv_unref((uv_handle_t *)&requests->timer);
	requests->timer.data = requests;
	return requests;
}

/* FNV-1a. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325ULL;
	for (; *text != '\0'; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3ULL;
	return value;
}

uint64_t requests_add(struct requests *requests, const char *subject, uint32_t timeout_ms, request_done *done,
		      void *context)
{
	if (requests->first_free == NO_PLACE)
		grow(requests);
	uint32_t number = requests->first_free;
	struct slot *slot = &requests->slots[number];
	requests->first_free = slot->next_free;
	*slot = (struct slot){
	    .generation = slot->generation + 1 == 0 ? 1 : slot->generation + 1,
	    .place = requests->waiting,
	    .deadline_ms = now_ms() + timeout_ms,
	    .subject_hash = hash(subject),
	    .done = done,
	    .context = context,
	};
	requests->heap[requests->waiting++] = number;
	sift_up(requests, slot->place);
	set_timer(requests, 0);
	return ticket_of(requests, number);
}

void requests_fail_soon(struct requests *requests, uint64_t ticket, enum error_code code, const char *message)
{
	struct slot *slot = find(requests, ticket);
	if (slot == NULL)
		return;
	slot->failure = code;
	slot->message = message;
	/* Behind what is due already, not before it: nobody's turn is taken. */
	uint64_t now = now_ms();
	slot->deadline_ms = now < slot->deadline_ms ? now : slot->deadline_ms;
	sift_up(requests, slot->place);
	set_timer(requests, 0);
}

void requests_answer(struct requests *requests, uint64_t ticket, const struct incoming *answer)
{
	struct slot *slot = find(requests, ticket);
	if (slot == NULL)
		return;
	struct slot taken = take(requests, slot);
	taken.done(taken.context, answer, NULL);
}

void requests_fail(struct requests *requests, uint64_t ticket, enum error_code code, const char *message)
{
	struct slot *slot = find(requests, ticket);
	if (slot == NULL)
		return;
	struct slot taken = take(requests, slot);
	end_with(&taken, code, message);
}

/* Tickets first, calls second: a call may add, forget or end others. */
static void fail_some(struct requests *requests, const uint64_t *subject_hash, enum error_code code,
		      const char *message)
{
	uint32_t count = 0;
	uint64_t *tickets = calloc(requests->waiting + 1, sizeof(*tickets));
	if (tickets == NULL)
		abort();
	for (uint32_t place = 0; place < requests->waiting; place++)
		if (subject_hash == NULL || requests->slots[requests->heap[place]].subject_hash == *subject_hash)
			tickets[count++] = ticket_of(requests, requests->heap[place]);
	for (uint32_t i = 0; i < count; i++)
		requests_fail(requests, tickets[i], code, message);
	free(tickets);
}

void requests_fail_all(struct requests *requests, enum error_code code, const char *message)
{
	fail_some(requests, NULL, code, message);
}

void requests_refuse(struct requests *requests, const char *subject, enum error_code code, const char *message)
{
	uint64_t wanted = hash(subject);
	fail_some(requests, &wanted, code, message);
}

void requests_forget(struct requests *requests, uint64_t ticket)
{
	struct slot *slot = find(requests, ticket);
	if (slot != NULL)
		take(requests, slot);
}

size_t requests_in_flight(const struct requests *requests)
{
	return requests->waiting;
}

static void timer_closed(uv_handle_t *handle)
{
	struct requests *requests = handle->data;
	free(requests->slots);
	free(requests->heap);
	free(requests);
}

void requests_stop(struct requests *requests)
{
	uv_close((uv_handle_t *)&requests->timer, timer_closed);
}
