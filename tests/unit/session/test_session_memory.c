/* What a session host keeps in memory: output, the lines above the screen, input. All bounded. */
#include "bus/foundation/limits.h"
#include "nodeagent/session/input_queue.h"
#include "nodeagent/session/ring.h"
#include "nodeagent/session/scrollback.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ring ---- */

static void ring_keeps_the_newest_bytes_by_absolute_offset(void **state)
{
	(void)state;
	struct ring ring;
	assert_true(ring_open(&ring, 4096));
	for (uint64_t written = 0; written < 100000;) {
		size_t size;
		unsigned char *space = ring_space(&ring, 1 + written % 997, &size);
		assert_true(size > 0);
		for (size_t i = 0; i < size; i++)
			space[i] = (unsigned char)((written + i) * 31 % 251);
		ring_added(&ring, size);
		written += size;
		assert_int_equal(ring.end, written);
		uint64_t at = ring_start(&ring);
		assert_int_equal(ring.end - at, written < 4096 ? written : 4096);
		while (at < ring.end) {
			const unsigned char *piece = ring_piece(&ring, at, 1500, &size);
			for (size_t i = 0; i < size; i += 97)
				assert_int_equal(piece[i], (at + i) * 31 % 251);
			at += size;
		}
	}
	size_t none;
	ring_piece(&ring, ring.end, 10, &none);
	assert_int_equal(none, 0);
	ring_close(&ring);
}

/* ---- scrollback ---- */

static char *newest(const struct scrollback *scrollback, size_t lines, size_t most)
{
	size_t size = scrollback_measure(scrollback, lines, most);
	char *text = malloc(size + 1);
	scrollback_copy(scrollback, text, size);
	text[size] = '\0';
	return text;
}

static void assert_newest(const struct scrollback *scrollback, size_t lines, size_t most, const char *expected)
{
	char *text = newest(scrollback, lines, most);
	assert_string_equal(text, expected);
	free(text);
}

static void scrollback_gives_the_newest_lines_that_fit(void **state)
{
	(void)state;
	struct scrollback scrollback;
	assert_true(scrollback_open(&scrollback));
	assert_newest(&scrollback, 10, 100, "");
	scrollback_add(&scrollback, "one   ", 6);
	scrollback_add(&scrollback, "", 0);
	scrollback_add(&scrollback, "three", 5);
	assert_newest(&scrollback, 10, 100, "one\n\nthree\n");
	assert_newest(&scrollback, 2, 100, "\nthree\n");
	assert_newest(&scrollback, 0, 100, "");
	assert_newest(&scrollback, 10, 6, "three\n");
	assert_newest(&scrollback, 10, 5, "");
	scrollback_close(&scrollback);
}

static void scrollback_is_bounded_in_lines_and_in_bytes(void **state)
{
	(void)state;
	struct scrollback scrollback;
	char line[1000];
	assert_true(scrollback_open(&scrollback));
	for (int i = 0; i < 3 * OUTPUT_LINES_MAX; i++) {
		int size = snprintf(line, sizeof(line), "line %d", i);
		scrollback_add(&scrollback, line, (size_t)size);
	}
	assert_int_equal(scrollback.lines, OUTPUT_LINES_MAX);
	assert_newest(&scrollback, 1, 100, "line 14999\n");
	char *all = newest(&scrollback, OUTPUT_LINES_MAX, SESSION_SCROLLBACK_BYTES);
	assert_int_equal(strncmp(all, "line 10000\n", 11), 0);
	free(all);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 5000; i++) {
		scrollback_add(&scrollback, line, sizeof(line));
		assert_true(scrollback.used <= SESSION_SCROLLBACK_BYTES);
	}
	assert_int_equal(scrollback.lines, SESSION_SCROLLBACK_BYTES / 1001);
	scrollback_close(&scrollback);
}

/* ---- input ---- */

static void type_all(struct input_queue *queue, char *into, size_t at_once)
{
	size_t size;
	const unsigned char *data;
	while (data = input_queue_next(queue, &size), size > 0) {
		size_t part = size < at_once ? size : at_once;
		strncat(into, (const char *)data, part);
		input_queue_typed(queue, part);
	}
}

static void input_is_typed_in_order_and_each_id_once(void **state)
{
	(void)state;
	struct input_queue *queue = input_queue_new();
	char typed[64] = "";
	assert_int_equal(input_queue_add(queue, "a", "one ", 4), INPUT_TAKEN);
	assert_int_equal(input_queue_add(queue, "b", "two ", 4), INPUT_TAKEN);
	assert_int_equal(input_queue_add(queue, "a", "one ", 4), INPUT_HAD_IT);
	assert_int_equal(input_queue_add(queue, "a", "two ", 4), INPUT_OTHER);
	type_all(queue, typed, 3);
	assert_int_equal(input_queue_add(queue, "b", "two ", 4), INPUT_HAD_IT);
	assert_int_equal(input_queue_add(queue, NULL, "reply ", 6), INPUT_TAKEN);
	assert_int_equal(input_queue_add(queue, "", "reply ", 6), INPUT_TAKEN);
	type_all(queue, typed, 100);
	assert_string_equal(typed, "one two reply reply ");
	input_queue_free(queue);
}

static void the_last_thousand_ids_are_remembered(void **state)
{
	(void)state;
	struct input_queue *queue = input_queue_new();
	char id[32];
	for (int i = 0; i <= SESSION_INPUT_IDS_REMEMBERED; i++) {
		snprintf(id, sizeof(id), "id %d", i);
		assert_int_equal(input_queue_add(queue, id, "x", 1), INPUT_TAKEN);
		input_queue_typed(queue, 1);
	}
	assert_int_equal(input_queue_add(queue, "id 1", "x", 1), INPUT_HAD_IT);
	assert_int_equal(input_queue_add(queue, "id 1024", "x", 1), INPUT_HAD_IT);
	assert_int_equal(input_queue_add(queue, "id 0", "x", 1), INPUT_TAKEN);
	input_queue_free(queue);
}

static void input_that_does_not_fit_is_refused_whole(void **state)
{
	(void)state;
	static char much[SESSION_INPUT_QUEUE_BYTES];
	struct input_queue *queue = input_queue_new();
	size_t size;
	assert_int_equal(input_queue_add(queue, "a", much, sizeof(much) - 1), INPUT_TAKEN);
	assert_int_equal(input_queue_add(queue, "b", "xy", 2), INPUT_FULL);
	input_queue_next(queue, &size);
	assert_int_equal(size, sizeof(much) - 1);
	input_queue_typed(queue, 1);
	/* it was not remembered as typed */
	assert_int_equal(input_queue_add(queue, "b", "xy", 2), INPUT_TAKEN);
	input_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ring_keeps_the_newest_bytes_by_absolute_offset),
	    cmocka_unit_test(scrollback_gives_the_newest_lines_that_fit),
	    cmocka_unit_test(scrollback_is_bounded_in_lines_and_in_bytes),
	    cmocka_unit_test(input_is_typed_in_order_and_each_id_once),
	    cmocka_unit_test(the_last_thousand_ids_are_remembered),
	    cmocka_unit_test(input_that_does_not_fit_is_refused_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
