/* A control plane of nothing but decisions and a log in memory, for tests: time, ids and keys are
 * numbers, every appended record is kept packed so that it can be replayed elsewhere. */
#ifndef ROOST_TESTS_UNIT_DOMAIN_WORLD_H
#define ROOST_TESTS_UNIT_DOMAIN_WORLD_H

#include "controller/domain/apply.h"
#include "controller/domain/decision.h"

struct logged {
	uint64_t seq;
	char record_id[27];
	unsigned char *data;
	size_t size;
};

struct world {
	struct arena *arena; /* the store's */
	struct arena *step;  /* of the present decision; reset by world_inputs */
	struct entity_store *store;
	struct logged *log;
	size_t log_count, log_room;
	int64_t now_ms;
	unsigned ids;
	struct decision_limits limits;
	const char *owner;
	struct apply_outcome applied; /* of the last record, in `step` */
};

struct world *world_new(void);
void world_free(struct world *world);

/* A new id, as text that lives as long as the world. */
const char *world_id(struct world *world);

/* Inputs for a new decision at the present time. Forgets what the last decision gave. */
struct decision_inputs *world_inputs(struct world *world);

/* The same with an idempotency key; the hash is 32 times `hash`. */
struct decision_inputs *world_inputs_keyed(struct world *world, const char *key, unsigned char hash);

/* Inputs for the decision after a claim: a new record id, everything else the same. */
struct decision_inputs *world_inputs_again(struct world *world, const struct decision_inputs *inputs);

/* Appends and applies what was decided, if anything is to be appended. Gives the decision back. */
struct decision *world_take(struct world *world, struct decision *decision);

/* Short ways, without keys; the id of what was made lives as long as the world. They fail the test
 * when the decision is a refusal. */
const char *world_make_node(struct world *world, const char *name);			       /* running */
const char *world_make_workspace(struct world *world, const char *node, const char *name);     /* creating */
const char *world_make_session(struct world *world, const char *workspace, const char *label); /* starting */

/* One report, with the next number; the decision is taken already. */
struct decision *world_report(struct world *world, const char *node, Roost__Report *report);
/* A report of any kind, about the workspace or session `id` (NULL for the node itself), in that generation,
 * with that message, as far as the kind has them. */
Roost__Report *world_new_report(struct arena *arena, Roost__Report__ReportCase which, const char *id,
				uint32_t generation, const char *message);
struct decision *world_tell(struct world *world, const char *node, Roost__Report__ReportCase which, const char *id,
			    uint32_t generation, const char *message);
struct decision *world_report_running(struct world *world, const char *node, const char *workspace,
				      uint32_t generation);
struct decision *world_report_stopped(struct world *world, const char *node, const char *workspace,
				      uint32_t generation);

/* States as they are now, in `step`. */
Roost__NodeState *world_node(struct world *world, const char *id);
Roost__WorkspaceState *world_workspace(struct world *world, const char *id);
Roost__SessionState *world_session(struct world *world, const char *id);

/* Puts the entity into a status by force, whatever the tables say, for tests that try everything. */
void world_force_node(struct world *world, const char *id, Roost__Node__Status status);
void world_force_workspace(struct world *world, const char *id, Roost__Workspace__Status status);
void world_force_session(struct world *world, const char *id, Roost__AgentSession__Status status);

#endif
