/* The bytes are taken last: their file says that the reserve is whole. */
#include "nodeagent/runtime/oci/reserve.h"

#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A root made anew takes some fifty files and a quarter of a MiB. */
enum { FILES = 256, BYTES = 1024 * 1024, HARDLY_ANY_FILES = 128, HARDLY_ANY_BYTES = BYTES / 2, FULL_BLOCKS = 16 };

enum { PATH_BYTES = PLACE_PATH_MAX + 64 };

static void path_of(const struct place *place, const char *name, char *path)
{
	snprintf(path, PATH_BYTES, "%s/" RESERVE_FOLDER "%s", place->disk, name);
}

static bool has_limit(const struct place *place)
{
	return folder_exists(place->image);
}

bool reserve_fill(const char *folder, struct error *error)
{
	char path[PATH_BYTES + 16];
	if (!folder_make(folder, 0700, error))
		return false;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return error_errno(error, errno, "cannot make %s", path);
		close(fd);
	}
	return true;
}

static bool has_room(const struct place *place, uint64_t files, uint64_t bytes)
{
	struct statvfs facts;
	return statvfs(place->disk, &facts) != 0 ||
	       (facts.f_ffree >= files && (uint64_t)facts.f_bavail * facts.f_frsize >= bytes);
}

void reserve_give(const struct place *place)
{
	char path[PATH_BYTES];
	struct error error;
	if (!has_limit(place) || has_room(place, HARDLY_ANY_FILES, HARDLY_ANY_BYTES))
		return;
	path_of(place, "", path);
	log_info("workspace %s: its disk is full, so the start uses what is kept in reserve", place->id);
	if (!folder_empty(path, &error))
		log_warning("workspace %s: %s", place->id, error.message);
}

static bool take_bytes(const struct place *place, struct error *error)
{
	char path[PATH_BYTES];
	path_of(place, "/bytes", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int failed = fd < 0 ? errno : posix_fallocate(fd, 0, BYTES);
	if (fd >= 0)
		close(fd);
	if (failed != 0)
		unlink(path);
	return failed == 0 || error_errno(error, failed, "cannot make %s", path);
}

void reserve_take(const struct place *place)
{
	char path[PATH_BYTES], last[PATH_BYTES];
	struct error error;
	path_of(place, "", path);
	path_of(place, "/bytes", last);
	if (!has_limit(place) || folder_exists(last))
		return;
	snprintf(last, sizeof(last), "%.*s/%d", PATH_BYTES - 16, path, FILES - 1);
	bool filled = folder_exists(last) || reserve_fill(path, &error);
	if (!filled || !take_bytes(place, &error))
		log_warning("workspace %s: its disk has no room for the whole reserve: %s", place->id, error.message);
}

bool reserve_disk_is_full(const struct place *place)
{
	struct statvfs facts;
	return has_limit(place) && statvfs(place->disk, &facts) == 0 &&
	       (facts.f_ffree == 0 || facts.f_bavail < FULL_BLOCKS);
}
