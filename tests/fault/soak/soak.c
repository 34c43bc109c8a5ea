/* The whole product under random kill -9 while people create, stop, restart, rebuild and delete workspaces,
 * start sessions, and stop and start the node. Again and again the killing pauses: then nothing that was
 * answered is lost, nothing exists twice, everything has come to a final state, what runs can be used, and
 * two controllers hold the same. At the end nothing is left behind.
 * Proves S0-04, S0-05, S0-11, S0-33, S1-02, S1-09, S1-10, S1-11, D5, D12.
 *
 * usage: soak [seconds] [seed]. A seed replays the choices, not the timing. */
#include "bus/foundation/clock.h"
#include "tests/fault/soak/checks.h"
#include "tests/fault/soak/town.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

enum { SECONDS = 20, ROUND_SECONDS = 120 };

static int64_t seconds = SECONDS;

static void random_kills_lose_nothing(void **state)
{
	(void)state;
	town_begin();
	while (seconds > 0) {
		int64_t round = seconds < ROUND_SECONDS ? seconds : ROUND_SECONDS;
		town_under_fire(round * 1000);
		seconds -= round;
		/* Somebody may have stopped the node; it may be running already. */
		check_settles();
		roost("node", "start", town.node_id, "--wait");
		check_settles();
		town_tell_work();
		check_nothing_lost_or_doubled();
		check_what_runs_can_be_used();
		check_projections_equal();
		check_streams();
	}
	check_all_can_be_deleted();
	check_projections_equal();
	town_end();
	check_nothing_left();
}

static int tear_down(void **state)
{
	(void)state;
	installed_tell();
	town_end();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_kills_lose_nothing, tear_down)};
	unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)clock_wall_ms();
	if (argc > 1)
		seconds = strtol(argv[1], NULL, 10);
	printf("seed %u\n", seed);
	fflush(stdout);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
