/* Programs inside a running workspace: the command that starts one, the end of a group of them, and
 * folders shown to it for a while. */
#include "nodeagent/runtime/oci/bundle.h"
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
	if (!runtime_valid_id(group))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not an id of a group of processes");
	snprintf(name, PLACE_PATH_MAX, "%.200s/%s", place->cgroup, group);
	return true;
}

/* The command as it grows; room is made beforehand. */
struct argv {
	struct arena *arena;
	char **list;
	size_t count;
};

static void append(struct argv *argv, const char *argument)
{
	argv->list[argv->count++] = arena_strdup(argv->arena, argument);
}

static void append_option(struct argv *argv, const char *option, const char *value)
{
	append(argv, option);
	append(argv, value);
}

static bool overridden(const struct runtime_program *program, const char *variable)
{
	size_t length = strcspn(variable, "=");
	for (size_t i = 0; i < program->environment_count; i++)
		if (strlen(program->environment[i].name) == length &&
		    strncmp(program->environment[i].name, variable, length) == 0)
			return true;
	return false;
}

/* All of it: runc adds to the workspace's own environment, crun replaces it. */
static void append_environment(struct argv *argv, const struct runtime_program *program, char *const *own)
{
	for (; *own != NULL; own++)
		if (!overridden(program, *own))
			append_option(argv, "--env", *own);
	for (size_t i = 0; i < program->environment_count; i++)
		append_option(
		    argv, "--env",
		    arena_printf(argv->arena, "%s=%s", program->environment[i].name, program->environment[i].value));
}

static void append_terminal(struct argv *argv, const struct runtime_program *program)
{
	append(argv, "--tty");
	append(argv, "--detach");
	append_option(argv, "--console-socket", program->console_socket);
	append_option(argv, "--pid-file", program->pid_file);
}

static size_t length_of(const char *const *list)
{
	size_t length = 0;
	while (list[length] != NULL)
		length++;
	return length;
}

static char **build_command(struct arena *arena, const struct oci_ability *ability, const struct place *place,
			    const struct runtime_program *program, char *const *own)
{
	size_t room = COMMAND_OPTIONS + length_of(program->arguments) +
		      2 * (program->environment_count + length_of((const char *const *)own));
	struct argv argv = {.arena = arena, .list = arena_array_of(arena, char *, room)};
	bool has_folder = program->folder != NULL && program->folder[0] != '\0';
	append(&argv, ability->binary);
	append_option(&argv, "--root", place->runtime);
	append(&argv, "exec");
	/* crun would forget it otherwise. */
	append(&argv, "--no-new-privs");
	append_option(&argv, "--cgroup", cgroup_exec_argument(arena, program->group));
	append_option(&argv, "--cwd", has_folder ? program->folder : "/workspace");
	if (program->console_socket != NULL)
		append_terminal(&argv, program);
	append_environment(&argv, program, own);
	append(&argv, place->id);
	for (const char *const *argument = program->arguments; *argument != NULL; argument++)
		append(&argv, *argument);
	return argv.list;
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
	char **own = bundle_environment(arena, &place);
	if (own == NULL || cgroup_first_process(place.cgroup) == 0)
		return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
	if (!cgroup_make(group, error))
		return false;
	*argv = build_command(arena, &ability, &place, program, own);
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
