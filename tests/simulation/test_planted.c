/* The simulation finds what it is there to find: with each planted bug switched on, one of the first
 * seeds fails. Each bug has a process of its own, which may end in any way that is not success. */
#include "bus/foundation/planted.h"
#include "tests/simulation/simulation.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS = 600 };

/* Ends with 1 when a seed fails. */
static void look_for(enum planted bug)
{
	setenv("ROOST_PLANTED", planted_name(bug), 1);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct simulation simulation = {0};
		if (!simulation_run(&simulation, seed)) {
			printf("%s: seed %d: %s\n", planted_name(bug), (int)seed, simulation.failure);
			fflush(stdout);
			_exit(1);
		}
		simulation_free(&simulation);
	}
	_exit(0);
}

static void test_each_planted_bug_is_found(void **state)
{
	(void)state;
	bool all = true;
	for (int bug = 0; bug < PLANTED_COUNT; bug++) {
		int status = 0;
		fflush(stdout);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			look_for((enum planted)bug);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			printf("%s is not found: %s\n", planted_name((enum planted)bug),
			       planted_sentence((enum planted)bug));
			all = false;
		}
	}
	assert_true(all);
}

static void test_there_are_at_least_ten(void **state)
{
	(void)state;
	assert_true(PLANTED_COUNT >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_are_at_least_ten),
	    cmocka_unit_test(test_each_planted_bug_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
