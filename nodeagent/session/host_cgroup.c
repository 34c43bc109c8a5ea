/* The host's own cgroup. A service manager ends a service by killing its cgroup: on cgroup v2 the one
 * in the unified hierarchy, on v1 and on hybrid systems the one in the hierarchy named systemd. A
 * session host therefore leaves its agent's cgroup in these. The others (memory, cpu ...) only limit;
 * there it stays where it is. */
#include "nodeagent/session/host.h"

#include "bus/foundation/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { CGROUP2_MAGIC = 0x63677270, CGROUP1_MAGIC = 0x27e0eb };

/* Relative, and no way out of the hierarchy. */
static bool is_clean(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && strstr(name, "..") == NULL && strlen(name) < 512;
}

static bool make_path(int root, const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/", name);
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(root, path, 0755) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return true;
}

static void enter(const char *root_path, long magic, const char *name)
{
	struct statfs status;
	int root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	if (fstatfs(root, &status) != 0 || (long)status.f_type != magic) {
		close(root);
		return;
	}
	char procs[1024];
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", name);
	bool made = make_path(root, name);
	int fd = made ? openat(root, procs, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0 || write(fd, "0", 1) != 1)
		log_warning("stays in the cgroup of its agent under %s: %s", root_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	close(root);
}

void host_cgroup_enter(const char *name)
{
	if (!is_clean(name)) {
		log_warning("the name of the cgroup is not clean");
		return;
	}
	enter("/sys/fs/cgroup", CGROUP2_MAGIC, name);
	enter("/sys/fs/cgroup/unified", CGROUP2_MAGIC, name);
	enter("/sys/fs/cgroup/systemd", CGROUP1_MAGIC, name);
}
