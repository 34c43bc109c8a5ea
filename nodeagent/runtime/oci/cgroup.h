/* Control groups of workspaces and sessions, in both layouts: version 2, and version 1 with its one tree
 * per controller (also hybrid). Names are relative, such as "roost/<inst>/<id>/<session>".
 *
 * The runtime makes a workspace's cgroups; this room makes those of sessions below them, finds processes,
 * kills through them and takes away what is left. Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_CGROUP_H
#define ROOST_NODEAGENT_RUNTIME_OCI_CGROUP_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 1 or 2; 0 when there is none at all. */
uint32_t cgroup_version(void);

/* True when swap can be limited too. */
bool cgroup_limits_swap(void);

/* Makes a group in the tree that sessions are kept apart in: the only one of version 2, the freezer of
 * version 1. */
bool cgroup_make(const char *name, struct error *error);

/* What the runtime's exec wants to hear as --cgroup for a group below the workspace's, in the arena. */
const char *cgroup_exec_argument(struct arena *arena, const char *group);

/* The first process of the workspace (number 1 in its pid namespace), or 0 when none lives or when it is a
 * runtime program's child that never became our init. */
pid_t cgroup_first_process(const char *name);

/* True when a living process is in the group or below it, in any tree. */
bool cgroup_populated(const char *name);

/* How many processes live in the group and below it, in the tree of sessions. */
uint32_t cgroup_count(const char *name);

/* True when the group is at its limit of processes, or so near that no runtime program can start one more. */
bool cgroup_at_process_limit(const char *name);

/* Sends a signal to every process in the group and below it, once. */
void cgroup_signal(const char *name, int number);

/* Kills every process in the group and below it, again and again until none is left; false with
 * STOP_FAILED when some still are after `patience_ms`. */
bool cgroup_kill(const char *name, uint32_t patience_ms, struct error *error);

/* Waits until none is left, for at most `patience_ms`; returns whether that came true. */
bool cgroup_wait_empty(const char *name, uint32_t patience_ms);

/* Removes the group and those below it in every tree; absent ones are fine. */
bool cgroup_remove(const char *name, struct error *error);

/* True when a tree has the group. */
bool cgroup_exists(const char *name);

/* Removes the group in every tree where it has no other below it; returns whether none is left. */
bool cgroup_remove_empty(const char *name);

/* The names of the groups directly below, in any tree, without doubles, in the arena. */
void cgroup_children(struct arena *arena, const char *name, const char ***children, size_t *count);

#endif
