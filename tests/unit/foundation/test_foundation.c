/* The small parts that everything stands on: arena, errors and their table, ULIDs, server clock. */
#include "bus/foundation/arena.h"
#include "bus/foundation/clock.h"
#include "bus/foundation/error.h"
#include "bus/foundation/ulid.h"
#include "bus/foundation/utf8.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void an_arena_serves_small_and_large_and_forgets_at_reset(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	for (size_t size = 0; size < 100000; size = size * 2 + 1) {
		unsigned char *memory = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)memory % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xff, size);
	}
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
	assert_string_equal(arena_printf(arena, "%s-%d", "a", 7), "a-7");
	assert_null(arena_strdup(arena, NULL));
	arena_free(arena);
	arena_free(NULL);
}

static void every_error_code_has_one_row_with_its_own_word(void **state)
{
	(void)state;
	for (int code = 1; code < ERROR_CODE_COUNT; code++) {
		const char *name = error_code_name((enum error_code)code);
		assert_int_equal(error_code_from_name(name), code);
		assert_true(strlen(name) > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
		assert_true(strlen(error_code_sentence((enum error_code)code)) > 10);
		int status = error_code_http_status((enum error_code)code);
		assert_true(status >= 400 && status <= 599);
		for (int other = 1; other < code; other++)
			assert_string_not_equal(name, error_code_name((enum error_code)other));
	}
	assert_int_equal(error_code_from_name("no_such_code"), ERROR_INTERNAL);
	assert_int_equal(error_code_from_name(NULL), ERROR_INTERNAL);
}

static void an_error_gathers_context_while_it_climbs(void **state)
{
	(void)state;
	struct error error;
	assert_false(error_errno(&error, ENOENT, "open %s", "x"));
	assert_false(error_wrap(&error, "start workspace %d", 17));
	assert_int_equal(error.code, ERROR_INTERNAL);
	assert_string_equal(error.message, "start workspace 17: open x: No such file or directory");
	assert_false(error_set(NULL, ERROR_BUSY, "nobody listens"));
}

static void an_error_message_that_is_too_long_is_cut(void **state)
{
	(void)state;
	struct error error;
	char text[2 * ERROR_MESSAGE_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&error, ERROR_BUSY, "%s", text);
	assert_int_equal(strlen(error.message), ERROR_MESSAGE_MAX - 1);
	for (int i = 0; i < 3; i++)
		error_wrap(&error, "%s", text);
	assert_int_equal(strlen(error.message), ERROR_MESSAGE_MAX - 1);
}

static void ulids_sort_by_time_and_are_recognised(void **state)
{
	(void)state;
	struct ulid earlier = ulid_new(1000);
	struct ulid later = ulid_new(1001);
	assert_true(ulid_valid(earlier.text) && ulid_valid(later.text));
	assert_true(strcmp(earlier.text, later.text) < 0);
	const char *bad[] = {"",
			     "01ARZ3NDEKTSV4RRFFQ69G5FA",
			     "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
			     "81ARZ3NDEKTSV4RRFFQ69G5FAV",
			     "01arz3ndektsv4rrffq69g5fav",
			     "01ARZ3NDEKTSV4RRFFQ69G5FAI",
			     "../../../../../../../../..",
			     NULL};
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_false(ulid_valid(bad[i]));
	assert_false(ulid_valid(NULL));
}

static void the_server_clock_takes_the_middle_of_the_round_trip(void **state)
{
	(void)state;
	struct server_clock clock = {0};
	assert_false(server_clock_fresh(&clock));
	int64_t now = clock_monotonic_ms();
	server_clock_learn(&clock, 5000000, now - 10, now);
	assert_true(server_clock_fresh(&clock));
	int64_t server = server_clock_now_ms(&clock);
	assert_true(server >= 5000005 && server < 5000005 + 5000);
}

static void only_the_one_spelling_of_a_character_is_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
		uint32_t character;
	} cases[] = {
	    {"a", 1, 'a'},
	    {"\xc2\x80", 2, 0x80},
	    {"\xdf\xbf", 2, 0x7ff},
	    {"\xe0\xa0\x80", 3, 0x800},
	    {"\xed\x9f\xbf", 3, 0xd7ff},
	    {"\xf0\x90\x80\x80", 4, 0x10000},
	    {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	    {"\xc0\x80", 0, 0},
	    {"\xc1\xbf", 0, 0},
	    {"\xe0\x9f\xbf", 0, 0},
	    {"\xed\xa0\x80", 0, 0},
	    {"\xf0\x8f\xbf\xbf", 0, 0},
	    {"\xf4\x90\x80\x80", 0, 0},
	    {"\xf5\x80\x80\x80", 0, 0},
	    {"\x80", 0, 0},
	    {"\xc3", 0, 0},
	    {"\xe2\x82", 0, 0},
	    {"\xc3(", 0, 0},
	    {"", 0, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t character = 0;
		char again[4] = "";
		assert_int_equal(utf8_read(cases[i].text, &character), cases[i].length);
		if (cases[i].length == 0)
			continue;
		assert_int_equal(character, cases[i].character);
		utf8_write(again, cases[i].length, character);
		assert_memory_equal(again, cases[i].text, cases[i].length);
	}
}

static void text_is_cut_and_repaired_between_characters(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	assert_int_equal(utf8_prefix("caf\xc3\xa9", 4), 3);
	assert_int_equal(utf8_prefix("caf\xc3\xa9", 5), 5);
	assert_int_equal(utf8_prefix("\xf0\x9f\x98\x80", 3), 0);
	assert_string_equal(utf8_repaired("a\xffz\xc3", arena), "a\xef\xbf\xbdz\xef\xbf\xbd");
	assert_null(utf8_repaired(NULL, arena));
	assert_true(utf8_printable("caf\xc3\xa9"));
	const char *bad[] = {"\n", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xe2\x81\xa6", "a\xff"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_printable(bad[i]));
	assert_false(utf8_valid("a\0b", 3));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_arena_serves_small_and_large_and_forgets_at_reset),
	    cmocka_unit_test(every_error_code_has_one_row_with_its_own_word),
	    cmocka_unit_test(an_error_gathers_context_while_it_climbs),
	    cmocka_unit_test(an_error_message_that_is_too_long_is_cut),
	    cmocka_unit_test(ulids_sort_by_time_and_are_recognised),
	    cmocka_unit_test(only_the_one_spelling_of_a_character_is_utf8),
	    cmocka_unit_test(text_is_cut_and_repaired_between_characters),
	    cmocka_unit_test(the_server_clock_takes_the_middle_of_the_round_trip),
	};
	return cmocka_run_group_tests_name("foundation", tests, NULL, NULL);
}
