/* The loop device is set to clear itself, so it lives exactly as long as the mount: nothing is left when
 * the process dies in between. The image appears under its name only when it is whole. */
#include "nodeagent/runtime/oci/disk.h"

#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { LOOP_TRIES = 64, LOOP_NUMBERS = 4096, BUSY_TRIES = 400, UNMOUNT_DEPTH_MAX = 64 };

static bool template_path(const struct runtime_settings *settings, char *path)
{
	char name[64];
	snprintf(name, sizeof(name), ".disk-%llu-reserve.ext4", (unsigned long long)settings->disk_mb);
	return place_join(path, settings->folder, name);
}

/* The folders of every disk, in the template already: making one on a fresh disk costs a third of a
 * millisecond, since ext4 spreads them and first reads where it puts them. */
static const char *const disk_folders[] = {"root", "upper", "work", "workspace", "marks"};

static bool make_pattern(const char *pattern, struct error *error)
{
	for (size_t i = 0; i < sizeof(disk_folders) / sizeof(disk_folders[0]); i++) {
		char path[PLACE_PATH_MAX];
		if (!place_join(path, pattern, disk_folders[i]) || !folder_make(path, 0755, error))
			return false;
	}
	char path[PLACE_PATH_MAX];
	return place_join(path, pattern, RESERVE_FOLDER) && reserve_fill(path, error);
}

static bool format(const char *path, const char *pattern, uint64_t size_mb, const struct external_wait *wait,
		   struct error *error)
{
	char size[32];
	snprintf(size, sizeof(size), "%lluM", (unsigned long long)size_mb);
	/* A new sparse file reads as zeros: nothing has to be cleared, now or in the background. */
	char *argv[] = {"mkfs.ext4",
			"-q",
			"-F",
			"-m",
			"0",
			"-O",
			"^resize_inode",
			"-E",
			"assume_storage_prezeroed=1,lazy_journal_init=1,nodiscard",
			"-d",
			(char *)pattern,
			(char *)path,
			size,
			NULL};
	struct arena *arena = arena_new();
	struct external_options options = {.argv = argv, .timeout_ms = 120000};
	struct external_result result;
	bool made = external_run(&options, wait, arena, &result, error);
	if (made && result.exit_code != 0)
		made = error_set(error, ERROR_INTERNAL, "mkfs.ext4 failed: %s", result.output);
	arena_free(arena);
	return made;
}

static bool format_template(const struct runtime_settings *settings, const char *path, const struct external_wait *wait,
			    struct error *error)
{
	char fresh[PLACE_PATH_MAX + 8], pattern[PLACE_PATH_MAX + 16];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(pattern, sizeof(pattern), "%s.pattern", path);
	unlink(fresh);
	bool made = make_pattern(pattern, error) && format(fresh, pattern, settings->disk_mb, wait, error);
	if (made && rename(fresh, path) != 0)
		made = error_errno(error, errno, "cannot name %s", path);
	if (!made)
		unlink(fresh);
	folder_remove(pattern, NULL);
	return made;
}

bool disk_make_template(const struct runtime_settings *settings, const struct external_wait *wait, struct error *error)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char path[PLACE_PATH_MAX];
	if (!template_path(settings, path))
		return error_set(error, ERROR_INTERNAL, "the workspace folder's path is too long");
	pthread_mutex_lock(&lock);
	bool made = folder_exists(path) || format_template(settings, path, wait, error);
	pthread_mutex_unlock(&lock);
	return made;
}

