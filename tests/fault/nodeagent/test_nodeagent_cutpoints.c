/* kill -9 of the node agent at each of its cut-points, and of session hosts at theirs (S1-08, S1-10).
 * Without sandboxes, so that every start is counted from outside. */
#include "tests/fault/nodeagent/cut_scenario.h"

#include <stddef.h>

/* With an argument: only the cut-points that contain it. */
int main(int argc, char **argv)
{
	return cut_scenario_run_all("nodeagent-without-sandboxes", false, argc > 1 ? argv[1] : NULL);
}
