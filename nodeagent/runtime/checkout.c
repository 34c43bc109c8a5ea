/* Happy path: what an earlier attempt left is ended and thrown away, a local source or the repository's mirror is
 * shown read-only, git clones into /workspace, and the clone is marked. Whatever goes wrong is told by a
 * sentence chosen from git's own words; those travel as the detail. */
#include "nodeagent/runtime/checkout.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/git.h"
#include "nodeagent/runtime/repository.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BOOT_BYTES = 64 };

/* Where the workspace's files and the mark are, as seen on the machine. */
struct places {
	const char *checkout;
	const char *mark;
};

/* One clone that is going on. */
struct clone {
	const struct checkout *checkout;
	struct arena *arena;
	struct git_place place;
	struct places places;
	int64_t deadline_ms; /* monotonic */
	const char **detail;
};

static bool find_places(const struct runtime_driver *driver, void *state, struct arena *arena, const char *workspace_id,
			struct places *places, struct error *error)
{
	const char *marks;
	if (!driver->paths(state, arena, workspace_id, &places->checkout, &marks, error))
		return false;
	places->mark = arena_printf(arena, "%s/checkout", marks);
	return true;
}

/* --- the mark --- */

static void read_line(const char *path, char line[BOOT_BYTES])
{
	FILE *file = fopen(path, "re");
	line[0] = '\0';
	if (file != NULL && fgets(line, BOOT_BYTES, file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
}

/* Names this boot of the machine, and no other. */
static void read_boot(char boot[BOOT_BYTES])
{
	read_line("/proc/sys/kernel/random/boot_id", boot);
}

static bool mark_counts(const char *mark)
{
	char noted[BOOT_BYTES], boot[BOOT_BYTES];
	if (!folder_exists(mark))
		return false;
	read_line(mark, noted);
	read_boot(boot);
	return noted[0] == '\0' || strcmp(noted, boot) == 0;
}

bool checkout_complete(const struct checkout *checkout, struct arena *arena)
{
	struct places places;
	return find_places(checkout->driver, checkout->state, arena, checkout->workspace->id, &places, NULL) &&
	       mark_counts(places.mark);
}

static bool mark_complete(const struct places *places, struct error *error)
{
	char boot[BOOT_BYTES];
	read_boot(boot);
	return folder_write_file(places->mark, boot, strlen(boot), false, error);
}

bool checkout_settle(const struct runtime_driver *driver, void *state, struct arena *arena, const char *workspace_id,
		     struct error *error)
{
	struct places places;
	char noted[BOOT_BYTES];
	if (!find_places(driver, state, arena, workspace_id, &places, error))
		return false;
	read_line(places.mark, noted);
	return noted[0] == '\0' || driver->sync(state, workspace_id, places.mark, error);
}

/* --- the clone --- */

static uint32_t time_left_ms(const struct clone *clone)
{
	int64_t left = clone->deadline_ms - clock_monotonic_ms();
	return left > 0 ? (uint32_t)left : 1;
}

static const char *explain(const struct checkout *checkout, const char *output)
{
	const struct runtime_workspace *workspace = checkout->workspace;
	if (git_unreachable(output) && repository_on_this_machine(workspace->repository))
		return "The repository's server cannot be reached: a workspace has no way to the machine that it runs "
		       "on. "
		       "What lies there can be cloned by its path, below the folder that ROOST_LOCAL_REPOS names.";
	return git_explain(output, workspace->branch[0] != '\0');
}

static bool judge(const struct clone *clone, const struct external_result *result, struct error *error)
{
	const struct checkout *checkout = clone->checkout;
	if (result->end == EXTERNAL_CANCELLED)
		return error_set(error, ERROR_PROVISIONING_FAILED, "The clone was cancelled.");
	if (result->hung)
		return error_set(error, ERROR_BUSY, "The node's runtime did not answer, so nothing was cloned.");
	if (result->end == EXTERNAL_TIMED_OUT)
		return error_set(error, ERROR_PROVISIONING_FAILED, "The clone took longer than %u seconds.",
				 checkout->settings->clone_timeout_seconds);
	if (result->exit_code != 0)
		return error_set(error, ERROR_PROVISIONING_FAILED, "%s", explain(checkout, result->output));
	return true;
}

/* A clone from a shown source remembers that place; the user's own words are put in its stead. */
static bool clone_once(const struct clone *clone, bool local, bool borrows, struct error *error)
{
	const struct runtime_workspace *workspace = clone->checkout->workspace;
	const char *commands[24] = {"git", "-c", "checkout.workers=4", "clone"};
	size_t count = 4;
	if (borrows) {
		commands[count++] = "--reference";
		commands[count++] = GIT_SOURCE;
	}
	if (workspace->branch[0] != '\0') {
		commands[count++] = "--branch";
		commands[count++] = workspace->branch;
	}
	commands[count++] = "--";
	commands[count++] = local ? GIT_SOURCE : workspace->repository;
	commands[count++] = "/workspace";
	if (local) {
		const char *const name_origin[] = {GIT_THEN,  "git",	"-C", "/workspace",	    "remote",
						   "set-url", "origin", "--", workspace->repository};
		memcpy(commands + count, name_origin, sizeof(name_origin));
	}
	struct external_result result;
	if (!git_run(&clone->place, clone->arena, commands, local, borrows, time_left_ms(clone), &result, error))
		return false;
	*clone->detail = result.output;
	return judge(clone, &result, error);
}

/* Shows the source while the clone runs. A workspace must not keep it: one that does counts as failed. */
static bool clone_beside(const struct clone *clone, int source, bool local, struct error *error)
{
	if (!git_show_source(&clone->place, source, error))
		return false;
	bool done = clone_once(clone, local, !local, error);
	return git_show_source(&clone->place, -1, done ? error : NULL) && done;
}

static bool clone_local(const struct clone *clone, struct error *error)
{
	const struct checkout *checkout = clone->checkout;
	int source = repository_open_local(checkout->settings->local_repos, checkout->workspace->repository, error);
	if (source < 0)
		return false;
	bool done = clone_beside(clone, source, true, error);
	close(source);
	return done;
}

/* With the mirror's help if there is one. A failure is tried again without, which also tells whose it was. */
static bool clone_remote(const struct clone *clone, struct error *error)
{
	struct mirrors *mirrors = clone->checkout->mirrors;
	int source;
	const char *unreachable;
	struct mirror *mirror =
	    mirror_take(mirrors, clone->arena, clone->checkout->wait, clone->checkout->workspace->repository,
			time_left_ms(clone), &source, &unreachable);
	if (unreachable != NULL) {
		*clone->detail = unreachable;
		return error_set(error, ERROR_PROVISIONING_FAILED, "%s", explain(clone->checkout, unreachable));
	}
	if (mirror == NULL)
		return clone_once(clone, false, false, error);
	struct error why = {.code = ERROR_NONE};
	bool done = clone_beside(clone, source, false, &why);
	close(source);
	bool again = !done && why.code == ERROR_PROVISIONING_FAILED && !git_unreachable(*clone->detail) &&
		     !external_wait_cancelled(clone->checkout->wait);
	if (again) {
		log_info("workspace %s: cloning again without the mirror: %s", clone->checkout->workspace->id,
			 why.message);
		done = folder_empty(clone->places.checkout, error) && clone_once(clone, false, false, error);
	}
	mirror_give_back(mirrors, mirror, again && done);
	return done || (!again && error_set(error, why.code, "%s", why.message));
}

/* Throws away what an earlier attempt left, clones, and marks; a failed clone leaves nothing. */
static bool make_clone(const struct clone *clone, struct error *error)
{
	const struct runtime_workspace *workspace = clone->checkout->workspace;
	enum repository_kind kind;
	if (!repository_classify(workspace->repository, &kind, error) ||
	    !repository_valid_branch(workspace->branch, error) ||
	    !clone->place.driver->kill_processes(clone->place.state, workspace->id, GIT_GROUP, 0, error) ||
	    !git_show_source(&clone->place, -1, error) || !folder_empty(clone->places.checkout, error))
		return false;
	bool cloned = kind == REPOSITORY_LOCAL ? clone_local(clone, error) : clone_remote(clone, error);
	if (!cloned)
		folder_empty(clone->places.checkout, NULL);
	return cloned && mark_complete(&clone->places, error);
}

bool checkout_make(const struct checkout *checkout, struct arena *arena, const char **detail, struct error *error)
{
	*detail = "";
	struct clone clone = {.checkout = checkout,
			      .arena = arena,
			      .place = {.driver = checkout->driver,
					.state = checkout->state,
					.workspace_id = checkout->workspace->id,
					.wait = checkout->wait,
					.answer_ms = runtime_program_timeout_ms(checkout->settings)},
			      .deadline_ms =
				  clock_monotonic_ms() + (int64_t)checkout->settings->clone_timeout_seconds * 1000,
			      .detail = detail};
	if (!find_places(checkout->driver, checkout->state, arena, checkout->workspace->id, &clone.places, error))
		return false;
	if (mark_counts(clone.places.mark))
		return true;
	/* Without a repository the mark only says that the workspace has run and may hold somebody's files. */
	bool made = checkout->workspace->repository[0] == '\0'
			? folder_write_file(clone.places.mark, "", 0, false, error)
			: make_clone(&clone, error);
	if (made)
		cutpoint(CUTPOINT_AGENT_CHECKOUT_MADE);
	return made;
}
