#include "controller/installation/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1024 * 1024, OPEN_FOLDERS_MAX = 16 };

char *file_read(const char *path, struct arena *arena, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0) {
		error_errno(error, errno, "%s", path);
		if (error != NULL && errno == ENOENT)
			error->code = ERROR_FILE_NOT_FOUND;
		return NULL;
	}
	if (fstat(fd, &status) != 0 || status.st_size > FILE_BYTES_MAX) {
		close(fd);
		error_set(error, ERROR_INTERNAL, "%s: not a file of a sensible size", path);
		return NULL;
	}
	char *text = arena_alloc(arena, (size_t)status.st_size + 1);
	ssize_t got = read(fd, text, (size_t)status.st_size);
	int reason = errno;
	close(fd);
	if (got < 0) {
		error_errno(error, reason, "%s", path);
		return NULL;
	}
	return text;
}

static bool write_all(int fd, const char *text)
{
	size_t length = strlen(text);
	while (length > 0) {
		ssize_t written = write(fd, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		text += written;
		length -= (size_t)written;
	}
	return true;
}

static void sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool file_write(const char *path, const char *text, struct error *error)
{
	char fresh[PATH_MAX];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(error, errno, "%s", fresh);
	bool written = fchmod(fd, 0600) == 0 && write_all(fd, text) && fsync(fd) == 0;
	int reason = errno;
	close(fd);
	if (!written || rename(fresh, path) != 0) {
		reason = written ? errno : reason;
		unlink(fresh);
		return error_errno(error, reason, "%s", path);
	}
	sync_folder_of(path);
	return true;
}

bool folder_make(const char *path, mode_t mode, struct error *error)
{
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return error_errno(error, errno, "%s", part);
		*slash = '/';
	}
	if ((mkdir(path, mode) != 0 && errno != EEXIST) || chmod(path, mode) != 0)
		return error_errno(error, errno, "%s", path);
	return true;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

bool folder_remove(const char *path, struct error *error)
{
	int reason = nftw(path, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (reason == 0 || (reason < 0 && errno == ENOENT))
		return true;
	return error_errno(error, reason > 0 ? reason : errno, "%s", path);
}
