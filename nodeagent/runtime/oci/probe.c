/* Trying out: a tiny workspace is really made, started and removed, first with everything that makes a
 * sandbox tight and then with less, with every runtime program that may be there. What is reported is
 * what worked (design.md 7: presence proves nothing). */
#include "bus/foundation/log.h"
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/bundle.h"
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/disk.h"
#include "nodeagent/runtime/oci/firewall.h"
#include "nodeagent/runtime/oci/image.h"
#include "nodeagent/runtime/oci/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct runtime_workspace probe_workspace = {
    .id = PLACE_PROBE_ID, .owner = "", .generation = 1, .image = "", .repository = "", .branch = ""};

/* What is told of a trial's failure: the true cause (D7), unless it names a path of the machine, which is for the
 * agent's log (S4-05). */
static const char *told(const struct error *why)
{
	if (why->code != ERROR_INTERNAL || strchr(why->message, '/') == NULL)
		return why->message;
	log_error("the trial of a workspace: %s", why->message);
	return "no workspace could be made; the node agent's log says why";
}

static const char *name_of(const char *program)
{
	const char *slash = strrchr(program, '/');
	return slash != NULL ? slash + 1 : program;
}

/* The path of a program, searched for as a shell would; false when there is none. */
static bool find_program(const char *name, char *path)
{
	char folders[] = BUNDLE_PATH, *rest = NULL;
	if (strchr(name, '/') != NULL) {
		snprintf(path, PLACE_PATH_MAX, "%s", name);
		return access(path, X_OK) == 0;
	}
	for (char *folder = strtok_r(folders, ":", &rest); folder != NULL; folder = strtok_r(NULL, ":", &rest))
		if (place_join(path, folder, name) && access(path, X_OK) == 0)
			return true;
	return false;
}

static void believe(struct oci_state *state, const char *binary, bool user_namespace, bool disk_limit)
{
	snprintf(state->binary, sizeof(state->binary), "%s", binary);
	state->user_namespace = user_namespace;
	state->disk_limit = disk_limit;
}

static bool remove_trial(struct oci_state *state, struct external_wait *wait, struct error *error)
{
	return oci_stop(state, wait, PLACE_PROBE_ID, 0, error) && oci_remove(state, wait, PLACE_PROBE_ID, error);
}

/* One whole life with what is believed now. */
static bool try_life(struct oci_state *state, struct external_wait *wait, struct error *error)
{
	bool lived = remove_trial(state, wait, error) && oci_make_disk(state, wait, &probe_workspace, error) &&
		     oci_make_network(state, wait, &probe_workspace, error) &&
		     oci_start(state, wait, &probe_workspace, error);
	return remove_trial(state, wait, lived ? error : NULL) && lived;
}

/* A limited disk, or the knowledge that there are no loop devices. False when no disk can be made at all. */
static bool try_disk(struct oci_state *state, struct external_wait *wait, bool *limited, struct error *error)
{
	struct place place;
	struct error why = {.code = ERROR_NONE};
	if (!place_of(&state->settings, PLACE_PROBE_ID, &place, error) || !remove_trial(state, wait, error) ||
	    !disk_make_template(&state->settings, wait, error) || !folder_make(place.keep, 0700, error))
		return false;
	*limited = disk_attach(&state->settings, &place, true, 0, &why);
	if (!remove_trial(state, wait, error))
		return false;
	/* What users may read is about space, and no reason to do without a limit. */
	if (!*limited && why.code != ERROR_INTERNAL)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s", why.message);
	if (!*limited)
		log_warning("workspaces' disks have no limit on this node: %s", why.message);
	return true;
}

/* False when it does not work; `silent` when it did not answer. */
static bool try_program(struct oci_state *state, const struct external_wait *wait, bool *silent, struct error *why)
{
	struct external_wait own = *wait;
	own.hung = silent;
	return try_life(state, &own, why);
}

/* Every program with and without a user namespace, the tighter way first. The first failure of each
 * program is what is told when none works. One that did not answer has not said that the tighter way does not
 * work, and is not tried in the other one. */
