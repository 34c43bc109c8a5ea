/* The root of image "host" is a skeleton that is written once, before anything of the workspace has run;
 * afterwards the agent never again writes into it, since the workspace could have put links there.
 * Images are named by users, so they are opened beneath the images' folder and never by path. */
#include "nodeagent/runtime/oci/image.h"

#include "bus/foundation/clock.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/disk.h"
#include "nodeagent/runtime/oci/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const image_host_paths[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ssl/certs", NULL};

/* Folders of the skeleton, with their modes. */
static const struct {
	const char *path;
	mode_t mode;
} skeleton_folders[] = {
    {"etc", 0755},  {"etc/ssl", 0755}, {"dev", 0755},	   {"proc", 0555},    {"sys", 0555},	   {"run", 0755},
    {"tmp", 01777}, {"var", 0755},     {"var/tmp", 01777}, {"var/log", 0755}, {"var/cache", 0755}, {"var/lib", 0755},
    {"home", 0755}, {"root", 0700},    {"opt", 0755},	   {"srv", 0755},     {"mnt", 0755},	   {"workspace", 0755},
};

static const struct {
	const char *path;
	const char *text;
} skeleton_files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
    {"etc/hosts", ""},
    {"etc/hostname", ""},
    {"etc/resolv.conf", ""},
};

enum { UNPACK_TIMEOUT_MS = 30 * 60 * 1000 };

#define UNPACKED   ".unpacked-"
#define UNFINISHED ".new-"

static unsigned long long process_number;

static void take_number(void)
{
	process_number = (unsigned long long)clock_wall_ms() << 20 ^ (unsigned long long)clock_monotonic_ns();
}

bool image_is_host(const char *image)
{
	return image == NULL || image[0] == '\0' || strcmp(image, "host") == 0;
}

static bool add_folder(int root, const char *path, mode_t mode, uint32_t owner)
{
	return (mkdirat(root, path, mode) == 0 || errno == EEXIST) && fchmodat(root, path, mode, 0) == 0 &&
	       fchownat(root, path, owner, owner, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool add_file(int root, const char *path, const char *text, uint32_t owner)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t size = strlen(text);
	bool done = fd >= 0 && write(fd, text, size) == (ssize_t)size && fchown(fd, owner, owner) == 0;
	if (fd >= 0)
		close(fd);
	return done;
}

/* A path of the machine: the same link, or a folder to mount on. */
static bool add_host_path(int root, const char *path, uint32_t owner)
{
	char target[PLACE_PATH_MAX];
	struct stat status;
	if (lstat(path, &status) != 0)
		return true;
	if (!S_ISLNK(status.st_mode))
		return add_folder(root, path + 1, 0755, owner);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	return (symlinkat(target, root, path + 1) == 0 || errno == EEXIST) &&
	       fchownat(root, path + 1, owner, owner, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool write_skeleton(int root, uint32_t owner)
{
	bool done = true;
	for (size_t i = 0; done && i < sizeof(skeleton_folders) / sizeof(skeleton_folders[0]); i++)
		done = add_folder(root, skeleton_folders[i].path, skeleton_folders[i].mode, owner);
	for (size_t i = 0; done && i < sizeof(skeleton_files) / sizeof(skeleton_files[0]); i++)
		done = add_file(root, skeleton_files[i].path, skeleton_files[i].text, owner);
	for (const char *const *path = image_host_paths; done && *path != NULL; path++)
		done = add_host_path(root, *path, owner);
	return done;
}

static bool make_host_root(const struct place *place, uint32_t first_user, char *root, struct error *error)
{
	place_join(root, place->disk, "root");
	if (root_is_whole(place))
		return true;
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd >= 0 && write_skeleton(fd, first_user);
	int failed = errno;
	if (fd >= 0)
		close(fd);
	if (!done)
		return error_errno(error, failed, "cannot make the root of workspace %s", place->id);
	return true;
}

/* Opens a name beneath the images' folder: no way out by links or dots. */
static int open_image(const char *folder, const char *name, struct stat *status)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int images = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = images < 0 ? -1 : (int)syscall(SYS_openat2, images, name, &how, sizeof(how));
	if (images >= 0)
		close(images);
	if (fd >= 0 && fstat(fd, status) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A number that no other process has had: that of the moment in which this one first asked for it. */
static unsigned long long this_process(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, take_number);
	return process_number;
}

void image_forget_unfinished(const struct runtime_settings *settings)
{
	char mine[32], path[PLACE_PATH_MAX];
	struct dirent *entry;
	DIR *folder = opendir(settings->folder);
	snprintf(mine, sizeof(mine), UNFINISHED "%llx-", this_process());
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, UNPACKED, sizeof(UNPACKED) - 1) == 0 &&
		    strstr(entry->d_name, UNFINISHED) != NULL && strstr(entry->d_name, mine) == NULL &&
		    place_join(path, settings->folder, entry->d_name))
			folder_remove(path, NULL);
	if (folder != NULL)
		closedir(folder);
}

/* The folder that an archive is unpacked into, once per archive and time of change. */
static bool unpack(const struct runtime_settings *settings, int archive, const struct stat *status,
		   const struct external_wait *wait, char *folder, struct error *error)
{
	char name[128], fresh[PLACE_PATH_MAX + 32], source[64];
	snprintf(name, sizeof(name), UNPACKED "%llx-%llx-%llx.%lx", (unsigned long long)status->st_ino,
		 (unsigned long long)status->st_size, (unsigned long long)status->st_mtim.tv_sec,
		 status->st_mtim.tv_nsec);
	if (!place_join(folder, settings->folder, name))
		return error_set(error, ERROR_INTERNAL, "path of the images is too long");
	if (folder_exists(folder))
		return true;
	/* One of several workspaces that unpack at once wins the rename. */
	snprintf(fresh, sizeof(fresh), "%s" UNFINISHED "%llx-%d", folder, this_process(), (int)syscall(SYS_gettid));
	snprintf(source, sizeof(source), "/proc/%d/fd/%d", getpid(), archive);
	char *argv[] = {"tar",
			"--extract",
			"--auto-compress",
			"--numeric-owner",
			"--preserve-permissions",
			"--directory",
			fresh,
			"--file",
			source,
			NULL};
	struct arena *arena = arena_new();
	struct external_options options = {.argv = argv, .timeout_ms = UNPACK_TIMEOUT_MS};
	struct external_result result;
	bool done = folder_make(fresh, 0755, error) && external_run(&options, wait, arena, &result, error);
	if (done && result.exit_code != 0)
		done = error_set(error, ERROR_PROVISIONING_FAILED, "The image's archive cannot be unpacked.");
	if (done && rename(fresh, folder) != 0 && !folder_exists(folder))
		done = error_errno(error, errno, "cannot name %s", folder);
	folder_remove(fresh, NULL);
	arena_free(arena);
	return done;
}

/* A copy of the image's tree in which its users are the workspace's. Where the file system cannot do
 * that, its files belong to nobody inside, which is enough to read them. */
static bool mount_lower(int image, const struct place *place, int user_fd, struct error *error)
{
	if (!folder_make(place->lower, 0711, error))
		return false;
	int tree = (int)syscall(SYS_open_tree, image, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return error_errno(error, errno, "cannot show the image");
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID};
	syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes));
	if (user_fd >= 0) {
		attributes.attr_set = MOUNT_ATTR_IDMAP;
		attributes.userns_fd = (uint64_t)user_fd;
		syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes));
	}
	bool moved = syscall(SYS_move_mount, tree, "", AT_FDCWD, place->lower, MOVE_MOUNT_F_EMPTY_PATH) == 0;
	int failed = errno;
	close(tree);
	return moved || error_errno(error, failed, "cannot mount the image");
}

