/* Happy path: what an earlier attempt left is ended and thrown away, a local source is shown read-only,
 * git clones into /workspace, the disk is synced and then marked. Whatever goes wrong is told by a
 * sentence chosen from git's own words; those travel as the detail. */
#include "nodeagent/runtime/checkout.h"

#include "bus/foundation/cutpoint.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INSIDE_SOURCE	 "/run/roost/source"
#define INSIDE_GITCONFIG "/run/roost/gitconfig"

/* What git says, in the C locale, and what that means for a user. The first that is found is taken. */
static const struct {
	const char *words;
	const char *sentence;
} explanations[] = {
    {"No space left on device", "The workspace's disk is full. The repository is too large for it."},
    {"Remote branch", "The branch does not exist in the repository."},
    {"terminal prompts disabled", "The repository does not exist, or it asks for a user name and password."},
    {"Authentication failed", "The repository asks for authentication."},
    {"Permission denied (publickey",
     "The repository asks for authentication: the server accepts no key of this workspace."},
    {"could not read Username", "The repository does not exist, or it asks for a user name and password."},
    {"Host key verification failed", "The server's host key could not be verified."},
    {"does not appear to be a git repository", "There is no git repository at this address."},
    {"not found", "The repository does not exist at this address."},
    {"access denied or repository not exported", "The repository does not exist at this address."},
    {"Could not resolve host", "The repository's server cannot be found: its name is not known."},
    {"Could not resolve hostname", "The repository's server cannot be found: its name is not known."},
    {"unable to look up", "The repository's server cannot be found: its name is not known."},
    {"transport '", "The kind of address is not allowed."},
    {"unable to connect", "The repository's server cannot be reached."},
    {"Failed to connect", "The repository's server cannot be reached."},
    {"Connection refused", "The repository's server cannot be reached."},
    {"Connection timed out", "The repository's server cannot be reached."},
    {"Network is unreachable", "The repository's server cannot be reached."},
    {"No route to host", "The repository's server cannot be reached."},
    {"ssh: not found", "The image has no ssh program, which this address needs."},
    {"cannot run ssh", "The image has no ssh program, which this address needs."},
    {"executable file not found", "The image has no git program."},
    {"Out of memory", "The workspace has too little memory to clone the repository."},
    {"Could not read from remote repository", "The repository does not exist or may not be read."},
    {"early EOF", "The connection to the repository's server broke."},
};

const char *checkout_explain(const char *output, bool has_branch)
{
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		bool about_branch = strcmp(explanations[i].words, "Remote branch") == 0;
		if (strstr(output, explanations[i].words) != NULL && (has_branch || !about_branch))
			return explanations[i].sentence;
	}
	return "The repository could not be cloned.";
}

/* Where the workspace's files and the mark are, as seen on the machine. */
struct places {
	const char *checkout;
	const char *marks;
	const char *mark;
};

static bool find_places(const struct checkout *checkout, struct arena *arena, struct places *places,
			struct error *error)
{
	if (!checkout->driver->paths(checkout->state, arena, checkout->workspace->id, &places->checkout, &places->marks,
				     error))
		return false;
	places->mark = arena_printf(arena, "%s/checkout", places->marks);
	return true;
}

bool checkout_complete(const struct checkout *checkout, struct arena *arena)
{
	struct places places;
	return find_places(checkout, arena, &places, NULL) && folder_exists(places.mark);
}

