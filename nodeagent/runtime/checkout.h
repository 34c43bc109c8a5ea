/* The checkout of a workspace's repository into /workspace: git runs inside the workspace's sandbox and
 * network, never on the machine, and by rules of our own alone. Complete is what carries a durable mark;
 * anything less is thrown away and cloned again. Worker thread; the workspace runs. */
#ifndef ROOST_NODEAGENT_RUNTIME_CHECKOUT_H
#define ROOST_NODEAGENT_RUNTIME_CHECKOUT_H

#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>

struct checkout {
	const struct runtime_driver *driver;
	void *state;
	const struct runtime_settings *settings;
	const struct runtime_workspace *workspace;
	const struct external_wait *wait;
};

/* The group of the clone's processes. */
#define CHECKOUT_GROUP "checkout"

/* True when the mark is there: the workspace has its files and may have somebody's work among them. The
 * disk must be made. */
bool checkout_complete(const struct checkout *checkout, struct arena *arena);

/* Clones unless complete; without a repository only marks. On failure the message is safe for users and *detail is the
 * last of git's output in the arena ("" for none). */
bool checkout_make(const struct checkout *checkout, struct arena *arena, const char **detail, struct error *error);

/* The sentence for users that git's output stands for; never NULL. Pure. */
const char *checkout_explain(const char *output, bool has_branch);

#endif
