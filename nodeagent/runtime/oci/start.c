/* Disk, network and sandbox of one workspace. Each step looks first at what is there. The order of the
 * sandbox's making: what an earlier attempt left is taken away, then namespaces with a ready network,
 * root, bundle, and one call of the runtime. */
#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/bundle.h"
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/disk.h"
#include "nodeagent/runtime/oci/firewall.h"
#include "nodeagent/runtime/oci/image.h"
#include "nodeagent/runtime/oci/network.h"
#include "nodeagent/runtime/oci/reserve.h"
#include "nodeagent/runtime/oci/root.h"
#include "nodeagent/runtime/oci/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 3000 };

int oci_lock_workspace(const struct place *place, struct error *error)
{
	char path[PLACE_PATH_MAX + 8];
	snprintf(path, sizeof(path), "%s/lock", place->keep);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		error_errno(error, errno, "cannot open %s", path);
		return -1;
	}
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
		struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
		if (tries >= LOCK_TRIES) {
			close(fd);
			error_set(error, ERROR_BUSY,
				  "Another program of the node still holds the workspace and does not end.");
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* The label of this generation, written before anything that it has to explain. */
static bool keep_label(const struct oci_state *state, const struct place *place,
		       const struct runtime_workspace *workspace, uint32_t slot, struct error *error)
{
	struct label label = {0};
	bool known = label_read(place, &state->settings, &label);
	slot = slot != 0 ? slot : label.slot;
	if (known && label.generation == workspace->generation && label.slot == slot)
		return true;
	snprintf(label.owner, sizeof(label.owner), "%s", workspace->owner);
	if (label.made_at == 0)
		label.made_at = workspace->made_at != 0 ? workspace->made_at : clock_wall_ms();
	label.generation = workspace->generation;
	label.slot = slot;
	return label_write(place, &state->settings, &label, error);
}

static bool make_disk_locked(struct oci_state *state, const struct oci_ability *ability, const struct place *place,
			     const struct runtime_workspace *workspace, struct error *error)
{
	uint32_t first_user = namespaces_first_user(workspace->id, ability->user_namespace);
	bool existed = disk_exists(place);
	/* A sandbox that still runs keeps its label, which tells the generation that it was started with. */
	bool running = cgroup_first_process(place->cgroup) != 0;
	if ((running || keep_label(state, place, workspace, 0, error)) &&
	    disk_attach(&state->settings, place, ability->disk_limit, first_user, error))
		return true;
	if (running)
		return false;
	disk_detach(place, NULL);
	folder_remove(place->run, NULL);
	if (!existed) {
		unlink(place->image);
		folder_remove(place->keep, NULL);
	}
	return false;
}

bool oci_make_disk(void *opaque, struct external_wait *wait, const struct runtime_workspace *workspace,
		   struct error *error)
{
	(void)wait;
	struct oci_state *state = opaque;
	struct oci_ability ability;
	struct place place;
	if (!oci_ability(state, &ability, error) || !place_of(&state->settings, workspace->id, &place, error))
		return false;
	if (!folder_make(place.keep, 0700, error))
		return false;
	int lock = oci_lock_workspace(&place, error);
	bool made = lock >= 0 && make_disk_locked(state, &ability, &place, workspace, error);
	if (lock >= 0)
		close(lock);
	if (made)
		cutpoint(CUTPOINT_AGENT_DISK_MADE);
	return made;
}

bool oci_take_network(struct oci_state *state, const char *workspace_id, struct oci_network *network)
{
	struct oci_network *taken = NULL;
	pthread_mutex_lock(&state->lock);
	for (struct oci_network **at = &state->networks; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->id, workspace_id) != 0)
			continue;
		taken = *at;
		*at = taken->next;
		break;
	}
	pthread_mutex_unlock(&state->lock);
	if (taken == NULL)
		return false;
	*network = *taken;
	free(taken);
	return true;
}

static bool keep_network(struct oci_state *state, const struct oci_network *network)
{
	struct oci_network *kept = malloc(sizeof(*kept));
	if (kept == NULL)
		return false;
	*kept = *network;
	pthread_mutex_lock(&state->lock);
	kept->next = state->networks;
	state->networks = kept;
	pthread_mutex_unlock(&state->lock);
	return true;
}

/* New namespaces with a working network; what an earlier attempt had is replaced. */
static bool connect_network(struct oci_state *state, const struct oci_ability *ability, const struct place *place,
			    struct oci_network *network, struct error *error)
{
	struct label label = {0};
	uint32_t first_user = namespaces_first_user(place->id, ability->user_namespace);
	if (oci_take_network(state, place->id, network))
		namespaces_close(&network->namespaces);
	label_read(place, &state->settings, &label);
	*network = (struct oci_network){.slot = label.slot};
	snprintf(network->id, sizeof(network->id), "%s", place->id);
	/* The slot is noted before a sandbox holds the network: without one there is no former link to look for. */
	if (!firewall_ensure(&state->settings, error) ||
	    (label.slot != 0 && !network_disconnect(&state->settings, place->id, error)) ||
	    !namespaces_make(first_user, &network->namespaces, error))
		return false;
	/* The kernel changes links for one at a time, and lets the others spin. */
	static pthread_mutex_t kernel = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&kernel);
	bool connected =
	    network_connect(&state->settings, place->id, network->namespaces.network_fd, &network->slot, error);
	pthread_mutex_unlock(&kernel);
	if (!connected)
		namespaces_close(&network->namespaces);
	return connected;
}

