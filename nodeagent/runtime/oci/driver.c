/* The oci driver's table and its life as a whole. The steps of a workspace's life are in start.c and
 * stop.c, trying out in probe.c, sessions in enter.c, what exists in inventory.c. */
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/firewall.h"
#include "nodeagent/runtime/oci/image.h"
#include "nodeagent/runtime/oci/network.h"
#include "nodeagent/runtime/oci/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool oci_open(const struct runtime_settings *settings, void **state, struct error *error)
{
	const char *installation = settings->installation != NULL ? settings->installation : "";
	if (!runtime_valid_id(installation) || strlen(installation) > 26 || strpbrk(installation, "-_") != NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "not an id of an installation: %s", installation);
	struct oci_state *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return error_set(error, ERROR_INTERNAL, "no memory");
	fresh->settings = *settings;
	pthread_mutex_init(&fresh->lock, NULL);
	snprintf(fresh->trouble, sizeof(fresh->trouble), "No container runtime has been tried yet.");
	*state = fresh;
	return true;
}

static void oci_close(void *opaque)
{
	struct oci_state *state = opaque;
	struct arena *arena = arena_new();
	const char **ids;
	size_t count = 0;
	while (state->networks != NULL) {
		struct oci_network *network = state->networks;
		state->networks = network->next;
		namespaces_close(&network->namespaces);
		free(network);
	}
	/* The rules are needed for as long as one workspace runs, with or without an agent. */
	if (network_list(&state->settings, arena, &ids, &count, NULL) && count == 0) {
		char run[PLACE_PATH_MAX], group[64];
		firewall_remove(&state->settings, NULL);
		place_run_folder(&state->settings, run);
		if (rmdir(run) == 0)
			rmdir("/run/roost");
		snprintf(group, sizeof(group), "roost/%s", state->settings.installation);
		if (cgroup_remove_empty(group))
			cgroup_remove_empty("roost");
	}
	arena_free(arena);
	pthread_mutex_destroy(&state->lock);
	free(state);
}

bool oci_ability(struct oci_state *state, struct oci_ability *ability, struct error *error)
{
	pthread_mutex_lock(&state->lock);
	bool able = state->binary[0] != '\0';
	snprintf(ability->binary, sizeof(ability->binary), "%s", state->binary);
	ability->user_namespace = state->user_namespace;
	ability->disk_limit = state->disk_limit;
	if (!able)
		error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s", state->trouble);
	pthread_mutex_unlock(&state->lock);
	return able;
}

static bool oci_preflight(void *opaque, const struct runtime_workspace *workspace, struct error *error)
{
	struct oci_state *state = opaque;
	struct oci_ability ability;
	return oci_ability(state, &ability, error) && image_exists(&state->settings, workspace->image, error);
}

/* Without its rules a running workspace could reach the machine's own addresses and its neighbours. */
static bool oci_tend(void *opaque, struct error *error)
{
	struct oci_state *state = opaque;
	return firewall_ensure(&state->settings, error);
}

static bool oci_is_running(void *opaque, const char *workspace_id, bool *running, struct error *error)
{
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	*running = cgroup_first_process(place.cgroup) != 0;
	return true;
}

static uint32_t oci_process_limit_reached(void *opaque, const char *workspace_id)
{
	const struct oci_state *state = opaque;
	struct place place;
	return place_of(&state->settings, workspace_id, &place, NULL) && cgroup_at_process_limit(place.cgroup)
		   ? state->settings.processes_max
		   : 0;
}

static bool oci_watch(void *opaque, const char *workspace_id, int *pidfd, struct error *error)
{
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	pid_t pid = cgroup_first_process(place.cgroup);
	*pidfd = pid == 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	/* Still the first process once the descriptor is there: then the number had not been reused. */
	if (*pidfd >= 0 && cgroup_first_process(place.cgroup) == pid)
		return true;
	if (*pidfd >= 0)
		close(*pidfd);
	*pidfd = -1;
	return error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "The workspace is not running.");
}

static bool oci_paths(void *opaque, struct arena *arena, const char *workspace_id, const char **checkout,
		      const char **marks, struct error *error)
{
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace_id, &place, error))
		return false;
	*checkout = arena_printf(arena, "%s/workspace", place.disk);
	*marks = arena_printf(arena, "%s/marks", place.disk);
	return true;
}

const struct runtime_driver runtime_driver_oci = {
    .name = "oci",
    .open = oci_open,
    .close = oci_close,
    .probe = oci_probe,
    .tend = oci_tend,
    .preflight = oci_preflight,
    .make_disk = oci_make_disk,
    .make_network = oci_make_network,
    .start = oci_start,
    .is_running = oci_is_running,
    .process_limit_reached = oci_process_limit_reached,
    .watch = oci_watch,
    .stop = oci_stop,
    .remove = oci_remove,
    .sync = oci_sync,
    .count_left = oci_count_left,
    .list = oci_list,
    .command = oci_command,
    .kill_processes = oci_kill_processes,
    .bind = oci_bind,
    .unbind = oci_unbind,
    .paths = oci_paths,
};
