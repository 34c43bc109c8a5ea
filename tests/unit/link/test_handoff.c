/* The hand-over between threads and the loop. Also run under TSan: ./run test-threads */
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/link/handoff.h"

#include <string.h>

enum { THREADS = 4, ITEMS_EACH = 20000 };

struct fixture {
	uv_loop_t loop;
	struct handoff *handoff;
	int delivered;
	int events;
	int next[THREADS]; /* what each thread's next item must be */
	bool in_order;
	bool closed;
	struct handoff *stop_inside;
};

struct pusher {
	struct handoff *handoff;
	int number;
	int refused;
};

static void took_stop(void *context)
{
	((struct fixture *)context)->closed = true;
}

/* kind is the thread, `data` its counter; a kind of THREADS is an event. */
static void take(void *context, const struct handoff_item *item)
{
	struct fixture *fixture = context;
	if (item->kind == THREADS) {
		fixture->events++;
	} else {
		fixture->delivered++;
		fixture->in_order = fixture->in_order && (intptr_t)item->data >= fixture->next[item->kind];
		fixture->next[item->kind] = (int)(intptr_t)item->data + 1;
	}
	if (fixture->stop_inside != NULL)
		handoff_stop(fixture->stop_inside, took_stop);
	fixture->stop_inside = NULL;
}

static void push_many(void *argument)
{
	struct pusher *pusher = argument;
	for (intptr_t i = 0; i < ITEMS_EACH; i++) {
		struct handoff_item item = {.kind = pusher->number, .data = (void *)i};
		if (!handoff_push_message(pusher->handoff, &item))
			pusher->refused++;
	}
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->in_order = true;
	fixture->handoff = handoff_start(&fixture->loop, take, fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (!fixture->closed)
		handoff_stop(fixture->handoff, took_stop);
	loop_until_true(&fixture->loop, &fixture->closed, "the end of the hand-over");
	loop_finish(&fixture->loop);
	test_free(fixture);
	return 0;
}

static void every_item_arrives_once_and_in_its_threads_order(void **state)
{
	struct fixture *fixture = *state;
	uv_thread_t threads[THREADS];
	struct pusher pushers[THREADS];
	int refused = 0;
	for (int i = 0; i < THREADS; i++) {
		pushers[i] = (struct pusher){.handoff = fixture->handoff, .number = i};
		assert_int_equal(uv_thread_create(&threads[i], push_many, &pushers[i]), 0);
	}
	/* The loop works while they push. */
	loop_until_at_least(&fixture->loop, &fixture->delivered, ITEMS_EACH / 2, "the first items");
	for (int i = 0; i < THREADS; i++) {
		uv_thread_join(&threads[i]);
		refused += pushers[i].refused;
	}
	loop_until_at_least(&fixture->loop, &fixture->delivered, THREADS * ITEMS_EACH - refused, "all items");
	loop_for(&fixture->loop, 20);
	assert_int_equal(fixture->delivered, THREADS * ITEMS_EACH - refused);
	assert_int_equal(handoff_dropped(fixture->handoff), refused);
	assert_true(fixture->in_order);
}

static void the_newest_message_is_dropped_when_it_is_full_and_events_never(void **state)
{
	struct fixture *fixture = *state;
	struct handoff_item item = {.kind = 0};
	for (intptr_t i = 0; i < HANDOFF_QUEUE_MAX; i++) {
		item.data = (void *)i;
		assert_true(handoff_push_message(fixture->handoff, &item));
	}
	assert_false(handoff_push_message(fixture->handoff, &item));
	assert_false(handoff_push_message(fixture->handoff, &item));
	handoff_push_event(fixture->handoff, &(struct handoff_item){.kind = THREADS});
	assert_int_equal(handoff_dropped(fixture->handoff), 2);
	loop_until_at_least(&fixture->loop, &fixture->events, 1, "the event");
	assert_int_equal(fixture->delivered, HANDOFF_QUEUE_MAX);
	assert_true(fixture->in_order);
	assert_true(handoff_push_message(fixture->handoff, &(struct handoff_item){.kind = 1}));
	loop_until_at_least(&fixture->loop, &fixture->delivered, HANDOFF_QUEUE_MAX + 1, "the next message");
}

static void draining_by_hand_delivers_at_once(void **state)
{
	struct fixture *fixture = *state;
	assert_true(handoff_push_message(fixture->handoff, &(struct handoff_item){.kind = 0}));
	handoff_drain(fixture->handoff);
	assert_int_equal(fixture->delivered, 1);
	handoff_drain(fixture->handoff);
	assert_int_equal(fixture->delivered, 1);
}

static void stopping_inside_a_delivery_delivers_the_rest(void **state)
{
	struct fixture *fixture = *state;
	fixture->stop_inside = fixture->handoff;
	for (int i = 0; i < 10; i++)
		handoff_push_event(fixture->handoff, &(struct handoff_item){.kind = THREADS});
	loop_until_true(&fixture->loop, &fixture->closed, "the end of the hand-over");
	assert_int_equal(fixture->events, 10);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(every_item_arrives_once_and_in_its_threads_order),
	    TEST(the_newest_message_is_dropped_when_it_is_full_and_events_never),
	    TEST(draining_by_hand_delivers_at_once),
	    TEST(stopping_inside_a_delivery_delivers_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
