/* A whole control plane in one process with a clock of its own: a log, controllers that each have a
 * projection and lag behind, node agents, and clients that try again. Messages are lost and doubled,
 * controllers die at every place where a real one could. Nothing waits and nothing is random but the
 * seed. */
#ifndef ROOST_TESTS_SIMULATION_PROJECTED_SIMULATION_H
#define ROOST_TESTS_SIMULATION_PROJECTED_SIMULATION_H

#include "tests/unit/projection/projecting.h"

enum { CONTROLLERS = 3, AGENTS = 2, ROWS_MAX = 512, OUTBOX_ROOM = 4096, COMMANDS_MAX = 512 };

struct controller {
	struct projection *projection;
	uint64_t applied;
	unsigned restarts;
};

/* What an agent has of a workspace or session: the wanted row, and what it did about it. */
struct agent_row {
	char id[27];
	bool is_session;
	uint64_t version, told_version;
	uint32_t generation, started_generation;
	int desired;
	unsigned starts; /* of started_generation */
	bool running;
};

struct agent {
	const char *node_id;
	uint64_t held_version;
	struct agent_row rows[ROWS_MAX];
	size_t row_count;
	Roost__Report *outbox[OUTBOX_ROOM]; /* by number - 1 */
	uint64_t reported, taken;
};

struct command {
	enum {
		CREATE_NODE,
		CREATE_WORKSPACE,
		CREATE_SESSION,
		STOP_WORKSPACE,
		RESTART_WORKSPACE,
		DELETE_WORKSPACE,
		RENAME_WORKSPACE,
		STOP_SESSION,
		COMMAND_KINDS
	} kind;
	char key[16];
	const char *target, *name;
	bool done, refused;
	const char *made; /* by a create */
};

struct simulation {
	uint64_t random;
	int64_t now_ms;
	bool faults;
	unsigned ids;
	char *folder;
	struct arena *arena; /* for what lives as long as the simulation */
	struct arena *step;
	struct world log; /* only its log is used */
	struct controller controllers[CONTROLLERS];
	struct agent agents[AGENTS];
	struct command commands[COMMANDS_MAX];
	size_t command_count;
	struct decision_limits limits;
};

uint32_t draw(struct simulation *simulation, uint32_t below);
bool happens(struct simulation *simulation, uint32_t one_in); /* never without faults */
const char *new_id(struct simulation *simulation);

/* ---- controllers ---- */

typedef struct decision *decide_function(const struct decision_inputs *inputs, void *context);

/* Decides, appends, projects, as a controller does; NULL when it died on the way. */
const struct decision *controller_run(struct simulation *simulation, struct controller *controller,
				      const struct decision_inputs *like, decide_function *decide, void *context);
void controller_catch_up(struct simulation *simulation, struct controller *controller, uint64_t to);
void controller_restart(struct simulation *simulation, struct controller *controller);

/* ---- agents ---- */

void agent_receive(struct simulation *simulation, struct agent *agent, const struct controller *controller);
void agent_work(struct simulation *simulation, struct agent *agent);
void agent_report(struct simulation *simulation, struct agent *agent, struct controller *controller);
bool agent_idle(const struct agent *agent);

/* Inputs without a key, for `controller_run`. */
struct decision_inputs plain_inputs(struct simulation *simulation, const char *cause);

#endif
