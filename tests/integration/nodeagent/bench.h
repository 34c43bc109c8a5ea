/* One test's bench: a real nats-server with a node's own permissions, a fake controller, an agent. */
#ifndef ROOST_TESTS_INTEGRATION_NODEAGENT_BENCH_H
#define ROOST_TESTS_INTEGRATION_NODEAGENT_BENCH_H

#include "tests/integration/nodeagent/agent_program.h"
#include "tests/integration/nodeagent/fake_controller.h"

#include <uv.h>

struct bench {
	uv_loop_t loop;
	struct nats_server *server;
	struct fake_controller controller;
	struct agent_program agent;
	char folder[200];
	uv_timer_t supervision;
	bool supervised;
	bool small;   /* on a file system of its own */
	int restarts; /* by the supervision */
};

/* Starts the server, the controller and the agent; `program` is the name of the agent's program. */
void bench_open(struct bench *bench, const char *program);

/* The same without starting the agent. */
void bench_prepare(struct bench *bench, const char *program);

/* The same, with an agent that ends at a cut-point, once. */
void bench_open_cut(struct bench *bench, const char *program, const char *cutpoint);

/* The same, with the agent's folder on a file system of its own of that many MiB, which only this test and
 * its children see. */
void bench_open_small(struct bench *bench, const char *program, unsigned int mib);

/* Waits until the agent has ended because its node was deleted, and checks that nothing is there. */
void bench_await_deleted(struct bench *bench);

/* From now on an agent that ends is started again, unless its node was deleted. */
void bench_supervise(struct bench *bench);

/* Prints what the agent logged; bench_close does so too when TEST_SHOW_LOG is set. */
void bench_show_log(const struct bench *bench);

/* Ends everything, what the agent's installation runs included, and checks that nothing of it is left. */
void bench_close(struct bench *bench);

/* A new id, different at each call. */
const char *bench_id(char id[27]);

/* A session's script that runs as long as the test does, after doing something. */
void bench_script(const struct bench *bench, const char *first, char script[512]);

/* True when a path below the installation's folder exists. */
bool bench_exists(const struct bench *bench, const char *name);

/* A git repository with a README that says hello, below the agent's ROOST_LOCAL_REPOS. */
void bench_repository(const struct bench *bench, char path[300]);

/* kill -9 of a real sandbox's first process; 0 when there was one. */
int bench_kill_sandbox(const struct bench *bench, const char *workspace_id);

/* --- with the runtime without sandboxes --- */

/* For cmocka: a bench with that runtime, in *state; and its end. */
int bench_setup(void **state);
int bench_teardown(void **state);
#define bench_test(function) cmocka_unit_test_setup_teardown(function, bench_setup, bench_teardown)

/* Makes an empty file below the installation's folder, or removes it. */
void bench_touch(const struct bench *bench, const char *name, bool there);

/* How often a workspace's process was started. */
int bench_starts_of(const struct bench *bench, const char *id);

/* The pid of a workspace's process. */
pid_t bench_process_of(const struct bench *bench, const char *id);

/* Not one that has ended and waits for its parent. */
bool bench_lives(pid_t pid);

/* Wants it running at that generation, and waits until it is told. */
const struct told *bench_run_workspace(struct bench *bench, const char *id, uint32_t generation);

/* Starts the agent again and waits for two beats of it. */
void bench_restart(struct bench *bench);

#endif
