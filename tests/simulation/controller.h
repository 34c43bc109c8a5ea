/* A controller: the real decisions over a projection in memory, and a model of what is around them. In
 * pipeline.c: decide, append with the expected sequence, project, answer. In controller.c: its life,
 * its projection, timers. In wanted.c: wanted state to agents. */
#ifndef ROOST_TESTS_SIMULATION_CONTROLLER_H
#define ROOST_TESTS_SIMULATION_CONTROLLER_H

#include "bus/foundation/clock.h"
#include "controller/domain/decision.h"
#include "controller/effects/silence.h"
#include "tests/simulation/agent.h"
#include "tests/simulation/store.h"

struct controller;
struct work;

/* ---- pipeline.c ---- */

/* What was decided, apart from the arena that it was decided in. */
struct decided {
	enum decision_kind kind;
	bool again, certain;
	uint64_t expected_last_seq;
	const Roost__Record *record;
	struct answer answer;
	const Roost__ReportAnswer *report_answer;
	enum error_code code;
	const char *message;
};

struct work {
	struct controller *controller;
	struct moment moment;
	const char *owner, *actor, *cause, *key;
	const unsigned char *hash;
	struct decision *(*decide)(struct work *work, const struct decision_inputs *inputs);
	/* ERROR_NONE: what was decided stands. */
	void (*done)(struct work *work, enum error_code failure);
	void *context;
	const Roost__ReportAnswer *report_answer; /* set by a decide that makes one */

	/* the pipeline's own */
	const char *new_id;
	int64_t deadline_ms; /* monotonic */
	bool fresh, finished;
	unsigned tries;
	struct decided decided;
	uint64_t seq;
};

/* The caller fills in the upper part; it lives as long as the simulation. */
struct work *work_new(struct controller *controller, const char *owner, const char *cause);
void work_run(struct work *work);

/* ---- controller.c ---- */

struct wait {
	struct wait *next;
	uint64_t seq;
	event_function *reached;
	void *context;
};

/* A conversation with one agent, and what was heard of it. */
struct view {
	struct agent *agent;
	struct node_signs signs;
	bool announcing;
	int64_t asked_ms; /* monotonic: the last probe */
	bool under_way, again, held_known, more;
	bool suspected, tell_epoch;
	uint64_t log_epoch, held_version, idle_held, idle_version;
	unsigned restarts;
	struct store_cursor cursor;
	struct settling *now, *later;
};

struct controller {
	struct process process;
	struct simulation *simulation;
	struct store *store;
	uint64_t applied_seq;
	const Roost__Record *applied; /* the record there */
	unsigned known_restored;
	struct server_clock clock;
	struct wait *waits;
	int64_t stalled_until_ms;
	struct view views[AGENTS_MAX];
	int64_t listening_ms;  /* monotonic: since when without a break; 0 for not */
	event_function *ready; /* has caught up after a start */
	bool serving;	       /* it has caught up once: commands, reports and beats come to it */
	bool firing;	       /* a deadline */
};

struct controller *controller_new(struct simulation *simulation, const char *name);

/* Its projection takes nothing in for so long. */
void controller_stall(struct controller *controller, int64_t ms);

/* The bus is back, perhaps with another log. */
void controller_reconnect(struct controller *controller);

/* The log has something new. */
void controller_notify(struct controller *controller);
/* The durable consumer brings a record. */
void controller_fed(struct controller *controller, uint64_t seq, unsigned deliveries);

/* Applies what is there up to `seq`. */
void controller_apply(struct controller *controller, uint64_t seq);
/* Calls `reached` once the projection is there; never when the controller dies before. */
void controller_wait(struct controller *controller, uint64_t seq, event_function *reached, void *context);
/* Asks the log for its last sequence and applies up to it; `reached` may be NULL. */
void controller_catch_up(struct controller *controller, event_function *reached, void *context);

int64_t controller_server_ms(const struct controller *controller);

/* ---- wanted.c ---- */

/* A record of the node was projected; the consumer's message is acknowledged when it has settled. */
void wanted_changed(struct controller *controller, struct agent *agent, uint64_t seq);
void wanted_heard(struct controller *controller, struct view *view, const Roost__NodeState *node,
		  const struct beat *beat);
/* The bus was away: it may come back with an older log. */
void wanted_forget(struct controller *controller);

#endif
