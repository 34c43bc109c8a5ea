/* A controller, a fake node agent and sweepers as programs, on one nats-server. */
#ifndef ROOST_TESTS_INTEGRATION_SWEEPER_FIXTURE_H
#define ROOST_TESTS_INTEGRATION_SWEEPER_FIXTURE_H

#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"

enum { SWEEPERS_MAX = 2 };

struct sweepers {
	struct controllers controllers;
	struct fake_agent *agent;
	const char *owner; /* whose events are counted: alice */
	const char *node;  /* alice's, running */
	struct process processes[SWEEPERS_MAX];
};

/* For cmocka: a running controller with short times, and the node with its agent. The state is a
 * struct sweepers. */
int sweepers_set_up(void **state);
int sweepers_tear_down(void **state);

/* Starts sweeper `index` and waits until it answers. Its passes look every second, with a grace and a
 * stop timeout of a second, and an age of an hour for what is in no log. `environment` (NULL for none)
 * goes on top. The file of its projection is its own and stays when it ends. */
void sweepers_start(struct sweepers *sweepers, int index, const char *const *environment);
void sweepers_stop(struct sweepers *sweepers, int index); /* SIGTERM, exit code 0 */

/* What sweeper `index` has written to its log. */
bool sweepers_log_has(struct sweepers *sweepers, int index, const char *text);

/* Waits until the sweepers have asked the agent for so many more inventories: that many looks. */
void sweepers_await_looks(struct sweepers *sweepers, int more);

/* Of the log. */
uint64_t sweepers_last_seq(struct sweepers *sweepers);

/* How many events of a type the owner has; waits until there are at least so many. */
int sweepers_count_events(struct sweepers *sweepers, const char *type);
void sweepers_await_events(struct sweepers *sweepers, const char *type, int least);

/* sweep.run, for an owner; fails the test when it does. The findings live until the end. */
const Roost__RunSweepResponse *sweepers_run(struct sweepers *sweepers, const char *owner, bool dry_run);

/* The finding about the id; NULL when there is none. */
const Roost__SweepFinding *sweepers_finding(const Roost__RunSweepResponse *response, const char *id);

/* An id made at a time, and one that is old enough to be nobody's. */
const char *sweepers_id(struct sweepers *sweepers, int64_t at_ms);
const char *sweepers_old_id(struct sweepers *sweepers);

/* The agent has an old workspace that is in no log; its id. */
const char *sweepers_leave_behind(struct sweepers *sweepers);

#endif
