/* A child is cloned into the new namespaces and does nothing but wait to be killed; the parent writes its
 * user maps and opens its namespaces. */
#include "nodeagent/runtime/oci/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* 16,384 ranges from 2^29 on: above everything that distributions hand out to people. Two workspaces that
 * fall on one range are still apart by all their namespaces. */
static const uint32_t first_range = 0x20000000;
static const uint32_t ranges = 16384;

uint32_t namespaces_first_user(const char *workspace_id, bool user_namespace)
{
	uint32_t hash = 2166136261U;
	for (const char *at = workspace_id; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619U;
	return user_namespace ? first_range + (hash >> 8) % ranges * NAMESPACE_USERS : 0;
}

/* It ends with its maker, and would otherwise outlive one that is killed between here and its end. */
static pid_t clone_waiting_child(uint64_t flags)
{
	pid_t maker = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid != 0)
		return pid;
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || syscall(SYS_getppid) != maker)
		syscall(SYS_exit_group, 1);
	for (;;)
		syscall(SYS_pause);
}

static bool write_process_file(pid_t pid, const char *name, const char *text, struct error *error)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return written || error_errno(error, failed, "cannot write %s", path);
}

static bool map_users(pid_t pid, uint32_t first_user, struct error *error)
{
	char map[64];
	snprintf(map, sizeof(map), "0 %u %u\n", first_user, NAMESPACE_USERS);
	return write_process_file(pid, "uid_map", map, error) && write_process_file(pid, "gid_map", map, error);
}

static int open_namespace(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool namespaces_make(uint32_t first_user, struct namespaces *namespaces, struct error *error)
{
	*namespaces = (struct namespaces){.user_fd = -1, .network_fd = -1};
	pid_t pid = clone_waiting_child(CLONE_NEWNET | (first_user != 0 ? CLONE_NEWUSER : 0));
	if (pid < 0)
		return error_errno(error, errno, "the kernel refuses new namespaces");
	bool mapped = first_user == 0 || map_users(pid, first_user, error);
	if (mapped) {
		namespaces->network_fd = open_namespace(pid, "net");
		namespaces->user_fd = first_user != 0 ? open_namespace(pid, "user") : -1;
	}
	int failed = errno;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!mapped)
		return false;
	if (namespaces->network_fd >= 0 && (first_user == 0 || namespaces->user_fd >= 0))
		return true;
	namespaces_close(namespaces);
	return error_errno(error, failed, "cannot open the new namespaces");
}

void namespaces_close(struct namespaces *namespaces)
{
	if (namespaces->user_fd >= 0)
		close(namespaces->user_fd);
	if (namespaces->network_fd >= 0)
		close(namespaces->network_fd);
	namespaces->user_fd = namespaces->network_fd = -1;
}

bool namespaces_enter_network(int network_fd, int *former, struct error *error)
{
	*former = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*former < 0)
		return error_errno(error, errno, "cannot open the machine's network namespace");
	if (setns(network_fd, CLONE_NEWNET) == 0)
		return true;
	int failed = errno;
	close(*former);
	return error_errno(error, failed, "cannot enter the workspace's network namespace");
}

void namespaces_leave_network(int former)
{
	if (setns(former, CLONE_NEWNET) != 0)
		abort();
	close(former);
}
