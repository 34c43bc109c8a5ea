/* The table of nodes. */
#include "controller/effects/node_table.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void count_entry(void *context, struct node_entry *entry)
{
	assert_true(entry->id[0] != '\0');
	++*(int *)context;
}

static void entries_stay_where_they_are_while_the_table_grows(void **state)
{
	(void)state;
	enum { NODES = 5000 };
	static struct node_entry *entries[NODES];
	struct node_table *table = node_table_new();
	char id[27];
	int count = 0;
	assert_null(node_table_find(table, "nobody"));
	for (int i = 0; i < NODES; i++) {
		snprintf(id, sizeof(id), "node-%d", i);
		entries[i] = node_table_get(table, id);
	}
	for (int i = 0; i < NODES; i++) {
		snprintf(id, sizeof(id), "node-%d", i);
		assert_ptr_equal(node_table_find(table, id), entries[i]);
		assert_ptr_equal(node_table_get(table, id), entries[i]);
		assert_string_equal(entries[i]->id, id);
	}
	assert_null(node_table_find(table, "node-5000"));
	node_table_each(table, count_entry, &count);
	assert_int_equal(count, NODES);
	node_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entries_stay_where_they_are_while_the_table_grows),
	};
	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
