/* The end of a workspace, without the help of a runtime program: processes through the cgroup, links and
 * mounts through the kernel. So a node whose runtime was taken away can still stop and remove what
 * runs (D7). */
#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/disk.h"
#include "nodeagent/runtime/oci/network.h"
#include "nodeagent/runtime/oci/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KILL_PATIENCE_MS = 10000, ASK_AGAIN_MS = 20 };

/* Asks the first process, which asks all others and ends when it is the last. It is asked again and again:
 * what comes before it has set itself up is lost on the first process of a pid namespace. */
static void end_politely(const struct place *place, uint32_t grace_ms)
{
	pid_t first = cgroup_first_process(place->cgroup);
	int fd = first != 0 ? (int)syscall(SYS_pidfd_open, first, 0) : -1;
	if (fd < 0)
		return;
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	int64_t deadline = clock_monotonic_ms() + grace_ms, left;
	while ((left = deadline - clock_monotonic_ms()) > 0) {
		if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) != 0 ||
		    poll(&ended, 1, left < ASK_AGAIN_MS ? (int)left : ASK_AGAIN_MS) > 0)
			break;
	}
	/* With the first process the kernel ends every other of its pid namespace. */
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	close(fd);
}

static bool stop_locked(struct oci_state *state, const struct place *place, uint32_t grace_ms, struct error *error)
{
	struct oci_network network;
	end_politely(place, grace_ms);
	if (!cgroup_kill(place->cgroup, KILL_PATIENCE_MS, error) || !cgroup_remove(place->cgroup, error))
		return false;
	cutpoint(CUTPOINT_AGENT_SANDBOX_STOPPED);
	if (oci_take_network(state, place->id, &network))
		namespaces_close(&network.namespaces);
	return network_disconnect(&state->settings, place->id, error) && disk_detach(place, error) &&
	       folder_remove(place->run, error);
}

/* What is in the way may name the machine's own paths: that is for the agent's log, not for the workspace's owner. */
static bool say_failed(const char *workspace_id, const char *sentence, struct error *error)
{
	if (error == NULL)
		return false;
	log_error("workspace %s: %s", workspace_id, error->message);
	return error_set(error, ERROR_STOP_FAILED, "%s", sentence);
}

bool oci_stop(void *opaque, struct external_wait *wait, const char *workspace_id, uint32_t grace_ms,
	      struct error *error)
{
	(void)wait;
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	/* Without a folder of its own it has no lock either: only the kernel may know of it. */
	int lock = folder_exists(place.keep) ? oci_lock_workspace(&place, error) : -1;
	if (lock < 0 && folder_exists(place.keep))
		return false;
	bool stopped = stop_locked(state, &place, grace_ms, error);
	if (lock >= 0)
		close(lock);
	return stopped || say_failed(workspace_id, "Something of the workspace is held and cannot be ended.", error);
}

bool oci_remove(void *opaque, struct external_wait *wait, const char *workspace_id, struct error *error)
{
	(void)wait;
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	/* The label goes last, with the folder: until then a restart finds what is left to remove. */
	bool removed = (unlink(place.image) == 0 || errno == ENOENT ||
			error_errno(error, errno, "cannot remove %s", place.image)) &&
		       folder_remove(place.keep, error);
	if (!removed)
		return say_failed(workspace_id, "Some of the workspace's files cannot be removed.", error);
	cutpoint(CUTPOINT_AGENT_DISK_REMOVED);
	return true;
}

/* In place: a workspace may have left no room on its disk for another file. */
static bool empty_mark(const char *mark, struct error *error)
{
	int fd = open(mark, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd >= 0 ? fsync(fd) == 0 : errno == ENOENT;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return done || error_errno(error, failed, "cannot empty %s", mark);
}

/* Under the lock, so that the disk is not taken away meanwhile. */
static bool sync_locked(const struct place *place, const char *mark, struct error *error)
{
	if (!disk_attached(place))
		return true;
	int fd = open(place->disk, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool synced = fd >= 0 && syncfs(fd) == 0;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	if (!synced)
		return error_errno(error, failed, "cannot sync the disk of workspace %s", place->id);
	return empty_mark(mark, error);
}

bool oci_sync(void *opaque, const char *workspace_id, const char *mark, struct error *error)
{
	const struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	if (!folder_exists(place.keep))
		return true;
	int lock = oci_lock_workspace(&place, error);
	bool synced = lock >= 0 && sync_locked(&place, mark, error);
	if (lock >= 0)
		close(lock);
	return synced;
}

void oci_count_left(void *opaque, const char *workspace_id, struct runtime_left *left)
{
	const struct oci_state *state = opaque;
	struct place place;
	*left = (struct runtime_left){0};
	if (!place_of(&state->settings, workspace_id, &place, NULL))
		return;
	left->processes = cgroup_count(place.cgroup);
	left->mounts = disk_count_mounts(place.run);
	left->files = disk_exists(&place);
}
