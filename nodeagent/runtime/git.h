/* git inside a sandbox, by rules of our own alone: no configuration of the system or the image, only the
 * protocols that are allowed, no questions to a terminal. Never on the machine. Worker thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_GIT_H
#define ROOST_NODEAGENT_RUNTIME_GIT_H

#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>

/* Where git runs: a running sandbox of a driver. */
struct git_place {
	const struct runtime_driver *driver;
	void *state;
	const char *workspace_id;
	const struct external_wait *wait;
	uint32_t answer_ms; /* in which the sandbox must be entered, else the machine hangs */
};

/* The group of git's processes. */
#define GIT_GROUP "checkout"

/* Where a folder can be shown inside: a local repository, or a mirror. */
#define GIT_SOURCE "/run/roost/source"

/* Between two commands of one run; no name or address that is let through contains it. */
#define GIT_THEN "\n"

/* Runs commands one after another until one fails: git's arguments, with GIT_THEN between two commands and
 * NULL at the end. `local` allows paths and nothing else. With `keep_objects` the first command was a clone to
 * /workspace that borrows from GIT_SOURCE, and what it borrows is copied before the next. Every process of it
 * has ended afterwards. False when it could not be run; else how it ended is in the result. */
bool git_run(const struct git_place *place, struct arena *arena, const char *const *commands, bool local,
	     bool keep_objects, uint32_t timeout_ms, struct external_result *result, struct error *error);

/* Shows a folder of the machine at GIT_SOURCE, read-only, in place of what is shown there; fd -1: nothing. */
bool git_show_source(const struct git_place *place, int fd, struct error *error);

/* True when git's output says that the server was not reached at all. Pure. */
bool git_unreachable(const char *output);

/* The sentence for users that git's output stands for; never NULL. Pure. */
const char *git_explain(const char *output, bool has_branch);

#endif