bool oci_make_network(void *opaque, struct external_wait *wait, const struct runtime_workspace *workspace,
		      struct error *error)
{
	(void)wait;
	struct oci_state *state = opaque;
	struct oci_ability ability;
	struct oci_network network;
	struct place place;
	if (!oci_ability(state, &ability, error) || !place_of(&state->settings, workspace->id, &place, error))
		return false;
	/* A sandbox that runs is in its network already. */
	if (cgroup_first_process(place.cgroup) != 0)
		return true;
	if (!connect_network(state, &ability, &place, &network, error))
		return false;
	if (!keep_network(state, &network)) {
		namespaces_close(&network.namespaces);
		return error_set(error, ERROR_INTERNAL, "no memory");
	}
	cutpoint(CUTPOINT_AGENT_NETWORK_MADE);
	return true;
}

/* Why the sandbox did not come to be, for users: what the runtime says names the machine's own paths (S4-05). */
static bool explain_runtime(const struct place *place, const struct external_result *result, struct error *error)
{
	static const char *const causes[] = {"No space left on device", "Cannot allocate memory",
					     "Operation not permitted", "Permission denied",
					     "Resource temporarily unavailable"};
	const char *why = result->end == EXTERNAL_TIMED_OUT   ? "the runtime did not answer"
			  : result->end == EXTERNAL_CANCELLED ? "it was cancelled"
							      : "the node agent's log says why";
	if (result->end == EXTERNAL_EXITED)
		log_error("workspace %s: the runtime fails: %s", place->id, result->output);
	for (size_t i = 0; result->end == EXTERNAL_EXITED && i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcasestr(result->output, causes[i]) != NULL)
			why = causes[i];
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The sandbox could not be started: %s.", why);
}

static bool run_runtime(const struct oci_state *state, const struct oci_ability *ability, const struct place *place,
			const struct external_wait *wait, int lock, struct error *error)
{
	char *argv[] = {(char *)ability->binary,
			"--root",
			(char *)place->runtime,
			"run",
			"--detach",
			"--bundle",
			(char *)place->bundle,
			(char *)place->id,
			NULL};
	struct arena *arena = arena_new();
	struct external_options options = {.argv = argv,
					   .timeout_ms = runtime_program_timeout_ms(&state->settings),
					   .must_answer = true,
					   .lock_fd = lock};
	struct external_result result;
	bool done = external_run(&options, wait, arena, &result, error);
	if (done && result.exit_code != 0)
		done = explain_runtime(place, &result, error);
	arena_free(arena);
	return done;
}

/* What an earlier attempt left of a sandbox that does not run. */
static bool clear_remains(const struct place *place, struct error *error)
{
	enum { PATIENCE_MS = 5000 };
	return cgroup_kill(place->cgroup, PATIENCE_MS, error) && cgroup_remove(place->cgroup, error) &&
	       folder_remove(place->runtime, error);
}

/* Whose disk is full decides who can do something about it. */
static bool explain_full_disk(const struct place *place, struct error *error)
{
	if (strstr(error->message, strerrordesc_np(ENOSPC)) == NULL || !reserve_disk_is_full(place))
		return false;
	log_warning("workspace %s: %s", place->id, error->message);
	return error_set(error, ERROR_PROVISIONING_FAILED, "The workspace's disk is full.");
}

static bool start_sandbox(struct oci_state *state, const struct oci_ability *ability, const struct place *place,
			  const struct runtime_workspace *workspace, const struct external_wait *wait, int lock,
			  struct oci_network *network, struct error *error)
{
	char root[PLACE_PATH_MAX];
	struct bundle bundle = {.settings = &state->settings,
				.workspace = workspace,
				.place = place,
				.namespaces = &network->namespaces,
				.root = root,
				.first_user = namespaces_first_user(place->id, ability->user_namespace),
				.slot = network->slot};
	reserve_give(place);
	bool started = keep_label(state, place, workspace, network->slot, error) &&
		       root_prepare(place, workspace, bundle.first_user, error) &&
		       image_make_root(&state->settings, place, workspace->image, bundle.first_user,
				       network->namespaces.user_fd, wait, root, error) &&
		       root_finish(place, workspace, error) && bundle_write(&bundle, error) &&
		       folder_make(place->runtime, 0711, error) &&
		       run_runtime(state, ability, place, wait, lock, error);
	if (started)
		reserve_take(place);
	return started || explain_full_disk(place, error);
}

static bool start_locked(struct oci_state *state, const struct place *place, const struct runtime_workspace *workspace,
			 const struct external_wait *wait, int lock, struct error *error)
{
	struct oci_ability ability;
	struct oci_network network;
	struct label label = {0};
	if (!oci_ability(state, &ability, error))
		return false;
	if (cgroup_first_process(place->cgroup) != 0) {
		label_read(place, &state->settings, &label);
		return label.generation == workspace->generation ||
		       error_set(error, ERROR_INTERNAL, "workspace %s still runs generation %u", place->id,
				 label.generation);
	}
	if (!clear_remains(place, error))
		return false;
	if (!oci_take_network(state, place->id, &network) && !connect_network(state, &ability, place, &network, error))
		return false;
	bool started = start_sandbox(state, &ability, place, workspace, wait, lock, &network, error);
	namespaces_close(&network.namespaces);
	if (!started) {
		clear_remains(place, NULL);
		network_disconnect(&state->settings, place->id, NULL);
	}
	return started;
}

bool oci_start(void *opaque, struct external_wait *wait, const struct runtime_workspace *workspace, struct error *error)
{
	struct oci_state *state = opaque;
	struct place place;
	if (!place_of(&state->settings, workspace->id, &place, error))
		return false;
	int lock = oci_lock_workspace(&place, error);
	if (lock < 0)
		return false;
	bool started = start_locked(state, &place, workspace, wait, lock, error);
	close(lock);
	if (started)
		cutpoint(CUTPOINT_AGENT_SANDBOX_STARTED);
	return started;
}
