/* Programs inside a running workspace: the command that starts one, the end of a group of them, and
 * folders shown to it for a while. */
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_OPTIONS = 24, KILL_PATIENCE_MS = 10000, DETACH = 2 };

static bool group_of(const struct place *place, const char *group, char *name, struct error *error)
{
	if (!place_valid_id(group))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not an id of a group of processes");
	snprintf(name, PLACE_PATH_MAX, "%.200s/%s", place->cgroup, group);
	return true;
}

bool oci_command(void *opaque, struct arena *arena, const struct runtime_program *program, char ***argv,
		 struct error *error)
{
	struct oci_state *state = opaque;
	struct oci_ability ability;
	struct place place;
	char group[PLACE_PATH_MAX];
	if (!oci_ability(state, &ability, error) || !place_of(&state->settings, program->workspace_id, &place, error) ||
	    !group_of(&place, program->group, group, error))
		return false;
	if (cgroup_first_process(place.cgroup) == 0)
		return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	if (!cgroup_make(group, error))
		return false;
	size_t arguments = 0, count = 0;
	while (program->arguments[arguments] != NULL)
		arguments++;
	char **list = arena_array_of(arena, char *, COMMAND_OPTIONS + 2 * program->environment_count + arguments);
	bool has_folder = program->folder != NULL && program->folder[0] != '\0';
	list[count++] = arena_strdup(arena, ability.binary);
	list[count++] = "--root";
	list[count++] = arena_strdup(arena, place.runtime);
	list[count++] = "exec";
	list[count++] = "--cgroup";
	list[count++] = (char *)cgroup_exec_argument(arena, program->group);
	list[count++] = "--cwd";
	list[count++] = arena_strdup(arena, has_folder ? program->folder : "/workspace");
	if (program->console_socket != NULL) {
		list[count++] = "--tty";
		list[count++] = "--detach";
		list[count++] = "--console-socket";
		list[count++] = arena_strdup(arena, program->console_socket);
		list[count++] = "--pid-file";
		list[count++] = arena_strdup(arena, program->pid_file);
	}
	for (size_t i = 0; i < program->environment_count; i++) {
		list[count++] = "--env";
		list[count++] =
		    arena_printf(arena, "%s=%s", program->environment[i].name, program->environment[i].value);
	}
	list[count++] = arena_strdup(arena, place.id);
	for (size_t i = 0; i < arguments; i++)
		list[count++] = arena_strdup(arena, program->arguments[i]);
	*argv = list;
	return true;
}

bool oci_kill_processes(void *opaque, const char *workspace_id, const char *group, uint32_t grace_ms,
			struct error *error)
{
	struct oci_state *state = opaque;
	struct place place;
	char name[PLACE_PATH_MAX];
	if (!place_of(&state->settings, workspace_id, &place, error) || !group_of(&place, group, name, error))
		return false;
	if (grace_ms > 0 && cgroup_populated(name)) {
		cgroup_signal(name, SIGTERM);
		cgroup_signal(name, SIGCONT);
		cgroup_wait_empty(name, grace_ms);
	}
	return cgroup_kill(name, KILL_PATIENCE_MS, error) && cgroup_remove(name, error);
}

/* Runs `work` in a child that has entered the workspace's mount namespace. The child shares nothing with
 * the agent's threads but its memory's copy, so it may only make system calls. Returns 0 or an errno. */
typedef int inside_work(int tree, const char *path);

static int run_inside(pid_t first, inside_work *work, int tree, const char *path)
{
	char namespace_path[64];
	snprintf(namespace_path, sizeof(namespace_path), "/proc/%d/ns/mnt", first);
	int mounts = open(namespace_path, O_RDONLY | O_CLOEXEC);
	if (mounts < 0)
		return errno;
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0) {
		int failed = syscall(SYS_setns, mounts, CLONE_NEWNS) != 0 ? errno : work(tree, path);
		syscall(SYS_exit_group, failed);
	}
	int status = 0, failed = child < 0 ? errno : 0;
	close(mounts);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child > 0)
		failed = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return failed;
}

static int attach(int tree, const char *path)
{
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : errno;
}

static int detach(int tree, const char *path)
{
	(void)tree;
	return syscall(SYS_umount2, path, DETACH) == 0 || errno == EINVAL || errno == ENOENT ? 0 : errno;
}

static pid_t first_process(struct oci_state *state, const char *workspace_id, struct error *error)
{
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return 0;
	pid_t first = cgroup_first_process(place.cgroup);
	if (first == 0)
		error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	return first;
}

bool oci_bind(void *opaque, const char *workspace_id, int fd, const char *path, struct error *error)
{
	pid_t first = first_process(opaque, workspace_id, error);
	if (first == 0)
		return false;
	int tree = (int)syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						    MOUNT_ATTR_NOEXEC};
	int failed =
	    tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0
		? errno
		: run_inside(first, attach, tree, path);
	if (tree >= 0)
		close(tree);
	return failed == 0 || error_errno(error, failed, "cannot show a folder to workspace %s", workspace_id);
}

bool oci_unbind(void *opaque, const char *workspace_id, const char *path, struct error *error)
{
	pid_t first = first_process(opaque, workspace_id, error);
	if (first == 0)
		return false;
	int failed = run_inside(first, detach, -1, path);
	return failed == 0 || error_errno(error, failed, "cannot take a folder from workspace %s", workspace_id);
}
