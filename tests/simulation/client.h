/* Users: each gives a command, waits, tries again under the same key with any controller, sometimes
 * hangs up, sometimes sends an answered command once more, and goes on. */
#ifndef ROOST_TESTS_SIMULATION_CLIENT_H
#define ROOST_TESTS_SIMULATION_CLIENT_H

#include "tests/simulation/simulation.h"

struct clients *clients_new(struct simulation *simulation);

/* They give no new commands, but still want their answers. */
void clients_stop(struct clients *clients);

/* NULL, or a command that has no answer yet. */
const char *clients_waiting(const struct clients *clients);

#endif
