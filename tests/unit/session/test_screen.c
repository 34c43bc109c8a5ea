/* The screen as text, and that the fast way for plain lines shows what the slow way would. */
#include "nodeagent/session/screen.h"

#include "bus/foundation/limits.h"
#include "nodeagent/session/frame.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libvterm 0.1.4 answers an unknown DECRQSS with the format "%.s" and an int for it: nothing is read
 * through it, but the sanitizer's own printf tries. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "check_printf=0";
}

static void write_all(struct screen *screen, const char *data, size_t size, size_t at_once)
{
	for (size_t at = 0; at < size;) {
		size_t part = size - at < at_once ? size - at : at_once;
		at += screen_write(screen, data + at, part);
	}
}

static void assert_shows(struct screen *screen, uint32_t lines, const char *expected)
{
	struct arena *arena = arena_new();
	struct screen_text text = screen_text(screen, lines, arena);
	assert_string_equal(text.text, expected);
	assert_int_equal(text.size, strlen(expected));
	arena_free(arena);
}

static void show(const char *output, const char *expected)
{
	struct screen *screen = screen_new(20, 5, NULL, NULL);
	write_all(screen, output, strlen(output), SIZE_MAX);
	assert_shows(screen, 0, expected);
	screen_free(screen);
}

static void the_screen_is_shown_without_trailing_blanks(void **state)
{
	(void)state;
	show("", "");
	show("one  \r\n\r\n  two \r\n\r\n", "one\n\n  two\n");
	show("abc\b\bX", "aXc\n");
	show("\x1b[3;4Hthere", "\n\n   there\n");
	show("1\r\n2\r\n3\r\n4\r\n5\r\n6", "2\n3\n4\n5\n6\n");
}

static void wide_and_combined_characters_stay_what_they_are(void **state)
{
	(void)state;
	show("caf\xc3\xa9 e\xcc\x81 \xe6\xbc\xa2\xe5\xad\x97|", "caf\xc3\xa9 e\xcc\x81 \xe6\xbc\xa2\xe5\xad\x97|\n");
	show("\xf0\x9f\x91\x8d ok", "\xf0\x9f\x91\x8d ok\n");
	/* what is no UTF-8 becomes the replacement character, and the text stays valid */
	show("a\xff\xfe b", "a\xef\xbf\xbd\xef\xbf\xbd b\n");
}

static void the_alternate_screen_is_shown_while_it_is_up(void **state)
{
	(void)state;
	struct screen *screen = screen_new(20, 5, NULL, NULL);
	const char *vim = "$ vim\r\n\x1b[?1049h\x1b[2J\x1b[1;1Htext\x1b[5;1H-- INSERT --";
	write_all(screen, vim, strlen(vim), SIZE_MAX);
	assert_shows(screen, 0, "text\n\n\n\n-- INSERT --\n");
	write_all(screen, "\x1b[?1049l", 8, SIZE_MAX);
	assert_shows(screen, 0, "$ vim\n");
	screen_free(screen);
}

static void the_last_lines_reach_into_the_scrollback(void **state)
{
	(void)state;
	struct screen *screen = screen_new(20, 3, NULL, NULL);
	const char *output = "1\r\n2\r\n3\r\n4\r\n5";
	write_all(screen, output, strlen(output), SIZE_MAX);
	assert_shows(screen, 0, "3\n4\n5\n");
	assert_shows(screen, 2, "4\n5\n");
	assert_shows(screen, 4, "2\n3\n4\n5\n");
	assert_shows(screen, 100, "1\n2\n3\n4\n5\n");
	screen_free(screen);
}

static void a_resize_keeps_what_was_there(void **state)
{
	(void)state;
	struct screen *screen = screen_new(20, 5, NULL, NULL);
	write_all(screen, "1\r\n2\r\n3\r\n4\r\n5", 13, SIZE_MAX);
	screen_resize(screen, 40, 3);
	assert_shows(screen, 5, "1\n2\n3\n4\n5\n");
	write_all(screen, "\r\nthirty characters in one line", 32, SIZE_MAX);
	assert_shows(screen, 2, "5\nthirty characters in one line\n");
	screen_resize(screen, 1, 1);
	screen_resize(screen, TERMINAL_SIDE_MAX, TERMINAL_SIDE_MAX);
	write_all(screen, "\x1b[999;999Hx", 11, SIZE_MAX);
	screen_free(screen);
}

static void a_screen_has_only_so_many_cells(void **state)
{
	(void)state;
	uint32_t cols = 0, rows = 0;
	screen_fit(&cols, &rows);
	assert_true(cols == 1 && rows == 1);
	cols = rows = 100000;
	screen_fit(&cols, &rows);
	assert_true(cols == TERMINAL_SIDE_MAX && rows == SESSION_CELLS_MAX / TERMINAL_SIDE_MAX);
	cols = 80, rows = 24;
	screen_fit(&cols, &rows);
	assert_true(cols == 80 && rows == 24);
}

static void keep_answer(void *context, const char *data, size_t size)
{
	strncat(context, data, size);
}

