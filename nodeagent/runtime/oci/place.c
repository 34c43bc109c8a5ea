/* Paths by rule, and the label file. */
#include "nodeagent/runtime/oci/place.h"

#include "nodeagent/runtime/folder.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

bool place_join(char *path, const char *folder, const char *name)
{
	int length = snprintf(path, PLACE_PATH_MAX, "%s/%s", folder, name);
	return length > 0 && length < PLACE_PATH_MAX;
}

void place_run_folder(const struct runtime_settings *settings, char *path)
{
	place_join(path, "/run/roost", settings->installation);
}

void place_inside_folder(const struct runtime_settings *settings, char *path)
{
	place_join(path, settings->folder, ".inside");
}

void place_images_folder(const struct runtime_settings *settings, char *path)
{
	if (settings->images != NULL && settings->images[0] != '\0')
		snprintf(path, PLACE_PATH_MAX, "%s", settings->images);
	else
		place_join(path, settings->folder, ".images");
}

bool place_of(const struct runtime_settings *settings, const char *workspace_id, struct place *place,
	      struct error *error)
{
	if (!runtime_valid_id(workspace_id))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not an id of a workspace");
	char run[PLACE_PATH_MAX];
	place_run_folder(settings, run);
	place->id = workspace_id;
	bool fits = place_join(place->keep, settings->folder, workspace_id) &&
		    place_join(place->label, place->keep, "label.json") &&
		    place_join(place->image, place->keep, "disk.img") &&
		    place_join(place->files, place->keep, "files") && place_join(place->run, run, workspace_id) &&
		    place_join(place->disk, place->run, "disk") && place_join(place->root, place->run, "root") &&
		    place_join(place->lower, place->run, "lower") && place_join(place->bundle, place->run, "bundle") &&
		    place_join(place->runtime, place->run, "runtime");
	snprintf(place->cgroup, sizeof(place->cgroup), "roost/%s/%s", settings->installation, workspace_id);
	return fits || error_set(error, ERROR_INVALID_ARGUMENT, "the workspace folder's path is too long");
}

bool label_write(const struct place *place, const struct runtime_settings *settings, const struct label *label,
		 struct error *error)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "installation", settings->installation, "workspace",
				 place->id, "owner", label->owner, "generation", (json_int_t)label->generation,
				 "madeAt", (json_int_t)label->made_at, "slot", (json_int_t)label->slot);
	char text[1024];
	size_t size = json == NULL ? 0 : json_dumpb(json, text, sizeof(text), 0);
	json_decref(json);
	if (size == 0 || size > sizeof(text))
		return error_set(error, ERROR_INTERNAL, "label of workspace %s cannot be written", place->id);
	return folder_write_file(place->label, text, size, false, error);
}

bool label_read(const struct place *place, const struct runtime_settings *settings, struct label *label)
{
	json_t *json = json_load_file(place->label, 0, NULL);
	const char *installation = NULL, *owner = NULL;
	json_int_t generation = 0, made_at = 0, slot = 0;
	bool ours = json != NULL &&
		    json_unpack(json, "{s:s, s:s, s:I, s?I, s:I}", "installation", &installation, "owner", &owner,
				"generation", &generation, "madeAt", &made_at, "slot", &slot) == 0 &&
		    strcmp(installation, settings->installation) == 0;
	if (ours) {
		snprintf(label->owner, sizeof(label->owner), "%s", owner);
		label->generation = (uint32_t)generation;
		label->made_at = made_at;
		label->slot = (uint32_t)slot;
	}
	json_decref(json);
	return ours;
}
