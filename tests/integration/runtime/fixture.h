/* A real runtime under an installation of its own, for one test program. However the program ends, by
 * abort or kill -9 too, a janitor takes away every workspace that it made.
 *
 * All functions fail the test when something does not work, unless they return bool. */
#ifndef ROOST_TESTS_INTEGRATION_RUNTIME_FIXTURE_H
#define ROOST_TESTS_INTEGRATION_RUNTIME_FIXTURE_H

#include "nodeagent/runtime/runtime.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fixture {
	struct runtime *runtime;
	struct runtime_settings settings;
	struct runtime_facts facts;
	struct arena *arena;
	char installation[16];
	char folder[128];
	char workspaces[160];
	char repositories[160]; /* ROOST_LOCAL_REPOS */
};

/* Makes folders, opens and probes. `adjust` (may be NULL) changes the settings before that. */
void fixture_open(struct fixture *fixture, void (*adjust)(struct runtime_settings *settings));

/* Removes all workspaces, closes, and fails when anything of the installation is left: processes, mounts,
 * links, rules, cgroups, loop devices or folders. */
void fixture_close(struct fixture *fixture);

/* Everything that carries the installation's name, one thing a line, in the arena; "" for nothing. What
 * is kept of stopped workspaces on disk counts too. */
const char *fixture_traces(const struct fixture *fixture);

/* A plain workspace to start from. */
struct runtime_workspace fixture_workspace(const char *id);

/* Starts it. With fixture_fails: expects it to fail and returns why. */
void fixture_start(struct fixture *fixture, const struct runtime_workspace *workspace);
const struct runtime_failure *fixture_fails(struct fixture *fixture, const struct runtime_workspace *workspace);

/* Runs a shell script inside to its end; exit code, and output when `output` is not NULL (in the arena). */
int fixture_inside(struct fixture *fixture, const char *id, const char *script, const char **output);

/* Starts a shell script inside and leaves it running in a group; returns the pid of its command on the
 * machine, which dies with the test program. */
pid_t fixture_background(struct fixture *fixture, const char *id, const char *group, const char *script);

/* Puts the test's guest program into the workspace as /workspace/guest. */
void fixture_add_guest(struct fixture *fixture, const char *id);

/* The host's view of the workspace's /workspace. */
const char *fixture_workspace_folder(const struct fixture *fixture, const char *id);

/* The workspace's address on the machine, in the arena. */
const char *fixture_address(struct fixture *fixture, const char *id);

/* Connects from the test itself and returns what the other side says first ("" for nothing, NULL when it
 * cannot be reached), in the arena. */
const char *fixture_fetch(struct fixture *fixture, const char *address, uint16_t port);

/* Makes a git repository with two branches, main and other, below the repositories folder; `name` of it.
 * Returns its path, in the arena. */
const char *fixture_make_repository(struct fixture *fixture, const char *name);

/* Waits until the condition holds, for at most a while; false when it never did. */
bool fixture_wait(bool (*condition)(void *context), void *context);

/* Runs a shell script on the machine; fails the test unless it exits with 0. */
void fixture_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
