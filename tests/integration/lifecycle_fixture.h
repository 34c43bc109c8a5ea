/* Two controllers, a node of alice's and its agent: for tests of the verbs of nodes and workspaces. Which of
 * the two answers is the bus's choice. */
#ifndef ROOST_TESTS_INTEGRATION_LIFECYCLE_FIXTURE_H
#define ROOST_TESTS_INTEGRATION_LIFECYCLE_FIXTURE_H

#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent; /* NULL: it is gone */
};

/* For cmocka: an agent that obeys, or one that only does what the test says. */
int lifecycle_set_up(void **state);
int lifecycle_set_up_manual(void **state);
int lifecycle_tear_down(void **state);

void lifecycle_start_agent(struct fixture *fixture, bool manual);
void lifecycle_stop_agent(struct fixture *fixture);

/* Alice's call in JSON; `format` makes the payload. */
struct reply ask(struct fixture *fixture, const char *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, sent only. */
void ask_later(struct fixture *fixture, struct reply *reply, const char *command, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Fails the test unless the answer is good and holds the text. */
void expect_answer(const struct reply *reply, const char *text);

/* The value of a string field in an answer's JSON; fails the test without it. */
const char *answer_field(struct fixture *fixture, const struct reply *reply, const char *name);

/* A workspace of alice's that runs; `parent` may be NULL. */
const char *running_workspace(struct fixture *fixture, const char *name, const char *parent);

/* Runs the loop until workspace.get, or node.get, says not_found. */
void await_gone(struct fixture *fixture, const char *command, const char *id);

#endif