static void the_terminal_answers_where_its_cursor_is(void **state)
{
	(void)state;
	char answer[64] = "";
	struct screen *screen = screen_new(20, 5, keep_answer, answer);
	write_all(screen, "ab\r\ncd\x1b[6n", 10, SIZE_MAX);
	assert_string_equal(answer, "\x1b[2;3R");
	screen_free(screen);
}

static void text_is_cut_to_its_limit_at_a_line(void **state)
{
	(void)state;
	struct screen *screen = screen_new(1000, 2, NULL, NULL);
	char line[1002];
	memset(line, 'x', 1000);
	memcpy(line + 1000, "\r\n", 2);
	for (int i = 0; i < 1000; i++)
		write_all(screen, line, sizeof(line), SIZE_MAX);
	struct arena *arena = arena_new();
	struct screen_text text = screen_text(screen, 5000, arena);
	assert_int_equal(text.size, SESSION_TEXT_BYTES_MAX / 1001 * 1001);
	arena_free(arena);
	screen_free(screen);
}

/* ---- the fast way ---- */

struct output {
	char *data;
	size_t size, capacity;
};

static void put(struct output *output, const char *text, size_t size)
{
	while (output->size + size >= output->capacity) {
		output->capacity = output->capacity * 2 + 4096;
		output->data = realloc(output->data, output->capacity);
	}
	memcpy(output->data + output->size, text, size);
	output->size += size;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void put_plain_lines(struct output *output, uint32_t *seed, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char line[64];
		uint32_t length = next_random(seed) % 45;
		for (uint32_t k = 0; k < length; k++)
			line[k] = (char)(' ' + next_random(seed) % 95);
		put(output, line, length);
		put(output, "\r\n", 2);
	}
}

/* Everything that changes what a plain line does. (The letters beyond ASCII end their line, because libvterm
 * chooses the character set of a run by its first byte, so that the pieces it comes in would matter.) */
static const char *const disturbances[] = {
    "\x1b[2;6r",
    "\x1b[r",
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b(0",
    "\x1b(B",
    "\x0e",
    "\x0f",
    "\x1b[4h",
    "\x1b[4l",
    "\x1b[?7l",
    "\x1b[?7h",
    "\x1b[20h",
    "\x1b[20l",
    "\x1b[?69h\x1b[5;9s",
    "\x1b[?69l",
    "\x1b[5;5H",
    "\x1b[1;3r\x1b[8;1H",
    "\x1b[31;7m",
    "\x1b[m",
    "\xc3\xa9\xe6\xbc\xa2\r\n",
    "half a line",
    "\r\n",
    "\x1b]2;title",
    "\x1b\\",
    "\x07",
    "\x1bP1$q",
    "\t",
    "\x1b[?6h",
    "\x1b[?6l",
    "\x1b#6",
    "\x1b#8",
    "\x1b[2J",
    "\033c",
    "\x1b[!p",
    "\x1b[3J",
    "\n\n",
    "\x1b[10L",
    "\x1b[5M",
    "\x1bM",
};

static void the_fast_way_shows_what_the_slow_way_would(void **state)
{
	(void)state;
	for (uint32_t round = 1; round <= 300; round++) {
		uint32_t seed = round;
		struct output output = {0};
		for (int i = 0; i < 6; i++) {
			size_t which = next_random(&seed) % (sizeof(disturbances) / sizeof(disturbances[0]));
			if (i > 0 || round % 2 == 0)
				put(&output, disturbances[which], strlen(disturbances[which]));
			put_plain_lines(&output, &seed, next_random(&seed) % 120);
		}
		struct screen *slow = screen_new(40, 8, NULL, NULL);
		struct screen *fast = screen_new(40, 8, NULL, NULL);
		write_all(slow, output.data, output.size, 100);
		write_all(fast, output.data, output.size, SIZE_MAX);
		struct arena *arena = arena_new();
		struct screen_text expected = screen_text(slow, 5000, arena);
		struct screen_text shown = screen_text(fast, 5000, arena);
		if (strcmp(expected.text, shown.text) != 0)
			print_error("round %u\n", round);
		assert_string_equal(shown.text, expected.text);
		assert_int_equal(shown.screen_lines, expected.screen_lines);
		assert_true(frame_text_valid(shown.text, shown.size));
		arena_free(arena);
		screen_free(slow);
		screen_free(fast);
		free(output.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_screen_is_shown_without_trailing_blanks),
	    cmocka_unit_test(wide_and_combined_characters_stay_what_they_are),
	    cmocka_unit_test(the_alternate_screen_is_shown_while_it_is_up),
	    cmocka_unit_test(the_last_lines_reach_into_the_scrollback),
	    cmocka_unit_test(a_resize_keeps_what_was_there),
	    cmocka_unit_test(a_screen_has_only_so_many_cells),
	    cmocka_unit_test(the_terminal_answers_where_its_cursor_is),
	    cmocka_unit_test(text_is_cut_to_its_limit_at_a_line),
	    cmocka_unit_test(the_fast_way_shows_what_the_slow_way_would),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
