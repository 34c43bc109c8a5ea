/* What one look shows is forgotten when the next one of the same pass does not show it (D16). */
#include "sweeper/sightings.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

#define UNKNOWN ROOST__SWEEP_FINDING__PASS__UNKNOWN
#define ABSENT	ROOST__SWEEP_FINDING__PASS__ABSENT

static int64_t look(struct sightings *sightings, Roost__SweepFinding__Pass pass, const char *id, int64_t now_ms)
{
	sightings_begin(sightings, pass);
	int64_t first_ms = id == NULL ? 0 : sightings_see(sightings, pass, id, now_ms);
	sightings_end(sightings, pass);
	return first_ms;
}

static void the_first_look_is_remembered_until_a_look_shows_nothing(void **state)
{
	struct sightings sightings = {0};
	(void)state;
	assert_int_equal(look(&sightings, UNKNOWN, "a", 100), 0);
	assert_int_equal(look(&sightings, UNKNOWN, "a", 200), 100);
	assert_int_equal(look(&sightings, UNKNOWN, "a", 300), 100);
	assert_int_equal(look(&sightings, UNKNOWN, NULL, 400), 0);
	assert_int_equal(look(&sightings, UNKNOWN, "a", 500), 0);
	assert_int_equal(look(&sightings, UNKNOWN, "a", 600), 500);
	sightings_clear(&sightings);
}

static void passes_do_not_see_for_each_other(void **state)
{
	struct sightings sightings = {0};
	(void)state;
	assert_int_equal(look(&sightings, UNKNOWN, "a", 100), 0);
	assert_int_equal(look(&sightings, ABSENT, "a", 200), 0);
	assert_int_equal(look(&sightings, ABSENT, NULL, 300), 0);
	assert_int_equal(look(&sightings, UNKNOWN, "a", 400), 100);
	sightings_clear(&sightings);
}

static void a_list_that_names_it_twice_shows_it_once(void **state)
{
	struct sightings sightings = {0};
	(void)state;
	sightings_begin(&sightings, UNKNOWN);
	assert_int_equal(sightings_see(&sightings, UNKNOWN, "a", 100), 0);
	assert_int_equal(sightings_see(&sightings, UNKNOWN, "a", 100), 0);
	sightings_end(&sightings, UNKNOWN);
	assert_int_equal(sightings.count, 1);
	sightings_clear(&sightings);
}

static void what_finds_no_room_is_never_seen_twice(void **state)
{
	struct sightings sightings = {0};
	char id[27];
	(void)state;
	for (int round = 0; round < 2; round++) {
		sightings_begin(&sightings, UNKNOWN);
		for (int i = 0; i < SIGHTINGS_PER_NODE_MAX + 10; i++) {
			snprintf(id, sizeof(id), "%d", i);
			int64_t first_ms = sightings_see(&sightings, UNKNOWN, id, 100 + round);
			assert_int_equal(first_ms, round == 1 && i < SIGHTINGS_PER_NODE_MAX ? 100 : 0);
		}
		sightings_end(&sightings, UNKNOWN);
	}
	assert_int_equal(sightings.count, SIGHTINGS_PER_NODE_MAX);
	sightings_clear(&sightings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_look_is_remembered_until_a_look_shows_nothing),
	    cmocka_unit_test(passes_do_not_see_for_each_other),
	    cmocka_unit_test(a_list_that_names_it_twice_shows_it_once),
	    cmocka_unit_test(what_finds_no_room_is_never_seen_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
