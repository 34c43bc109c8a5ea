/* What must hold in a town after the killing. Each fails the test with what it found. */
#ifndef ROOST_TESTS_FAULT_SOAK_CHECKS_H
#define ROOST_TESTS_FAULT_SOAK_CHECKS_H

/* Waits until every node, workspace and session has come to a final state. */
void check_settles(void);

/* Every create that was answered is there once, unless its end was asked for; a key made one at most. */
void check_nothing_lost_or_doubled(void);

/* What says that it runs does run. */
void check_what_runs_can_be_used(void);

/* The two controllers' files hold the same, byte for byte. */
void check_projections_equal(void);

/* The log has the installation's aggregates and nothing else, and no consumer that nobody uses. */
void check_streams(void);

void check_all_can_be_deleted(void);

/* After the end: no process, mount, namespace, cgroup, folder, socket or firewall table is left. */
void check_nothing_left(void);

#endif
