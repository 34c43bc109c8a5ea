/* Who watches over an installation, and which daemons are its own. Any thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_LOCK_H
#define ROOST_CONTROLLER_INSTALLATION_LOCK_H

#include "controller/installation/layout.h"
#include "controller/installation/process_identity.h"

#include <stddef.h>

/* Takes the installation's lock for this process and notes who holds it. The descriptor, which is kept
 * until the end of the process; -1 and ERROR_CONFLICT, naming the holder, when another one has it. */
int lock_take(const struct installation *installation, struct error *error);

/* The process that holds the lock; false when nobody does. */
bool lock_holder(const struct installation *installation, struct process_identity *holder);

/* A daemon of the installation that runs. */
struct noted_process {
	char name[32];
	struct process_identity identity;
};

/* Notes which daemons run, for whoever comes after a supervisor that was killed. */
bool processes_note(const struct installation *installation, const struct noted_process *processes, size_t count,
		    struct error *error);

/* Ends the noted daemons that still run and are still the same processes, in reverse order; `said`
 * hears of each. False when one cannot be ended. The lock must be held. */
bool processes_end(const struct installation *installation, void (*said)(const char *name, int pid),
		   struct error *error);

#endif
