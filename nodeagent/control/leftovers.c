/* Folders and cgroups. What cannot be removed is named in the agent's log and stays. */
#include "nodeagent/control/leftovers.h"

#include "bus/foundation/log.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOSTS_VANISH_MS = 2000 };

void leftovers_remove_cgroups(const struct agent_settings *settings)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"};
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char hosts[160];
		char parent[128];
		snprintf(parent, sizeof(parent), "%s/roost-%s", roots[i], settings->node_id);
		snprintf(hosts, sizeof(hosts), "%s/sessionhosts", parent);
		for (int waited = 0; rmdir(hosts) != 0 && errno == EBUSY && waited < HOSTS_VANISH_MS; waited += 10)
			usleep(10 * 1000);
		rmdir(parent);
	}
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
	(void)facts;
	(void)kind;
	(void)place;
	if (remove(path) != 0)
		log_warning("%s stays: %s", path, strerror(errno));
	return 0;
}

/* True when it is not there afterwards. */
static bool remove_folder(const char *path)
{
	enum { OPEN_MOST = 16 };
	struct stat facts;
	nftw(path, remove_entry, OPEN_MOST, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return lstat(path, &facts) != 0;
}

bool leftovers_remove_folders(const struct agent_settings *settings)
{
	bool workspaces = remove_folder(settings->workspaces_folder);
	bool sessions = remove_folder(settings->sessions_folder);
	bool logs = remove_folder(settings->logs_folder);
	return workspaces && sessions && logs;
}

void leftovers_remove_database(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".damaged", ".ballast"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char name[4096];
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}
