/* What a person types means one thing, or an error that lists what it may mean. */
#include "controller/cli/resolve.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define ID_A "01ARZ3NDEKTSV4RRFFQ69G5FAA"
#define ID_B "01ARZ3NDEKTSV4RRFFQ69G5FAB"
#define ID_C "01BRZ3NDEKTSV4RRFFQ69G5FAC"

static const struct candidate things[] = {
    {.id = ID_A, .name = "api", .place = "n1"},
    {.id = ID_B, .name = "API", .place = "n2"},
    {.id = ID_C, .name = "web", .place = "n1"},
    {.id = "01CRZ3NDEKTSV4RRFFQ69G5FAD", .name = "shell", .ended = true},
    {.id = "01DRZ3NDEKTSV4RRFFQ69G5FAD", .name = "shell"},
    {.id = "01ERZ3NDEKTSV4RRFFQ69G5FAD", .name = "old", .ended = true},
    {.id = "01FRZ3NDEKTSV4RRFFQ69G5FAD", .name = "01A"},
    {.id = "01GRZ3NDEKTSV4RRFFQ69G5FAD", .name = NULL},
    {.id = "01HRZ3NDEKTSV4RRFFQ69G5FAD", .name = "two"},
    {.id = "01JRZ3NDEKTSV4RRFFQ69G5FAD", .name = "two"},
};

static bool choose(const char *text, size_t *chosen, struct error *error)
{
	struct arena *arena = arena_new();
	bool good =
	    resolve_choose(KIND_WORKSPACE, text, things, sizeof(things) / sizeof(things[0]), arena, chosen, error);
	arena_free(arena);
	return good;
}

static void means(const char *text, const char *id)
{
	size_t chosen = 0;
	struct error error = {0};
	if (!choose(text, &chosen, &error))
		fail_msg("%s: %s", text, error.message);
	assert_string_equal(things[chosen].id, id);
}

static void an_id_a_unique_name_and_a_unique_prefix_are_found(void **state)
{
	(void)state;
	means(ID_A, ID_A);
	means("01arz3ndektsv4rrffq69g5fab", ID_B);
	means("web", ID_C);
	means("WEB", ID_C);
	means("01b", ID_C);
	means("01G", things[7].id);
}

static void a_name_counts_before_a_prefix_and_what_lives_before_what_has_ended(void **state)
{
	(void)state;
	means("01A", things[6].id);
	means("shell", things[4].id);
	means("old", things[5].id);
}

static void what_may_mean_several_things_is_refused_with_their_list(void **state)
{
	(void)state;
	size_t chosen;
	struct error error = {0};
	assert_false(choose("two", &chosen, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	assert_non_null(strstr(error.message, "\"two\" may mean 2 workspaces"));
	assert_non_null(strstr(error.message, things[8].id));
	assert_non_null(strstr(error.message, things[9].id));
	assert_false(choose("api", &chosen, &error));
	assert_non_null(strstr(error.message, ID_A "  api in n1"));
	assert_false(choose("01", &chosen, &error));
	assert_non_null(strstr(error.message, "may mean 10 workspaces"));
	assert_non_null(strstr(error.message, "..."));
}

static void what_means_nothing_is_not_found(void **state)
{
	(void)state;
	const char *nothing[] = {"", "ap", "nope", "../..", "01ARZ3NDEKTSV4RRFFQ69G5FAAX", "\x1b[2J"};
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		size_t chosen;
		struct error error = {0};
		assert_false(choose(nothing[i], &chosen, &error));
		assert_int_equal(error.code, ERROR_WORKSPACE_NOT_FOUND);
		assert_null(strchr(error.message, '\x1b'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_a_unique_name_and_a_unique_prefix_are_found),
	    cmocka_unit_test(a_name_counts_before_a_prefix_and_what_lives_before_what_has_ended),
	    cmocka_unit_test(what_may_mean_several_things_is_refused_with_their_list),
	    cmocka_unit_test(what_means_nothing_is_not_found),
	};
	return cmocka_run_group_tests_name("cli_resolve", tests, NULL, NULL);
}