bool disk_is_mount_point(const char *path)
{
	struct statx status;
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
	       (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

uint64_t disk_size(const struct place *place)
{
	enum { BLOCK = 512 };
	struct stat status;
	return lstat(place->image, &status) == 0 ? (uint64_t)status.st_blocks * BLOCK : 0;
}

uint32_t disk_count_mounts(const char *folder)
{
	char line[4096], path[PLACE_PATH_MAX];
	uint32_t count = 0;
	size_t length = strlen(folder);
	FILE *mounts = fopen("/proc/self/mounts", "re");
	while (mounts != NULL && fgets(line, sizeof(line), mounts) != NULL)
		if (sscanf(line, "%*s %511s", path) == 1 && strncmp(path, folder, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			count++;
	if (mounts != NULL)
		fclose(mounts);
	return count;
}

bool disk_attached(const struct place *place)
{
	return disk_is_mount_point(place->disk);
}

bool disk_exists(const struct place *place)
{
	return folder_exists(place->image) || folder_exists(place->files);
}

static bool enough_space(const struct runtime_settings *settings, struct error *error)
{
	struct statvfs space;
	if (settings->disk_reserve_mb == 0 || statvfs(settings->folder, &space) != 0)
		return true;
	uint64_t available_mb = (uint64_t)space.f_bavail * space.f_frsize >> 20;
	return available_mb >= settings->disk_reserve_mb ||
	       error_set(error, ERROR_PLATFORM_UNAVAILABLE,
			 "The node's disk is nearly full: %llu MiB are free and %llu MiB are kept in reserve.",
			 (unsigned long long)available_mb, (unsigned long long)settings->disk_reserve_mb);
}

static bool make_image(const struct runtime_settings *settings, const struct place *place, struct error *error)
{
	char path[PLACE_PATH_MAX], fresh[PLACE_PATH_MAX + 8];
	/* Somebody may have taken the template away since the node was tried. */
	if (!enough_space(settings, error) || !disk_make_template(settings, NULL, error))
		return false;
	template_path(settings, path);
	snprintf(fresh, sizeof(fresh), "%s.new", place->image);
	unlink(fresh);
	if (!folder_copy_sparse(path, fresh, 0600, error))
		return false;
	return rename(fresh, place->image) == 0 || error_errno(error, errno, "cannot name %s", place->image);
}

/* Numbers of loop devices that threads of this process are just taking: until a device is configured, the
 * kernel tells everybody who asks that it is free. */
static pthread_mutex_t taking_lock = PTHREAD_MUTEX_INITIALIZER;
static bool taking[LOOP_NUMBERS];

static bool is_bound(int number)
{
	char path[64];
	snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", number);
	return access(path, F_OK) == 0;
}

/* A free number that no other thread has, or -1 with errno. */
static int claim_number(int control)
{
	pthread_mutex_lock(&taking_lock);
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	int failed = errno;
	while (number >= 0 && number < LOOP_NUMBERS && (taking[number] || is_bound(number)))
		number++;
	if (number >= 0 && number < LOOP_NUMBERS)
		taking[number] = true;
	pthread_mutex_unlock(&taking_lock);
	errno = failed;
	return number;
}

static void give_number_back(int number)
{
	pthread_mutex_lock(&taking_lock);
	if (number >= 0 && number < LOOP_NUMBERS)
		taking[number] = false;
	pthread_mutex_unlock(&taking_lock);
}

/* The loop device of a number over the image, or -1 with errno; EBUSY when it is another process's. */
static int take_loop(int control, int number, const struct loop_config *config)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	int loop = open(path, O_RDWR | O_CLOEXEC);
	if (loop < 0 && errno == ENOENT && ioctl(control, LOOP_CTL_ADD, number) >= 0)
		loop = open(path, O_RDWR | O_CLOEXEC);
	if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, config) != 0) {
		int failed = errno;
		close(loop);
		errno = failed;
		loop = -1;
	}
	return loop;
}

/* A loop device over the open image, or -1 with errno. */
static int open_loop(int image, const char *label)
{
	struct loop_config config = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
	snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", label);
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -1;
	int loop = -1, failed = EBUSY;
	for (int tries = 0; loop < 0 && failed == EBUSY && tries < LOOP_TRIES; tries++) {
		int number = claim_number(control);
		loop = number < 0 ? -1 : take_loop(control, number, &config);
		failed = errno;
		give_number_back(number);
	}
	close(control);
	errno = failed;
	return loop;
}

/* A device that clears itself takes a moment to let go. */
static bool lock_image(int image)
{
	for (int tries = 0; flock(image, LOCK_EX | LOCK_NB) != 0; tries++) {
		struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
		if (tries >= BUSY_TRIES)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool mount_image(const struct place *place, struct error *error)
{
	int image = open(place->image, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (image < 0)
		return error_errno(error, errno, "cannot open %s", place->image);
	/* The loop device keeps the open file, and with it the lock, for as long as the disk is mounted anywhere,
	 * also in a sandbox that was shown a part of it: it cannot be mounted twice, which would wreck it. */
	if (!lock_image(image)) {
		close(image);
		return error_set(error, ERROR_BUSY, "The disk of workspace %s is still in use.", place->id);
	}
	int loop = open_loop(image, place->id);
	int failed = errno;
	close(image);
	if (loop < 0)
		return error_errno(error, failed, "cannot get a loop device");
	char device[64], link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", loop);
	ssize_t length = readlink(link, device, sizeof(device) - 1);
	device[length > 0 ? length : 0] = '\0';
	int mounted = mount(device, place->disk, "ext4", MS_NOSUID | MS_NODEV, "discard");
	failed = errno;
	close(loop);
	return mounted == 0 || error_errno(error, failed, "cannot mount %s", place->image);
}

static bool mount_files(const struct runtime_settings *settings, const struct place *place, struct error *error)
{
	if (!folder_exists(place->files) && (!enough_space(settings, error) || !folder_make(place->files, 0700, error)))
		return false;
	if (mount(place->files, place->disk, NULL, MS_BIND, NULL) != 0)
		return error_errno(error, errno, "cannot mount %s", place->files);
	mount(NULL, place->disk, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL);
	return true;
}

/* The top folder and those in it; a disk that has them already must belong to the same user. */
static bool furnish(const struct place *place, uint32_t first_user, struct error *error)
{
	char path[PLACE_PATH_MAX + 16];
	struct stat status;
	snprintf(path, sizeof(path), "%s/marks/furnished", place->disk);
	if (folder_exists(path)) {
		if (stat(place->disk, &status) == 0 && status.st_uid == first_user)
			return true;
		return error_set(
		    error, ERROR_PLATFORM_UNAVAILABLE,
		    "The workspace's disk was made under another way of mapping users than the node has now.");
	}
	bool done = true;
	for (size_t i = 0; done && i < sizeof(disk_folders) / sizeof(disk_folders[0]); i++) {
		char folder[PLACE_PATH_MAX + 16];
		bool ours = strcmp(disk_folders[i], "marks") == 0;
		snprintf(folder, sizeof(folder), "%s/%s", place->disk, disk_folders[i]);
		done = (mkdir(folder, 0755) == 0 || errno == EEXIST) && chmod(folder, ours ? 0700 : 0755) == 0 &&
		       (ours || chown(folder, first_user, first_user) == 0);
	}
	done = done && chmod(place->disk, 0700) == 0 && chown(place->disk, first_user, first_user) == 0;
	if (!done)
		return error_errno(error, errno, "cannot furnish the disk of workspace %s", place->id);
	return folder_write_file(path, "", 0, false, error);
}

bool disk_attach(const struct runtime_settings *settings, const struct place *place, bool limited, uint32_t first_user,
		 struct error *error)
{
	if (!folder_make(place->disk, 0711, error) || chmod(place->run, 0711) != 0)
		return false;
	if (!disk_attached(place)) {
		/* A disk of either kind stays what it was made as. */
		bool as_files = folder_exists(place->files) || (!limited && !folder_exists(place->image));
		if (!as_files && !folder_exists(place->image) && !make_image(settings, place, error))
			return false;
		if (!(as_files ? mount_files(settings, place, error) : mount_image(place, error)))
			return false;
	}
	return furnish(place, first_user, error);
}

/* Whoever on the machine looks at a mount (df, find) keeps it busy for a moment; what a workspace's own
 * processes held ended with them. */
static int unmount(const char *path)
{
	for (int tries = 0; umount2(path, UMOUNT_NOFOLLOW) != 0; tries++) {
		struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
		if (errno != EBUSY || tries >= BUSY_TRIES)
			return errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool detach_all_at(const char *path, struct error *error)
{
	int failed = 0;
	for (int depth = 0; failed == 0 && disk_is_mount_point(path) && depth < UNMOUNT_DEPTH_MAX; depth++)
		failed = unmount(path);
	return failed == 0 || error_errno(error, failed, "cannot unmount %s", path);
}

bool disk_detach_image(const struct place *place, struct error *error)
{
	return detach_all_at(place->root, error) && detach_all_at(place->lower, error);
}

/* The mount that lies latest below the folder, which no other one covers; false when there is none. */
static bool find_stray(const char *folder, char stray[PLACE_PATH_MAX])
{
	char line[4096], path[PLACE_PATH_MAX];
	size_t length = strlen(folder);
	bool found = false;
	FILE *mounts = fopen("/proc/self/mounts", "re");
	while (mounts != NULL && fgets(line, sizeof(line), mounts) != NULL) {
		if (sscanf(line, "%*s %511s", path) != 1 || strncmp(path, folder, length) != 0 || path[length] != '/')
			continue;
		memcpy(stray, path, PLACE_PATH_MAX);
		found = true;
	}
	if (mounts != NULL)
		fclose(mounts);
	return found;
}

/* runc mounts its own program over a file in its folder for a moment, and leaves it there when it is killed
 * just then. */
static bool detach_strays(const struct place *place, struct error *error)
{
	char stray[PLACE_PATH_MAX];
	int failed = 0;
	for (int tries = 0; failed == 0 && tries < UNMOUNT_DEPTH_MAX && find_stray(place->run, stray); tries++)
		failed = unmount(stray);
	return failed == 0 || error_errno(error, failed, "cannot unmount %s", stray);
}

bool disk_detach(const struct place *place, struct error *error)
{
	return disk_detach_image(place, error) && detach_all_at(place->disk, error) && detach_strays(place, error);
}
