/* Turns at aggregates: one at a time, first come first served, and no deep stacks. */
#include "tests/unit/cmocka_all.h"

#include "controller/pipeline/aggregate_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char transcript[256];

struct walker {
	struct aggregate_turn turn; /* first */
	struct aggregate_queue *queue;
	const char *name;
	bool leaves_at_once;
	bool freed_early;
};

static void ready(struct aggregate_turn *turn)
{
	struct walker *walker = (struct walker *)turn;
	struct aggregate_queue *queue = walker->queue;
	struct aggregate_line *line = turn->line;
	if (walker->name != NULL)
		strcat(transcript, walker->name);
	if (!walker->leaves_at_once)
		return;
	if (walker->freed_early)
		free(walker);
	aggregate_queue_leave(queue, line);
}

static struct walker walker_of(struct aggregate_queue *queue, const char *name)
{
	return (struct walker){.turn = {.ready = ready}, .queue = queue, .name = name};
}

static void the_first_has_its_turn_at_once_and_the_others_in_order(void **state)
{
	(void)state;
	struct aggregate_queue *queue = aggregate_queue_new();
	struct walker walkers[3] = {walker_of(queue, "a"), walker_of(queue, "b"), walker_of(queue, "c")};
	transcript[0] = '\0';
	for (int i = 0; i < 3; i++)
		aggregate_queue_enter(queue, "node.1", &walkers[i].turn);
	assert_string_equal(transcript, "a");
	assert_int_equal(aggregate_queue_length(queue), 3);
	aggregate_queue_leave(queue, walkers[0].turn.line);
	assert_string_equal(transcript, "ab");
	aggregate_queue_leave(queue, walkers[1].turn.line);
	aggregate_queue_leave(queue, walkers[2].turn.line);
	assert_string_equal(transcript, "abc");
	assert_int_equal(aggregate_queue_length(queue), 0);
	aggregate_queue_free(queue);
}

static void aggregates_do_not_wait_for_each_other(void **state)
{
	(void)state;
	struct aggregate_queue *queue = aggregate_queue_new();
	struct walker walkers[2] = {walker_of(queue, "a"), walker_of(queue, "b")};
	transcript[0] = '\0';
	aggregate_queue_enter(queue, "node.1", &walkers[0].turn);
	aggregate_queue_enter(queue, "node.2", &walkers[1].turn);
	assert_string_equal(transcript, "ab");
	assert_string_equal(aggregate_line_key(walkers[1].turn.line), "node.2");
	aggregate_queue_leave(queue, walkers[0].turn.line);
	aggregate_queue_leave(queue, walkers[1].turn.line);
	aggregate_queue_free(queue);
}

/* Whoever has its turn may be gone before it leaves, and a long line does not deepen the stack. */
static void a_hundred_thousand_that_leave_at_once_are_a_loop(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct aggregate_queue *queue = aggregate_queue_new();
	struct walker first = walker_of(queue, NULL);
	aggregate_queue_enter(queue, "node.1", &first.turn);
	for (int i = 0; i < MANY; i++) {
		struct walker *walker = malloc(sizeof(*walker));
		*walker = walker_of(queue, NULL);
		walker->leaves_at_once = walker->freed_early = true;
		aggregate_queue_enter(queue, "node.1", &walker->turn);
	}
	assert_int_equal(aggregate_queue_length(queue), MANY + 1);
	aggregate_queue_leave(queue, first.turn.line);
	assert_int_equal(aggregate_queue_length(queue), 0);
	aggregate_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_has_its_turn_at_once_and_the_others_in_order),
	    cmocka_unit_test(aggregates_do_not_wait_for_each_other),
	    cmocka_unit_test(a_hundred_thousand_that_leave_at_once_are_a_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
