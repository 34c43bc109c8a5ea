/* What exists, from disk (labels) and kernel (cgroups, links, mounts): the agent rebuilds its database
 * from this. A workspace that only one of them knows is still found. */
#include "nodeagent/runtime/folder.h"
#include "nodeagent/runtime/oci/cgroup.h"
#include "nodeagent/runtime/oci/disk.h"
#include "nodeagent/runtime/oci/network.h"
#include "nodeagent/runtime/oci/state.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

struct listing {
	struct arena *arena;
	struct runtime_found *found;
	size_t count;
	size_t room;
};

static void add(struct listing *listing, const char *id)
{
	if (!runtime_valid_id(id) || strcmp(id, PLACE_PROBE_ID) == 0)
		return;
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->found[i].id, id) == 0)
			return;
	if (listing->count == listing->room) {
		size_t room = listing->room * 2 + 16;
		struct runtime_found *more = arena_array_of(listing->arena, struct runtime_found, room);
		for (size_t i = 0; i < listing->count; i++)
			more[i] = listing->found[i];
		listing->found = more;
		listing->room = room;
	}
	listing->found[listing->count++].id = arena_strdup(listing->arena, id);
}

static void add_folder(struct listing *listing, const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			add(listing, entry->d_name);
	if (folder != NULL)
		closedir(folder);
}

static bool describe(const struct oci_state *state, struct arena *arena, struct runtime_found *found,
		     const char *const *links, size_t link_count, struct error *error)
{
	struct place place;
	struct label label = {0};
	if (!place_of(&state->settings, found->id, &place, error))
		return false;
	label_read(&place, &state->settings, &label);
	found->owner = arena_strdup(arena, label.owner);
	found->generation = label.generation;
	found->made_at = label.made_at;
	found->running = cgroup_first_process(place.cgroup) != 0;
	found->has_disk = disk_exists(&place);
	found->disk_bytes = disk_size(&place);
	char mark[PLACE_PATH_MAX + 32];
	snprintf(mark, sizeof(mark), "%s/marks/checkout", place.disk);
	found->checkout_made = disk_attached(&place) && folder_exists(mark);
	bool linked = false;
	for (size_t i = 0; i < link_count; i++)
		linked = linked || strcmp(links[i], found->id) == 0;
	found->has_remains = !found->running && (linked || folder_exists(place.run) || cgroup_exists(place.cgroup));
	return true;
}

bool oci_list(void *opaque, struct arena *arena, struct runtime_found **found, size_t *count, struct error *error)
{
	struct oci_state *state = opaque;
	struct listing listing = {.arena = arena};
	char run[PLACE_PATH_MAX], group[64];
	const char **names;
	size_t name_count;
	add_folder(&listing, state->settings.folder);
	place_run_folder(&state->settings, run);
	add_folder(&listing, run);
	snprintf(group, sizeof(group), "roost/%s", state->settings.installation);
	cgroup_children(arena, group, &names, &name_count);
	for (size_t i = 0; i < name_count; i++)
		add(&listing, names[i]);
	if (!network_list(&state->settings, arena, &names, &name_count, error))
		return false;
	for (size_t i = 0; i < name_count; i++)
		add(&listing, names[i]);
	for (size_t i = 0; i < listing.count; i++)
		if (!describe(state, arena, &listing.found[i], names, name_count, error))
			return false;
	*found = listing.found;
	*count = listing.count;
	return true;
}