static bool mount_overlay(const struct place *place, struct error *error)
{
	char options[PLACE_PATH_MAX * 4];
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", place->lower, place->disk,
		 place->disk);
	return mount("overlay", place->root, "overlay", MS_NOSUID | MS_NODEV, options) == 0 ||
	       error_errno(error, errno, "cannot lay the workspace over its image");
}

static bool no_such_image(const char *image, struct error *error)
{
	return error_set(error, ERROR_PROVISIONING_FAILED,
			 "There is no image \"%.200s\" on this node. Use \"host\", or the name of a folder or tar "
			 "archive among the node's images.",
			 image);
}

bool image_exists(const struct runtime_settings *settings, const char *image, struct error *error)
{
	char images[PLACE_PATH_MAX];
	struct stat status;
	if (image_is_host(image))
		return true;
	place_images_folder(settings, images);
	int fd = image[0] == '.' ? -1 : open_image(images, image, &status);
	if (fd < 0)
		return no_such_image(image, error);
	close(fd);
	return true;
}

bool image_make_root(const struct runtime_settings *settings, const struct place *place, const char *image,
		     uint32_t first_user, int user_fd, const struct external_wait *wait, char *root,
		     struct error *error)
{
	if (image_is_host(image))
		return make_host_root(place, first_user, root, error);
	snprintf(root, PLACE_PATH_MAX, "%s", place->root);
	if (disk_is_mount_point(place->root))
		return true;
	char images[PLACE_PATH_MAX], unpacked[PLACE_PATH_MAX];
	struct stat status;
	place_images_folder(settings, images);
	int fd = image[0] == '.' ? -1 : open_image(images, image, &status);
	if (fd < 0)
		return no_such_image(image, error);
	bool done = true;
	if (!S_ISDIR(status.st_mode)) {
		done = unpack(settings, fd, &status, wait, unpacked, error);
		close(fd);
		fd = done ? open(unpacked, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
		done = fd >= 0;
	}
	done = done && disk_detach_image(place, error) && mount_lower(fd, place, user_fd, error) &&
	       folder_make(place->root, 0711, error) && mount_overlay(place, error);
	if (fd >= 0)
		close(fd);
	return done;
}
