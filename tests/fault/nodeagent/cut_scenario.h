/* The life of two workspaces and two sessions, lived through by an agent that is killed once on the way
 * and started again. */
#ifndef ROOST_TESTS_FAULT_NODEAGENT_CUT_SCENARIO_H
#define ROOST_TESTS_FAULT_NODEAGENT_CUT_SCENARIO_H

#include "tests/integration/nodeagent/bench.h"

/* Runs it as one test for each cut-point of the node agent and of session hosts, with the program of that
 * name, and checks: the cut happened, nothing was started twice, everything reached its final state and
 * was told once, and nothing is left. `started_inside`: sessions see /workspace, else the test's own
 * folder. `only` (NULL for all) limits it to the cut-points that contain it. Returns what main returns. */
int cut_scenario_run_all(const char *program, bool started_inside, const char *only);

#endif
