/* The checkout of a workspace's repository into /workspace: git runs inside the workspace's sandbox and
 * network, never on the machine, and by rules of our own alone. Complete is what carries a mark; anything
 * less is thrown away and cloned again. Worker thread; the workspace runs.
 *
 * The mark is made before the clone is on the disk for certain, since syncing takes as long as cloning. Until
 * then it names the boot of the machine and counts in that one alone: what a power cut takes in its first
 * seconds is cloned again. checkout_settle makes it last. */
#ifndef ROOST_NODEAGENT_RUNTIME_CHECKOUT_H
#define ROOST_NODEAGENT_RUNTIME_CHECKOUT_H

#include "nodeagent/runtime/mirror.h"
#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>

struct checkout {
	const struct runtime_driver *driver;
	void *state;
	const struct runtime_settings *settings;
	const struct runtime_workspace *workspace;
	const struct external_wait *wait;
	struct mirrors *mirrors; /* NULL for none */
};

/* True when the mark is there and counts: the workspace has its files and may have somebody's work among
 * them. The disk must be made. */
bool checkout_complete(const struct checkout *checkout, struct arena *arena);

/* Clones unless complete; without a repository only marks. On failure the message is safe for users and *detail is the
 * last of git's output in the arena ("" for none). */
bool checkout_make(const struct checkout *checkout, struct arena *arena, const char **detail, struct error *error);

/* Syncs the disk of a workspace whose mark does not last yet, and makes it last. Does nothing for others, or
 * while the disk is not attached. */
bool checkout_settle(const struct runtime_driver *driver, void *state, struct arena *arena, const char *workspace_id,
		     struct error *error);

#endif
