/* Text for terminals: what others wrote cannot act on one. */
#include "controller/cli/text.h"
#include "tests/unit/cmocka_all.h"

#include <locale.h>
#include <string.h>

static void control_characters_are_shown_not_obeyed(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	static const struct {
		const char *in;
		const char *out;
		bool lines;
	} cases[] = {
	    {"plain", "plain", false},
	    {"\x1b[2J", "\\x1b[2J", false},
	    {"a\nb\tc", "a\\x0ab\\x09c", false},
	    {"a\nb\tc\r", "a\nb\tc\\x0d", true},
	    {"\x7f", "\\x7f", false},
	    {"\xc2\x9b", "\\x9b", false},
	    {"\xe2\x80\xae", "\\u202e", false},
	    {"\xff\xc3", "\\xff\\xc3", false},
	    {"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80", false},
	    {NULL, "", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_safe(cases[i].in, cases[i].lines, arena), cases[i].out);
	arena_free(arena);
}

static void widths_are_columns(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("caf\xc3\xa9"), 4);
	assert_int_equal(text_width("\xe6\xbc\xa2"), 2);
}

static void ages_are_short(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const int64_t now = INT64_C(1769862896000);
	assert_string_equal(text_age(0, now, arena), "");
	assert_string_equal(text_age(now + 5000, now, arena), "0s");
	assert_string_equal(text_age(now - 59999, now, arena), "59s");
	assert_string_equal(text_age(now - 60000, now, arena), "1m");
	assert_string_equal(text_age(now - 7200000, now, arena), "2h");
	assert_string_equal(text_age(now - INT64_C(864000000), now, arena), "10d");
	arena_free(arena);
}

static void short_ids_stay_unique(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const char *ids[] = {"01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB", "01BRZ3NDEKTSV4RRFFQ69G5FAA"};
	assert_int_equal(text_short_length(ids, 0, arena), 10);
	assert_int_equal(text_short_length(ids, 1, arena), 10);
	assert_int_equal(text_short_length(ids + 1, 2, arena), 10);
	assert_int_equal(text_short_length(ids, 3, arena), 26);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_are_shown_not_obeyed),
	    cmocka_unit_test(widths_are_columns),
	    cmocka_unit_test(ages_are_short),
	    cmocka_unit_test(short_ids_stay_unique),
	};
	return cmocka_run_group_tests_name("cli_text", tests, NULL, NULL);
}
