/* The cgroup of an installation's session hosts. A service manager ends a service by killing its cgroup:
 * on cgroup v2 (and hybrid) the one in the unified hierarchy, on v1 the one in the hierarchy named systemd.
 * A session host therefore leaves its agent's cgroup in these. The others (memory, cpu ...) only limit;
 * there it stays where it is. Synchronous. Names are relative to the hierarchies' roots. */
#ifndef ROOST_NODEAGENT_SESSION_CGROUP_H
#define ROOST_NODEAGENT_SESSION_CGROUP_H

/* Moves this process into the cgroup, making it where it is absent. What is not possible is logged and
 * left. */
void cgroup_enter(const char *name);

/* For a process about to end: out of it, and the cgroup away if that was the last in it. */
void cgroup_leave(const char *name);

/* Removes the cgroup and its parents where nobody is in them any more. */
void cgroup_remove(const char *name);

#endif
