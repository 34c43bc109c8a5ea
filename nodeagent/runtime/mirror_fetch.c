/* Making mirrors: a disk, a sandbox for as long as git fetches, and marks on the disk.
 *
 *   marks/url       what it mirrors: two addresses may share an id, and then they take turns
 *   marks/fetching  stands while git writes; one that is found was interrupted, and the mirror is thrown away */
#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/git.h"
#include "nodeagent/runtime/mirror_state.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PACKS_MAX = 24 };

bool mirror_detach(struct mirrors *mirrors, struct mirror *mirror, struct error *error)
{
	bool detached = mirrors->driver->stop(mirrors->state, NULL, mirror->id, 0, error);
	if (detached)
		mirror->attached = false;
	return detached;
}

bool mirror_throw_away(struct mirrors *mirrors, struct mirror *mirror, struct error *error)
{
	mirror->fetched_ms = 0;
	mirror->broken = false;
	return mirror_detach(mirrors, mirror, error) &&
	       mirrors->driver->remove(mirrors->state, NULL, mirror->id, error);
}

bool mirror_find(struct mirror_work *work)
{
	const char *marks;
	if (!work->mirrors->driver->paths(work->mirrors->state, work->arena, work->workspace.id, &work->checkout,
					  &marks, NULL))
		return false;
	work->url_mark = arena_printf(work->arena, "%s/url", marks);
	work->fetching_mark = arena_printf(work->arena, "%s/fetching", marks);
	return true;
}

bool mirror_attach(struct mirror_work *work, struct mirror *mirror, struct error *error)
{
	if (!work->mirrors->driver->make_disk(work->mirrors->state, NULL, &work->workspace, error))
		return false;
	mirror->attached = true;
	return true;
}

bool mirror_matches(const struct mirror_work *work)
{
	char url[REPOSITORY_BYTES_MAX + 1] = "";
	FILE *file = fopen(work->url_mark, "re");
	if (file == NULL)
		return false;
	size_t size = fread(url, 1, sizeof(url) - 1, file);
	fclose(file);
	return size == strlen(work->repository) && memcmp(url, work->repository, size) == 0;
}

static int count_packs(const struct mirror_work *work)
{
	int count = 0;
	DIR *folder = opendir(arena_printf(work->arena, "%s/objects/pack", work->checkout));
	const struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');
		count += dot != NULL && strcmp(dot, ".pack") == 0;
	}
	if (folder != NULL)
		closedir(folder);
	return count;
}

/* Every fetch adds a pack, and nothing is ever taken out while somebody may read: so many of them are
 * made into one here, where nobody does. */
static bool fetch(struct mirror_work *work, struct error *error)
{
	static const char *const branches = "+refs/heads/*:refs/heads/*", *const tags = "+refs/tags/*:refs/tags/*";
	const char *all[] = {"git",
			     "init",
			     "--quiet",
			     "--bare",
			     "/workspace",
			     GIT_THEN,
			     "git",
			     "-C",
			     "/workspace",
			     "-c",
			     "fetch.unpackLimit=1",
			     "-c",
			     "gc.auto=0",
			     "fetch",
			     "--prune",
			     "--no-tags",
			     "--no-write-fetch-head",
			     "--",
			     work->repository,
			     branches,
			     tags,
			     count_packs(work) > PACKS_MAX ? GIT_THEN : NULL,
			     "git",
			     "-C",
			     "/workspace",
			     "repack",
			     "-a",
			     "-d",
			     "--quiet",
			     NULL};
	struct git_place place = {.driver = work->mirrors->driver,
				  .state = work->mirrors->state,
				  .workspace_id = work->workspace.id,
				  .wait = work->wait,
				  .answer_ms = runtime_program_timeout_ms(work->mirrors->settings)};
	struct external_result result;
	if (!git_run(&place, work->arena, all, false, false, work->timeout_ms, &result, error))
		return false;
	bool ended = result.end == EXTERNAL_EXITED;
	if (ended && result.exit_code != 0 && git_unreachable(result.output))
		work->unreachable = result.output;
	return (ended && result.exit_code == 0) ||
	       error_set(error, ERROR_PROVISIONING_FAILED, "%s", git_explain(result.output, false));
}

static bool fetch_in_sandbox(struct mirror_work *work, struct error *error)
{
	const struct mirrors *mirrors = work->mirrors;
	struct external_wait quiet = {.cancel_fd = work->wait->cancel_fd, .hung = work->wait->hung};
	size_t length = strlen(work->repository);
	return mirrors->driver->make_network(mirrors->state, &quiet, &work->workspace, error) &&
	       mirrors->driver->start(mirrors->state, &quiet, &work->workspace, error) &&
	       folder_write_file(work->fetching_mark, "", 0, true, error) &&
	       folder_write_file(work->url_mark, work->repository, length, false, error) && fetch(work, error);
}

/* Whether what is on the disk can be fetched into; a disk that is new can. */
static bool usable(const struct mirror_work *work, const struct mirror *mirror)
{
	bool fresh = !folder_exists(work->url_mark) && !folder_exists(work->fetching_mark);
	if (fresh || (mirror_matches(work) && !folder_exists(work->fetching_mark) && !mirror->broken))
		return true;
	log_info("%s is not whole and is made anew", mirror->id);
	return false;
}

/* A whole mirror as of now, attached and without a sandbox. */
static bool make_fresh(struct mirror_work *work, struct mirror *mirror, struct error *error)
{
	if (!mirror_detach(work->mirrors, mirror, error) || !mirror_attach(work, mirror, error))
		return false;
	if (!usable(work, mirror) &&
	    (!mirror_throw_away(work->mirrors, mirror, error) || !mirror_attach(work, mirror, error)))
		return false;
	/* Stopping ends the sandbox and syncs the disk; only then is the fetch known to be whole. */
	int64_t begun_ms = clock_monotonic_ms();
	if (!fetch_in_sandbox(work, error) || !mirror_detach(work->mirrors, mirror, error) ||
	    !mirror_attach(work, mirror, error))
		return false;
	unlink(work->fetching_mark);
	mirror->fetched_ms = begun_ms;
	return true;
}

bool mirror_refresh(struct mirror_work *work, struct mirror *mirror)
{
	struct error error = {.code = ERROR_NONE};
	work->workspace.generation = (uint32_t)(clock_wall_ms() / 1000);
	if (make_fresh(work, mirror, &error))
		return true;
	log_info("%s: no mirror for this clone: %s", mirror->id, error.message);
	/* What it had before is as whole as it was. */
	if (work->unreachable != NULL && unlink(work->fetching_mark) == 0 &&
	    mirror_detach(work->mirrors, mirror, &error))
		return false;
	if (!mirror_throw_away(work->mirrors, mirror, &error))
		log_error("%s cannot be removed: %s", mirror->id, error.message);
	return false;
}
