/* The namespaces that a workspace is born into: a network namespace, and a user namespace that owns it
 * where that works. They are made before the sandbox, so that its network is ready when its first
 * process starts, and live as long as a descriptor or a process holds them: after a kill -9 between
 * two steps the kernel takes them away by itself. Blocking; any thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OCI_NAMESPACES_H
#define ROOST_NODEAGENT_RUNTIME_OCI_NAMESPACES_H

#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { NAMESPACE_USERS = 65536 }; /* users inside, mapped to that many outside */

struct namespaces {
	int user_fd; /* -1 without a user namespace */
	int network_fd;
};

/* The first of the users outside that stand for a workspace's own, from its id alone, since its files
 * belong to them for as long as the disk lives. 0 without a user namespace. */
uint32_t namespaces_first_user(const char *workspace_id, bool user_namespace);

/* Makes them; first_user 0 means no user namespace. The caller closes them with namespaces_close. */
bool namespaces_make(uint32_t first_user, struct namespaces *namespaces, struct error *error);

void namespaces_close(struct namespaces *namespaces);

/* Moves this thread into a network namespace and back; *former is what namespaces_leave wants. A thread
 * that cannot go back ends the process: it would do the next workspace's work in the wrong place. */
bool namespaces_enter_network(int network_fd, int *former, struct error *error);
void namespaces_leave_network(int former);

#endif
