/* kill -9 of the node agent at each of its cut-points, and of session hosts at theirs (S1-08, S1-10).
 * Without sandboxes, so that every start is counted from outside. */
#include "tests/fault/nodeagent/cut_scenario.h"
#include "tests/unit/cmocka_all.h"

static const char *only;

static void a_kill_at_any_cutpoint_is_made_good(void **state)
{
	(void)state;
	cut_scenario_run_all("nodeagent-without-sandboxes", false, only);
}

/* With an argument: only the cut-points that contain it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_at_any_cutpoint_is_made_good)};
	only = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
