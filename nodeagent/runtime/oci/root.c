/* The mark says of which generation the root is, or that it is being made: so a kill -9 in the middle is
 * seen, and the making begins again. A disk that has run without such a mark is older than the mark. */
#include "nodeagent/runtime/oci/root.h"

#include "bus/foundation/cutpoint.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What carries what a workspace writes to its root: the root of image "host", and the overlay's two. */
static const char *const folders[] = {"root", "upper", "work"};

static const char being_made[] = "making";

enum { MARK_BYTES = PLACE_PATH_MAX + 32 };

static void mark_path(const struct place *place, const char *mark, char *path)
{
	snprintf(path, MARK_BYTES, "%s/marks/%s", place->disk, mark);
}

static bool has_mark(const struct place *place, const char *mark)
{
	char path[MARK_BYTES];
	mark_path(place, mark, path);
	return folder_exists(path);
}

/* The generation that is on the disk; false when there is no whole root. */
static bool read_mark(const struct place *place, uint32_t *generation)
{
	char path[MARK_BYTES], text[32] = "";
	mark_path(place, "root", path);
	FILE *file = fopen(path, "re");
	*generation = 0;
	if (file == NULL)
		return has_mark(place, "checkout");
	bool whole = fgets(text, sizeof(text), file) != NULL && sscanf(text, "%" SCNu32, generation) == 1;
	fclose(file);
	return whole;
}

/* Synced when there was a root before: it must be neither kept nor thrown away by mistake. A disk that is
 * new is synced as a whole, or is worth nothing. */
static bool write_mark(const struct place *place, const char *text, struct error *error)
{
	char path[MARK_BYTES];
	mark_path(place, "root", path);
	return folder_write_file(path, text, strlen(text), folder_exists(path), error);
}

/* An empty mark is of no whole root. Nothing is written beside it: a workspace may have left no room on its disk. */
static bool condemn(const struct place *place, struct error *error)
{
	char path[MARK_BYTES];
	if (!has_mark(place, "root"))
		return write_mark(place, being_made, error);
	mark_path(place, "root", path);
	int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd >= 0 && fsync(fd) == 0;
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return done || error_errno(error, failed, "cannot condemn the root of workspace %s", place->id);
}

static bool make_empty(const struct place *place, uint32_t first_user, struct error *error)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[PLACE_PATH_MAX];
		if (!place_join(path, place->disk, folders[i]) || !folder_remove(path, error))
			return false;
		if (mkdir(path, 0755) != 0 || chmod(path, 0755) != 0 || chown(path, first_user, first_user) != 0)
			return error_errno(error, errno, "cannot make %s anew", path);
	}
	return true;
}

bool root_prepare(const struct place *place, const struct runtime_workspace *workspace, uint32_t first_user,
		  struct error *error)
{
	uint32_t generation;
	if (read_mark(place, &generation) && generation >= workspace->rebuild_generation)
		return true;
	/* On a disk that never carried a whole root nothing has run: what is half made is made to its end. */
	bool fresh = !has_mark(place, "root") && !has_mark(place, "checkout");
	if (!fresh && !condemn(place, error))
		return false;
	cutpoint(CUTPOINT_AGENT_ROOT_CONDEMNED);
	return fresh || (disk_detach_image(place, error) && make_empty(place, first_user, error));
}

bool root_is_whole(const struct place *place)
{
	uint32_t generation;
	return read_mark(place, &generation);
}

bool root_finish(const struct place *place, const struct runtime_workspace *workspace, struct error *error)
{
	char text[32];
	uint32_t generation = workspace->generation;
	if (has_mark(place, "root") && root_is_whole(place))
		return true;
	if (generation < workspace->rebuild_generation)
		generation = workspace->rebuild_generation;
	snprintf(text, sizeof(text), "%" PRIu32 "\n", generation);
	return write_mark(place, text, error);
}
