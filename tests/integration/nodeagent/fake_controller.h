/* A controller without a log: it wants things of one node and takes its reports, by the real protocol, so
 * that tests see what a node agent says and does. On the test's loop. Like a real one it sends what is
 * wanted again whenever a beat shows that the agent holds less. */
#ifndef ROOST_TESTS_INTEGRATION_NODEAGENT_FAKE_CONTROLLER_H
#define ROOST_TESTS_INTEGRATION_NODEAGENT_FAKE_CONTROLLER_H

#include "bus/link/connection.h"
#include "node.pb-c.h"

enum { TOLD_MAX = 4096, WANTED_MAX = 64 };

/* One report, as it was taken: once each. */
struct told {
	Roost__Report__ReportCase kind;
	char id[27]; /* of the workspace or session; "" for the node */
	uint32_t generation;
	char step[32];
	char message[512];
	int reason; /* of a session's end; 0 for none */
	bool has_exit_code;
	int exit_code;
	uint32_t left_processes; /* of what could not be stopped */
	uint32_t left_mounts;
	uint32_t left_workspaces;
	bool left_files;
};

struct wanted_row {
	char id[27];
	char workspace_id[27]; /* "" for a workspace */
	uint64_t version;
	uint32_t generation;
	int desired;
	char image[64];
	char parent_id[27];
	char repository[512];
	char script[512]; /* of a session: sh -c; "" for no command at all */
};

struct fake_controller {
	uv_loop_t *loop;
	struct connection *connection;
	char node_id[27];
	char log_id[32];
	uint64_t log_epoch;
	uint64_t version;
	struct wanted_row rows[WANTED_MAX];
	int row_count;
	Roost__WantedNode__Desired node; /* 0: nothing is said of it */
	uint64_t node_version;

	uint64_t agent_epoch; /* as its last taken batch said */
	uint64_t taken;
	bool mute;   /* takes nothing and does not answer */
	bool refuse; /* answers an error */
	int batches; /* that arrived */
	int batches_seen_twice;
	struct told told[TOLD_MAX];
	int told_count;

	int beats;
	uint64_t held_version;
	uint32_t workspaces_running;
	uint32_t sessions_running;
	uint32_t unknown_workspaces;
	char runtime_error[128];
	char degraded_error[128];
	bool applying; /* an apply is under way */
};

void fake_controller_start(struct fake_controller *controller, uv_loop_t *loop, const char *url,
			   const char *credentials, const char *node_id);
void fake_controller_stop(struct fake_controller *controller);

/* Wants something from now on (a new version), and sends everything. The row is changed in place when it is
 * there already. Returns it; change it and call fake_controller_send for more. */
struct wanted_row *fake_controller_want(struct fake_controller *controller, const char *id, uint32_t generation,
					Roost__WantedWorkspace__Desired desired, const char *image);
struct wanted_row *fake_controller_want_session(struct fake_controller *controller, const char *id,
						const char *workspace_id, uint32_t generation,
						Roost__WantedSession__Desired desired, const char *script);
/* Wants something of the node as a whole, and of all that is on it, at a new version. */
void fake_controller_want_node(struct fake_controller *controller, Roost__WantedNode__Desired desired);
void fake_controller_send(struct fake_controller *controller);

/* How many reports of a kind there were of an id (NULL for any); the last of them, or NULL. */
int fake_controller_count(const struct fake_controller *controller, Roost__Report__ReportCase kind, const char *id);
const struct told *fake_controller_last(const struct fake_controller *controller, Roost__Report__ReportCase kind,
					const char *id);

/* Waits until there were `least` reports of that kind. Fails the test after PATIENCE_MS. */
const struct told *fake_controller_await(struct fake_controller *controller, Roost__Report__ReportCase kind,
					 const char *id, int least);

/* Waits until a beat says that the agent holds everything. */
void fake_controller_await_held(struct fake_controller *controller);

/* Asks the agent and waits for the answer: the body in the arena (empty on failure), and the error's name
 * ("" for none) in `refused`. */
struct bytes fake_controller_ask(struct fake_controller *controller, const char *verb, struct bytes body,
				 struct arena *arena, char refused[64]);

#endif
