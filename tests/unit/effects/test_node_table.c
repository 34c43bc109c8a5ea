/* The table of nodes, and health from silence. */
#include "controller/effects/beats.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void health_gets_worse_with_silence(void **state)
{
	(void)state;
	static const struct {
		int64_t silent_ms;
		Roost__Node__Health health;
	} cases[] = {
	    {0, ROOST__NODE__HEALTH__HEALTHY},	     {30000, ROOST__NODE__HEALTH__HEALTHY},
	    {30001, ROOST__NODE__HEALTH__STALE},     {60000, ROOST__NODE__HEALTH__STALE},
	    {60001, ROOST__NODE__HEALTH__UNHEALTHY}, {INT64_MAX, ROOST__NODE__HEALTH__UNHEALTHY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(beats_health(cases[i].silent_ms, 30000), cases[i].health);
}

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
	    cmocka_unit_test(health_gets_worse_with_silence),
	    cmocka_unit_test(entries_stay_where_they_are_while_the_table_grows),
	};
	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
