/* Display names within a node (S0-08). */
#include "bus/foundation/limits.h"
#include "controller/domain/names.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int make_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void take(struct workspace_states *taken, const char *id, const char *name)
{
	Roost__WorkspaceState *workspace;
	arena_message(arena, workspace, roost__workspace_state__init);
	arena_message(arena, workspace->resource, roost__workspace__init);
	workspace->resource->id = id;
	workspace->resource->display_name = name;
	workspace->name_key = name_key(name, arena);
	Roost__WorkspaceState **items = arena_array_of(arena, Roost__WorkspaceState *, taken->count + 1);
	for (size_t i = 0; i < taken->count; i++)
		items[i] = taken->items[i];
	items[taken->count++] = workspace;
	taken->items = items;
}

static void test_names_are_compared_trimmed_and_in_lower_case(void **state)
{
	(void)state;
	assert_string_equal(name_key("  API  ", arena), "api");
	assert_string_equal(name_key("a  B", arena), "a  b");
	assert_string_equal(name_key("GRÖSSE ÀÞ", arena), "grösse àþ");
	assert_string_equal(name_key("×÷", arena), "×÷");
	assert_string_equal(name_key("ŁÓDŹ Ĺ Ž", arena), "łódź ĺ ž");
	assert_string_equal(name_key("ΑΩ", arena), "αω");
	assert_string_equal(name_key("ЁЖЯ", arena), "ёжя");
	assert_string_equal(name_key("日本", arena), "日本");
	assert_string_equal(name_key("İ", arena), "İ");
}

static void test_a_free_name_is_only_trimmed(void **state)
{
	(void)state;
	struct workspace_states taken = {0};
	take(&taken, "1", "web");
	assert_string_equal(name_make_unique("  Api ", &taken, NULL, arena), "Api");
}

static void test_the_first_free_suffix_is_taken(void **state)
{
	(void)state;
	struct workspace_states taken = {0};
	take(&taken, "1", "api");
	assert_string_equal(name_make_unique("API", &taken, NULL, arena), "API (2)");
	take(&taken, "2", "Api (2)");
	take(&taken, "4", "api (4)");
	assert_string_equal(name_make_unique("api", &taken, NULL, arena), "api (3)");
	take(&taken, "3", "api (3)");
	assert_string_equal(name_make_unique("api", &taken, NULL, arena), "api (5)");
	assert_string_equal(name_make_unique("api (2)", &taken, NULL, arena), "api (2) (2)");
}

static void test_what_only_looks_like_a_suffix_takes_nothing(void **state)
{
	(void)state;
	static const char *const others[] = {"api (02)", "api (2) ",	"api (2",   "api (x)", "api (1)",
					     "api(2)",	 "api (10000)", "api (2)x", "apiary"};
	struct workspace_states taken = {0};
	take(&taken, "1", "api");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], "api (2) ") != 0) /* trimmed, that one is the suffix */
			take(&taken, others[i], others[i]);
	assert_string_equal(name_make_unique("api", &taken, NULL, arena), "api (2)");
}

static void test_a_renamed_workspace_does_not_stand_in_its_own_way(void **state)
{
	(void)state;
	struct workspace_states taken = {0};
	take(&taken, "1", "api");
	take(&taken, "2", "api (2)");
	assert_string_equal(name_make_unique("API", &taken, "1", arena), "API");
	assert_string_equal(name_make_unique("api", &taken, "2", arena), "api (2)");
}

static void test_after_9999_there_is_no_name_left(void **state)
{
	(void)state;
	struct workspace_states taken = {.items = arena_array_of(arena, Roost__WorkspaceState *, NAME_SUFFIX_MAX)};
	for (int i = 1; i <= NAME_SUFFIX_MAX; i++) {
		struct workspace_states one = {0};
		take(&one, "x", i == 1 ? "api" : arena_printf(arena, "api (%d)", i));
		taken.items[taken.count++] = one.items[0];
		if (i == NAME_SUFFIX_MAX - 1)
			assert_string_equal(name_make_unique("api", &taken, NULL, arena), "api (9999)");
	}
	assert_null(name_make_unique("api", &taken, NULL, arena));
	assert_string_equal(name_make_unique("other", &taken, NULL, arena), "other");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_arena, free_arena)
	const struct CMUnitTest tests[] = {
	    TEST(test_names_are_compared_trimmed_and_in_lower_case),
	    TEST(test_a_free_name_is_only_trimmed),
	    TEST(test_the_first_free_suffix_is_taken),
	    TEST(test_what_only_looks_like_a_suffix_takes_nothing),
	    TEST(test_a_renamed_workspace_does_not_stand_in_its_own_way),
	    TEST(test_after_9999_there_is_no_name_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
