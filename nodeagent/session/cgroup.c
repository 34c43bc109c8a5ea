/* Entering, leaving and removing a cgroup in the hierarchies that matter to session hosts. The last host
 * to end removes the folder, while another may just be entering: entering therefore tries again. */
#include "nodeagent/session/cgroup.h"

#include "bus/foundation/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { CGROUP2_MAGIC = 0x63677270, CGROUP1_MAGIC = 0x27e0eb, NAME_MAX_BYTES = 512, PATH_BYTES = 600, TRIES = 8 };

static const struct hierarchy {
	const char *root;
	long magic;
} hierarchies[] = {
    {"/sys/fs/cgroup", CGROUP2_MAGIC},
    {"/sys/fs/cgroup/unified", CGROUP2_MAGIC},
    {"/sys/fs/cgroup/systemd", CGROUP1_MAGIC},
};

/* Relative, and no way out of the hierarchy. */
static bool is_clean(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && strstr(name, "..") == NULL && strlen(name) < NAME_MAX_BYTES;
}

/* The hierarchy's root folder, -1 when it is not mounted. */
static int open_root(const struct hierarchy *hierarchy)
{
	struct statfs status;
	int root = open(hierarchy->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	if (fstatfs(root, &status) == 0 && (long)status.f_type == hierarchy->magic)
		return root;
	close(root);
	return -1;
}

static void make_folders(int root, const char *name)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/", name);
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdirat(root, path, 0755); /* opening what is inside tells */
		*slash = '/';
	}
}

static void remove_folders(int root, const char *name)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s", name);
	while (unlinkat(root, path, AT_REMOVEDIR) == 0) {
		char *slash = strrchr(path, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

static bool move_to(int root, const char *name)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	int fd = openat(root, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool moved = write(fd, "0", 1) == 1;
	int number = errno;
	close(fd);
	errno = number;
	return moved;
}

static void enter(int root, const char *name)
{
	for (int tries = 0; tries < TRIES; tries++) {
		make_folders(root, name);
		if (move_to(root, name))
			return;
		if (errno != ENOENT && errno != ENODEV)
			break;
	}
	log_warning("stays in the cgroup of its agent: %s", strerror(errno));
}

static void leave(int root, const char *name)
{
	if (move_to(root, "."))
		remove_folders(root, name);
}

static void in_each(const char *name, void (*act)(int root, const char *name))
{
	if (!is_clean(name)) {
		log_warning("the name of the cgroup is not clean");
		return;
	}
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
		int root = open_root(&hierarchies[i]);
		if (root < 0)
			continue;
		act(root, name);
		close(root);
	}
}

void cgroup_enter(const char *name)
{
	in_each(name, enter);
}

void cgroup_leave(const char *name)
{
	in_each(name, leave);
}

void cgroup_remove(const char *name)
{
	in_each(name, remove_folders);
}
