/* Removal goes by descriptors (openat, O_NOFOLLOW, unlinkat), so a folder that becomes a link while it is
 * walked is not followed. */
#include "nodeagent/runtime/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, DEPTH_MAX = 24 };

bool folder_exists(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0;
}

bool folder_make(const char *path, mode_t mode, struct error *error)
{
	char part[PATH_BYTES];
	size_t length = strlen(path);
	if (length >= sizeof(part))
		return error_set(error, ERROR_INTERNAL, "path too long: %s", path);
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return error_errno(error, errno, "cannot make folder %s", part);
	}
	return true;
}

/* One emptying. A tree may be deeper than descriptors last, so what lies too deep is moved up to the top,
 * where the next round finds it. */
struct emptying {
	int top;
	dev_t device;
	unsigned long moved; /* folders so far; names them */
};

static int move_up(struct emptying *emptying, int folder, const char *name)
{
	char fresh[32];
	do {
		snprintf(fresh, sizeof(fresh), ".moved-%lu", emptying->moved++);
	} while (renameat2(folder, name, emptying->top, fresh, RENAME_NOREPLACE) != 0 && errno == EEXIST);
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 ? 0 : EBUSY;
}

static int empty_fd(struct emptying *emptying, int fd, int depth);

/* A folder within the one that is open. Returns 0 or an errno. */
static int remove_folder(struct emptying *emptying, int folder, const char *name, int depth)
{
	struct stat status;
	int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return errno;
	if (fstat(inner, &status) != 0 || status.st_dev != emptying->device) {
		close(inner);
		return EXDEV;
	}
	if (depth == DEPTH_MAX) {
		close(inner);
		return move_up(emptying, folder, name);
	}
	int failed = empty_fd(emptying, inner, depth + 1);
	return failed != 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? failed : errno;
}

/* Empties the open folder; takes the descriptor over. Returns 0 or an errno. */
static int empty_fd(struct emptying *emptying, int fd, int depth)
{
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		close(fd);
		return errno;
	}
	int failed = 0;
	const struct dirent *entry;
	while (failed == 0 && (entry = readdir(folder)) != NULL) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (unlinkat(dirfd(folder), name, 0) != 0 && errno != ENOENT)
			failed = remove_folder(emptying, dirfd(folder), name, depth);
	}
	closedir(folder);
	return failed;
}

/* Until a round has moved nothing up. */
static int empty_top(int top, dev_t device)
{
	struct emptying emptying = {.top = top, .device = device};
	int failed;
	unsigned long before;
	do {
		before = emptying.moved;
		int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		failed = fd < 0 ? errno : empty_fd(&emptying, fd, 0);
	} while (failed == 0 && emptying.moved != before);
	return failed;
}

bool folder_empty(const char *path, struct error *error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd < 0)
		return errno == ENOENT || error_errno(error, errno, "cannot open %s", path);
	int failed = fstat(fd, &status) == 0 ? empty_top(fd, status.st_dev) : errno;
	close(fd);
	return failed == 0 || error_errno(error, failed, "cannot empty %s", path);
}

bool folder_remove(const char *path, struct error *error)
{
	if (!folder_empty(path, error))
		return false;
	return rmdir(path) == 0 || errno == ENOENT || error_errno(error, errno, "cannot remove %s", path);
}

static bool sync_folder_of(const char *path)
{
	char folder[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash - path) >= sizeof(folder))
		return false;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return synced;
}

bool folder_write_file(const char *path, const char *text, size_t size, bool durable, struct error *error)
{
	char temporary[PATH_BYTES];
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(error, errno, "cannot make %s", temporary);
	bool written = write(fd, text, size) == (ssize_t)size && (!durable || fsync(fd) == 0);
	int failed = errno;
	close(fd);
	if (!written || rename(temporary, path) != 0) {
		failed = written ? errno : failed;
		unlink(temporary);
		return error_errno(error, failed, "cannot write %s", path);
	}
	return !durable || sync_folder_of(path) || error_errno(error, errno, "cannot sync the folder of %s", path);
}

static int copy_bytes(int source, int target, off_t from, off_t end)
{
	char buffer[65536];
	while (from < end) {
		size_t wanted = (size_t)(end - from) < sizeof(buffer) ? (size_t)(end - from) : sizeof(buffer);
		ssize_t size = pread(source, buffer, wanted, from);
		if (size <= 0)
			return size == 0 ? EIO : errno;
		ssize_t written = pwrite(target, buffer, (size_t)size, from);
		if (written != size)
			return written < 0 ? errno : ENOSPC;
		from += size;
	}
	return 0;
}

/* Copies the bytes from `from` up to `end`; returns 0 or an errno. Within a file system the kernel copies, or
 * shares; between two it may refuse to. */
static int copy_range(int source, int target, off_t from, off_t end)
{
	off_t to = from;
	while (from < end) {
		ssize_t size = copy_file_range(source, &from, target, &to, (size_t)(end - from), 0);
		if (size < 0)
			return errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS
				   ? copy_bytes(source, target, from, end)
				   : errno;
		if (size == 0)
			return EIO;
	}
	return 0;
}

static int copy_data(int source, int target, off_t size)
{
	if (ftruncate(target, size) != 0)
		return errno;
	for (off_t at = 0; at < size;) {
		off_t data = lseek(source, at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : errno;
		off_t hole = lseek(source, data, SEEK_HOLE);
		if (hole < 0)
			return errno;
		int failed = copy_range(source, target, data, hole);
		if (failed != 0)
			return failed;
		at = hole;
	}
	return 0;
}

bool folder_copy_sparse(const char *from, const char *to, mode_t mode, struct error *error)
{
	struct stat status;
	int source = open(from, O_RDONLY | O_CLOEXEC);
	if (source < 0)
		return error_errno(error, errno, "cannot open %s", from);
	int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int failed = target < 0 || fstat(source, &status) != 0 ? errno : copy_data(source, target, status.st_size);
	close(source);
	if (target >= 0)
		close(target);
	if (failed != 0 && target >= 0)
		unlink(to);
	return failed == 0 || error_errno(error, failed, "cannot copy %s to %s", from, to);
}
