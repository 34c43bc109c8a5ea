/* Mirrors: for each repository that was cloned on this node, its objects on a disk of their own, so that the
 * next clone fetches only what is new. A clone borrows from the mirror while it runs and copies what it
 * borrowed: a workspace never needs its mirror again.
 *
 * Nobody trusts a mirror. git writes to it in a sandbox that no workspace enters, from the repository's own
 * server, by the network rules of workspaces; workspaces see it read-only while their clone runs. Branches,
 * and whether the repository may be read at all, each clone learns from the server itself. Where anything is
 * wrong with a mirror the clone goes on without it.
 *
 * Worker threads; mirrors_open, mirrors_close: nothing else going on. */
#ifndef ROOST_NODEAGENT_RUNTIME_MIRROR_H
#define ROOST_NODEAGENT_RUNTIME_MIRROR_H

#include "nodeagent/runtime/runtime_driver.h"

#include <stdbool.h>

struct mirrors;
struct mirror;

/* Ids of this kind are kept for mirrors; what has one is no workspace. */
bool mirror_is_id(const char *id);

/* NULL when there is no memory; every function takes a NULL for "no mirrors". */
struct mirrors *mirrors_open(const struct runtime_driver *driver, void *state, const struct runtime_settings *settings);

/* Detaches what is attached and frees; the mirrors stay on disk. */
void mirrors_close(struct mirrors *mirrors);

/* Once the node has been tried: whether mirrors can be bounded. Ends what a killed agent left running. */
void mirrors_allow(struct mirrors *mirrors, bool disk_limit);

/* The mirror of a remote repository, fetched unless that was done a moment ago, for as long as the caller
 * does not give it back. Those who want the same one at once wait for one fetch. NULL when there is none to be
 * had, for whatever reason; the caller clones without. `*fd` is its repository, to be shown read-only; the
 * caller closes it. `*unreachable`: NULL, or what git said of a
 * server that it did not reach; to try again would take as long again. */
struct mirror *mirror_take(struct mirrors *mirrors, struct arena *arena, const struct external_wait *wait,
			   const char *repository, uint32_t timeout_ms, int *fd, const char **unreachable);

/* Gives it back. `broken`: it proved useless and goes. */
void mirror_give_back(struct mirrors *mirrors, struct mirror *mirror, bool broken);

/* Detaches mirrors that nobody uses, and removes the least recently fetched while they are too large together
 * or the node's disk is short. */
void mirrors_tend(struct mirrors *mirrors);

/* Removes all that nobody uses. */
bool mirrors_remove(struct mirrors *mirrors, struct error *error);

#endif
