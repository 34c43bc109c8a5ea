/* A whole control plane in one process and in virtual time: the log, controllers, node agents with
 * their machines, clients. Every message is an event at a moment; faults and all chances come from one
 * seed, so a seed always gives the same life. This header is what all parts share: time, chance,
 * messages, processes that can be killed, the trace and how a run fails. */
#ifndef ROOST_TESTS_SIMULATION_SIMULATION_H
#define ROOST_TESTS_SIMULATION_SIMULATION_H

#include "bus/foundation/arena.h"
#include "bus/foundation/limits.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	ID_SIZE = IDENTIFIER_LENGTH + 1,
	CONTROLLERS = 3,
	AGENTS_MAX = 16,
	OWNERS = 2,

	/* The options of this control plane, in milliseconds: short, so that much happens in a life. */
	BEAT_MS = 2000,
	STALE_MS = 6000,
	PROVISION_TIMEOUT_MS = 20000,
	CALL_TIMEOUT_MS = 3000,
	COMMAND_TIMEOUT_MS = 5000,
	CLOCK_SKEW_MAX_MS = 10 * 60 * 1000,
	IDEMPOTENCY_MS = 24 * 3600 * 1000,

	LIFE_MS = 90 * 1000,	      /* with faults and commands */
	SETTLING_MS = 4 * 60 * 1000,  /* without; then everything must have come to rest */
	SETTLED_EXTRA_MS = 20 * 1000, /* and must stay so */
};

struct simulation;
typedef void event_function(struct simulation *simulation, void *context);

/* ---- chance ---- */

/* How often things go wrong, in thousandths; drawn for each seed, often zero. */
struct weather {
	unsigned lost, doubled, late;	      /* of messages */
	unsigned killed;		      /* at each named place */
	unsigned store_lost;		      /* a process comes back without its database */
	unsigned job_fails, job_hangs;	      /* on machines */
	unsigned sandbox_dies, session_exits; /* at each beat of its node */
	unsigned reboots;		      /* of machines, the same */
	unsigned outage, back_up;	      /* of the bus and the log, each second; and of that, from a backup */
	unsigned clock_jumps;		      /* each second, of some process */
	unsigned stalls;		      /* each second, of some controller's projection */
};

uint32_t draw(struct simulation *simulation, uint32_t below);
/* True in so many of a thousand cases; never once the faults have stopped. */
bool happens(struct simulation *simulation, unsigned per_mille);

/* ---- time ---- */

void at(struct simulation *simulation, int64_t when_ms, event_function *happen, void *context);
void after(struct simulation *simulation, int64_t delay_ms, event_function *happen, void *context);

/* ---- processes ---- */

/* Places at which a process can be killed, as cutpoints.def names them for the real ones. */
struct process {
	const char *name;
	bool up;
	unsigned life;	 /* counts; what an earlier life had under way is nobody's any more */
	int64_t skew_ms; /* of its wall clock */
	int64_t boot_ms; /* its monotonic clock began here */
	bool ended;	 /* for good: its supervisor does not start it again */
	void (*start)(struct simulation *simulation, void *owner);
	void *owner;
};

/* A moment of a process; whatever it has under way is void in another one. */
struct moment {
	struct process *process;
	unsigned life;
};
struct moment moment_of(struct process *process);
bool still(const struct moment *moment);

int64_t wall_ms(const struct simulation *simulation, const struct process *process);
int64_t monotonic_ms(const struct simulation *simulation, const struct process *process);

/* Starts it now. */
void process_start(struct simulation *simulation, struct process *process);
/* Kills it; it is started again after a while unless it has ended. */
void process_kill(struct simulation *simulation, struct process *process);
/* True when the process was killed here: the caller returns at once. */
bool dies(struct simulation *simulation, struct process *process, const char *place);

/* A ULID of the process's clock. */
const char *id_new(struct simulation *simulation, int64_t ms);

/* ---- messages ---- */

/* Calls `arrive` at the other end: later, and with faults perhaps much later, twice or never. */
void send_message(struct simulation *simulation, event_function *arrive, void *context);

/* ---- what happened ---- */

#define trace(simulation, ...)                                                                                         \
	do {                                                                                                           \
		if ((simulation)->tracing)                                                                             \
			trace_line((simulation), __VA_ARGS__);                                                         \
	} while (0)
void trace_line(struct simulation *simulation, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the run: an invariant does not hold. */
void violated(struct simulation *simulation, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Everything that happens up to then. */
void simulation_until(struct simulation *simulation, int64_t until_ms);

struct log;
struct oracle;
struct controller;
struct sweeper;
struct agent;
struct clients;

struct event {
	int64_t at_ms;
	uint64_t order;
	bool message;
	event_function *happen;
	void *context;
};

enum { TRACE_LINES = 60, TRACE_WIDTH = 200 };

struct simulation {
	uint64_t seed, random, order;
	int64_t now_ms, begun_ms;
	bool faults, bus_up;
	bool swept; /* there is a sweeper; what must be well without one is seen in lives that have none */
	struct weather weather;
	struct arena *arena;   /* lives as long as the simulation */
	struct arena *scratch; /* of one decision */
	struct event *events;  /* a heap */
	size_t event_count, event_room;
	uint64_t events_happened;

	struct log *log;
	struct oracle *oracle;
	struct controller *controllers[CONTROLLERS];
	struct agent *agents[AGENTS_MAX];
	size_t agent_count;
	struct clients *clients;
	struct sweeper *sweeper;

	jmp_buf failed;
	char failure[512];
	bool tracing, trace_to_stdout;
	char (*lines)[TRACE_WIDTH];
	uint64_t line_count;
};

/* A run, from the seed to the last check. False with the failure in the simulation. */
bool simulation_run(struct simulation *simulation, uint64_t seed);
void simulation_free(struct simulation *simulation);

#endif