static bool try_programs(struct oci_state *state, struct external_wait *wait, bool disk_limit, char *trouble,
			 size_t trouble_size)
{
	static const char *const standard[] = {"crun", "runc"};
	bool chosen = state->settings.binary != NULL && state->settings.binary[0] != '\0';
	const char *const *names = chosen ? &state->settings.binary : standard;
	size_t count = chosen ? 1 : sizeof(standard) / sizeof(standard[0]), used = 0;
	bool silent[sizeof(standard) / sizeof(standard[0])] = {false};
	for (int tightness = 1; tightness >= 0; tightness--) {
		for (size_t i = 0; i < count; i++) {
			char path[PLACE_PATH_MAX];
			struct error why = {.code = ERROR_NONE};
			if (external_wait_cancelled(wait))
				return false;
			if (silent[i])
				continue;
			if (!find_program(names[i], path)) {
				snprintf(why.message, sizeof(why.message), "not installed");
			} else {
				believe(state, path, tightness == 1, disk_limit);
				if (try_program(state, wait, &silent[i], &why))
					return true;
			}
			if (tightness == 1 && used < trouble_size)
				used += (size_t)snprintf(trouble + used, trouble_size - used, "%s%s: %.300s",
							 used > 0 ? "; " : "", name_of(names[i]), told(&why));
		}
	}
	return false;
}

static bool prepare_machine(struct oci_state *state, struct external_wait *wait, struct error *error)
{
	char run[PLACE_PATH_MAX];
	if (geteuid() != 0)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "the node agent does not run as root");
	if (cgroup_version() == 0)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "no control groups are mounted");
	place_run_folder(&state->settings, run);
	if (!folder_make(state->settings.folder, 0700, error) || !folder_make(run, 0711, error))
		return false;
	/* Whatever the agent's umask: the workspaces' own users walk through here. */
	if (chmod("/run/roost", 0711) != 0 || chmod(run, 0711) != 0)
		return error_errno(error, errno, "cannot use %s", run);
	image_forget_unfinished(&state->settings);
	return bundle_make_inside(&state->settings, error) && firewall_make(&state->settings, wait, error);
}

static bool find_way(struct oci_state *state, struct external_wait *wait, struct error *error)
{
	char trouble[ERROR_MESSAGE_MAX - 64] = "";
	bool disk_limit = false;
	if (!prepare_machine(state, wait, error) || !try_disk(state, wait, &disk_limit, error))
		return false;
	if (try_programs(state, wait, disk_limit, trouble, sizeof(trouble)))
		return true;
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "No container runtime works on this node: %s", trouble);
}

/* Takes over what a trial found, at once, so that starts that go on meanwhile see one or the other. */
static void adopt(struct oci_state *state, const struct oci_state *trial, const struct error *why)
{
	pthread_mutex_lock(&state->lock);
	snprintf(state->binary, sizeof(state->binary), "%s", why->code == ERROR_NONE ? trial->binary : "");
	snprintf(state->trouble, sizeof(state->trouble), "%s", why->message);
	state->user_namespace = trial->user_namespace;
	state->disk_limit = trial->disk_limit;
	pthread_mutex_unlock(&state->lock);
}

bool oci_probe(void *opaque, struct external_wait *wait, struct arena *arena, struct runtime_facts *facts,
	       struct error *error)
{
	struct oci_state *state = opaque;
	struct oci_state trial = {.settings = state->settings};
	/* The trial takes next to nothing; the reserve is for what stays. */
	trial.settings.disk_reserve_mb = 0;
	struct error why = {.code = ERROR_NONE};
	pthread_mutex_init(&trial.lock, NULL);
	bool works = find_way(&trial, wait, &why);
	if (!works && why.code == ERROR_INTERNAL) {
		struct error cause = why;
		error_set(&why, ERROR_PLATFORM_UNAVAILABLE, "The node cannot run workspaces: %s", told(&cause));
	}
	pthread_mutex_destroy(&trial.lock);
	adopt(state, &trial, &why);
	if (!works)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s", why.message);
	*facts = (struct runtime_facts){.driver = "oci",
					.binary = arena_strdup(arena, name_of(trial.binary)),
					.user_namespace = trial.user_namespace,
					.disk_limit = trial.disk_limit,
					.network_isolation = true,
					.cgroup_version = cgroup_version()};
	return true;
}