/* The clone's data first, then the mark: after a power cut the mark never stands for less. */
static bool mark_complete(const struct places *places, struct error *error)
{
	int fd = open(places->marks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && syncfs(fd) == 0;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	if (!synced)
		return error_errno(error, failed, "cannot sync the workspace's disk");
	return folder_write_file(places->mark, "", 0, true, error);
}

static const char *const *clone_arguments(const struct checkout *checkout, struct arena *arena,
					  enum repository_kind kind)
{
	const struct runtime_workspace *workspace = checkout->workspace;
	const char **arguments = arena_array_of(arena, const char *, 16);
	size_t count = 0;
	arguments[count++] = "git";
	arguments[count++] = "-c";
	arguments[count++] = "checkout.workers=4";
	arguments[count++] = "clone";
	if (workspace->branch[0] != '\0') {
		arguments[count++] = "--branch";
		arguments[count++] = workspace->branch;
	}
	arguments[count++] = "--";
	arguments[count++] = kind == REPOSITORY_LOCAL ? INSIDE_SOURCE : workspace->repository;
	arguments[count++] = "/workspace";
	return arguments;
}

/* Runs one git command inside; true when it exited with 0. */
static bool run_git(const struct checkout *checkout, struct arena *arena, const char *const *arguments,
		    enum repository_kind kind, struct external_result *result, struct error *error)
{
	bool local = kind == REPOSITORY_LOCAL;
	const struct runtime_variable environment[] = {
	    {"GIT_ALLOW_PROTOCOL", local ? "file" : "https:http:ssh:git"},
	    {"GIT_CONFIG_NOSYSTEM", "1"},
	    {"GIT_CONFIG_GLOBAL", local ? INSIDE_GITCONFIG : "/dev/null"},
	    {"GIT_TERMINAL_PROMPT", "0"},
	    {"GIT_ASKPASS", "/bin/false"},
	    {"GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new"},
	    {"HOME", "/nonexistent"},
	    {"LC_ALL", "C"},
	};
	struct runtime_program program = {.workspace_id = checkout->workspace->id,
					  .group = CHECKOUT_GROUP,
					  .arguments = arguments,
					  .folder = "/workspace",
					  .environment = environment,
					  .environment_count = sizeof(environment) / sizeof(environment[0])};
	char **argv;
	if (!checkout->driver->command(checkout->state, arena, &program, &argv, error))
		return false;
	struct external_options options = {.argv = argv,
					   .timeout_ms = checkout->settings->clone_timeout_seconds * 1000};
	bool ran = external_run(&options, checkout->wait, arena, result, error);
	/* The runtime's helper has gone; what it started inside may not have. */
	return checkout->driver->kill_processes(checkout->state, checkout->workspace->id, CHECKOUT_GROUP, 0, error) &&
	       ran;
}

static bool judge(const struct checkout *checkout, const struct external_result *result, struct error *error)
{
	if (result->end == EXTERNAL_CANCELLED)
		return error_set(error, ERROR_PROVISIONING_FAILED, "The clone was cancelled.");
	if (result->end == EXTERNAL_TIMED_OUT)
		return error_set(error, ERROR_PROVISIONING_FAILED, "The clone took longer than %u seconds.",
				 checkout->settings->clone_timeout_seconds);
	if (result->exit_code != 0)
		return error_set(error, ERROR_PROVISIONING_FAILED, "%s",
				 checkout_explain(result->output, checkout->workspace->branch[0] != '\0'));
	return true;
}

/* A clone from a shown source remembers that place; the user's own words are put in its stead. */
static bool name_origin(const struct checkout *checkout, struct arena *arena, struct error *error)
{
	const char *arguments[] = {
	    "git", "-C", "/workspace", "remote", "set-url", "origin", "--", checkout->workspace->repository, NULL};
	struct external_result result;
	if (!run_git(checkout, arena, arguments, REPOSITORY_LOCAL, &result, error))
		return false;
	return result.end == EXTERNAL_EXITED && result.exit_code == 0
		   ? true
		   : error_set(error, ERROR_PROVISIONING_FAILED, "The repository's origin could not be noted.");
}

static bool clone_repository(const struct checkout *checkout, struct arena *arena, enum repository_kind kind,
			     const char **detail, struct error *error)
{
	struct external_result result;
	if (!run_git(checkout, arena, clone_arguments(checkout, arena, kind), kind, &result, error))
		return false;
	*detail = result.output;
	return judge(checkout, &result, error) && (kind != REPOSITORY_LOCAL || name_origin(checkout, arena, error));
}

static bool clone_local(const struct checkout *checkout, struct arena *arena, const char **detail, struct error *error)
{
	const char *id = checkout->workspace->id;
	int fd = repository_open_local(checkout->settings->local_repos, checkout->workspace->repository, error);
	if (fd < 0)
		return false;
	bool done = checkout->driver->unbind(checkout->state, id, INSIDE_SOURCE, error) &&
		    checkout->driver->bind(checkout->state, id, fd, INSIDE_SOURCE, error);
	close(fd);
	if (!done)
		return false;
	done = clone_repository(checkout, arena, REPOSITORY_LOCAL, detail, error);
	/* A workspace must not keep the source: without this the clone counts as failed. */
	return checkout->driver->unbind(checkout->state, id, INSIDE_SOURCE, done ? error : NULL) && done;
}

/* Throws away what an earlier attempt left, clones, and marks; a failed clone leaves nothing. */
static bool make_clone(const struct checkout *checkout, const struct places *places, struct arena *arena,
		       const char **detail, struct error *error)
{
	const struct runtime_workspace *workspace = checkout->workspace;
	enum repository_kind kind;
	if (!repository_classify(workspace->repository, &kind, error) ||
	    !repository_valid_branch(workspace->branch, error) ||
	    !checkout->driver->kill_processes(checkout->state, workspace->id, CHECKOUT_GROUP, 0, error) ||
	    !folder_empty(places->checkout, error))
		return false;
	bool cloned = kind == REPOSITORY_LOCAL ? clone_local(checkout, arena, detail, error)
					       : clone_repository(checkout, arena, kind, detail, error);
	if (!cloned)
		folder_empty(places->checkout, NULL);
	return cloned && mark_complete(places, error);
}

bool checkout_make(const struct checkout *checkout, struct arena *arena, const char **detail, struct error *error)
{
	struct places places;
	*detail = "";
	if (!find_places(checkout, arena, &places, error))
		return false;
	if (folder_exists(places.mark))
		return true;
	/* Without a repository the mark only says that the workspace has run and may hold somebody's files. */
	bool made = checkout->workspace->repository[0] == '\0' ? folder_write_file(places.mark, "", 0, false, error)
							       : make_clone(checkout, &places, arena, detail, error);
	if (made)
		cutpoint(CUTPOINT_AGENT_CHECKOUT_MADE);
	return made;
}
