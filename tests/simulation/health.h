/* What a controller makes of beats and of silence, as controller/effects does it. */
#ifndef ROOST_TESTS_SIMULATION_HEALTH_H
#define ROOST_TESTS_SIMULATION_HEALTH_H

#include "tests/simulation/controller.h"

/* A beat came in; `ours` for the one controller that acts on it. */
void health_beat(struct controller *controller, struct agent *agent, const struct beat *beat, bool ours);
/* A call to the agent had an answer, or none in time. */
void health_called(struct controller *controller, struct view *view, bool answered);
/* Announces what got worse. */
void health_look(struct controller *controller);

#endif
