/* Children stand below their parents, and those of a collapsed one are counted instead. */
#include "controller/cli/tree.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

/* The rows as one line: a depth's worth of dots, the id, and how many are hidden. */
static void expect_rows(const struct tree_item *items, size_t count, bool all, const char *wanted)
{
	struct arena *arena = arena_new();
	char text[256] = "";
	size_t row_count, length = 0;
	const struct tree_row *rows = tree_rows(items, count, all, arena, &row_count);
	for (size_t i = 0; i < row_count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%.*s%s%zu ", (int)rows[i].depth,
					   "......", items[rows[i].item].id, rows[i].hidden);
	assert_string_equal(text, wanted);
	arena_free(arena);
}

static void children_stand_below_their_parents(void **state)
{
	(void)state;
	const struct tree_item items[] = {{"c", "b", false}, {"a", NULL, false}, {"b", "a", false}, {"d", NULL, false}};
	expect_rows(items, 4, false, "a0 .b0 ..c0 d0 ");
	expect_rows(items, 0, false, "");
}

static void a_collapsed_one_counts_what_it_hides(void **state)
{
	(void)state;
	const struct tree_item items[] = {{"a", NULL, true}, {"b", "a", true}, {"c", "b", false}, {"d", NULL, false}};
	expect_rows(items, 4, false, "a2 d0 ");
	expect_rows(items, 4, true, "a0 .b0 ..c0 d0 ");
}

static void without_its_parent_a_child_stands_at_the_top(void **state)
{
	(void)state;
	const struct tree_item items[] = {{"b", "gone", false}, {"a", NULL, false}};
	expect_rows(items, 2, false, "b0 a0 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(children_stand_below_their_parents),
	    cmocka_unit_test(a_collapsed_one_counts_what_it_hides),
	    cmocka_unit_test(without_its_parent_a_child_stands_at_the_top),
	};
	return cmocka_run_group_tests_name("cli_tree", tests, NULL, NULL);
}
