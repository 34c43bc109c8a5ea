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
};

/* Starts the server, the controller and the agent; `program` is the name of the agent's program. */
void bench_open(struct bench *bench, const char *program);

/* Ends everything, what the agent's installation runs included, and checks that nothing of it is left. */
void bench_close(struct bench *bench);

/* A new id, different at each call. */
const char *bench_id(char id[27]);

/* A session's script that runs as long as the test does, after doing something. */
void bench_script(const struct bench *bench, const char *first, char script[512]);

/* True when a path below the installation's folder exists. */
bool bench_exists(const struct bench *bench, const char *name);

#endif
