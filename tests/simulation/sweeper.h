/* The sweeper: the real judgements of sweeper/passes over a projection of its own, what it hears of nodes
 * and their inventories. What it finds it asks some controller to act on. */
#ifndef ROOST_TESTS_SIMULATION_SWEEPER_H
#define ROOST_TESTS_SIMULATION_SWEEPER_H

#include "tests/simulation/controller.h"

enum {
	SWEEP_STOP_TIMEOUT_MS = 15000,
	SWEEP_GRACE_MS = 5000,
	SWEEP_UNKNOWN_AGE_MS = 30000,
};

/* Its process is `eyes->process`. */
struct sweeper {
	struct simulation *simulation;
	struct controller *eyes; /* what it sees of the log and of beats */
	struct sighting *sightings;
};

struct sweeper *sweeper_new(struct simulation *simulation);

#endif
