/* Properties over random sequences of decisions: whatever users, agents and timers do, in whatever
 * order, no decision fails to apply and the invariants hold. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_steps.h"

#include <string.h>

enum { LIVES = 60, STEPS = 300 };

/* S0-08, S0-19, S1-05..07, S1-16, D5, D11 */
static void test_whatever_happens_the_invariants_hold(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		struct random_life life;
		struct world *world = world_new();
		random_life_begin(&life, world, seed);
		for (int i = 0; i < STEPS; i++) {
			random_step(&life);
			random_life_check(&life);
		}
		assert_true(life.workspace_count > 3 && world->log_count > 40);
		random_life_end(&life);
		world_free(world);
	}
}

/* The same decisions give the same bytes. */
static void test_decisions_are_deterministic(void **state)
{
	(void)state;
	struct random_life lives[2];
	struct world *worlds[2];
	for (int i = 0; i < 2; i++) {
		worlds[i] = world_new();
		random_life_begin(&lives[i], worlds[i], 42);
		for (int j = 0; j < STEPS; j++)
			random_step(&lives[i]);
	}
	assert_int_equal(worlds[0]->log_count, worlds[1]->log_count);
	for (size_t i = 0; i < worlds[0]->log_count; i++) {
		assert_int_equal(worlds[0]->log[i].size, worlds[1]->log[i].size);
		assert_memory_equal(worlds[0]->log[i].data, worlds[1]->log[i].data, worlds[0]->log[i].size);
	}
	for (int i = 0; i < 2; i++) {
		random_life_end(&lives[i]);
		world_free(worlds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whatever_happens_the_invariants_hold),
	    cmocka_unit_test(test_decisions_are_deterministic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
