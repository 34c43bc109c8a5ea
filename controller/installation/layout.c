/* installation.json, read with care: it is the one file that says what the others are. */
#include "controller/installation/layout.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "bus/link/credentials.h"
#include "controller/installation/file.h"
#include "controller/installation/installation.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char settings_name[] = "installation.json";

/* Sandboxes reach their files through the folder without being able to list it; the others are private. */
enum { FOLDER_MODE = 0711, PRIVATE_MODE = 0700 };

static const char *const private_folders[] = {"keys", "credentials", "nats", "logs", "run"};

char *installation_path(const struct installation *installation, struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", installation->folder, name);
}

static bool set_folder(struct installation *out, const char *folder, struct error *error)
{
	char resolved[PATH_MAX];
	if (realpath(folder, resolved) == NULL) {
		int reason = errno;
		error_errno(error, reason, "%s", folder);
		if (error != NULL && reason == ENOENT)
			error->code = ERROR_FILE_NOT_FOUND;
		return false;
	}
	if (strlen(resolved) >= sizeof(out->folder) || strpbrk(resolved, "\"\\\n") != NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: a folder with a simpler name, please", folder);
	memcpy(out->folder, resolved, strlen(resolved) + 1);
	return true;
}

static void take_text(const json_t *settings, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(settings, key));
	snprintf(to, size, "%s", text == NULL ? "" : text);
}

static bool parse(const char *text, struct installation *out, struct error *error)
{
	json_error_t where;
	json_t *settings = json_loads(text, 0, &where);
	if (settings == NULL)
		return error_set(error, ERROR_INTERNAL, "%s: %s", settings_name, where.text);
	json_int_t version = json_integer_value(json_object_get(settings, "version"));
	json_int_t port = json_integer_value(json_object_get(settings, "natsPort"));
	take_text(settings, "id", out->id, sizeof(out->id));
	take_text(settings, "account", out->account, sizeof(out->account));
	take_text(settings, "nodeId", out->node_id, sizeof(out->node_id));
	take_text(settings, "formerNodeId", out->former_node_id, sizeof(out->former_node_id));
	json_decref(settings);
	if (version > LAYOUT_VERSION)
		return error_set(error, ERROR_INVALID_ARGUMENT,
				 "%s was made by a newer version of roost (layout %lld; this one knows %d)",
				 out->folder, (long long)version, LAYOUT_VERSION);
	if (version < 1 || !ulid_valid(out->id) || port < 0 || port > UINT16_MAX ||
	    (out->account[0] != '\0' && !nkey_public_valid(out->account, NKEY_ACCOUNT)) ||
	    (out->node_id[0] != '\0' && !ulid_valid(out->node_id)) ||
	    (out->former_node_id[0] != '\0' && !ulid_valid(out->former_node_id)))
		return error_set(error, ERROR_INTERNAL, "%s/%s is damaged", out->folder, settings_name);
	out->nats_port = (uint16_t)port;
	return true;
}

bool installation_load(const char *folder, struct installation *out, struct error *error)
{
	*out = (struct installation){0};
	if (!set_folder(out, folder, error))
		return false;
	struct arena *arena = arena_new();
	char *text = file_read(installation_path(out, arena, settings_name), arena, error);
	bool loaded = text != NULL && parse(text, out, error);
	arena_free(arena);
	return loaded;
}

bool installation_save(const struct installation *installation, struct error *error)
{
	json_t *settings =
	    json_pack("{s:i, s:s, s:i, s:s, s:s, s:s}", "version", LAYOUT_VERSION, "id", installation->id, "natsPort",
		      (int)installation->nats_port, "account", installation->account, "nodeId", installation->node_id,
		      "formerNodeId", installation->former_node_id);
	char *text = json_dumps(settings, JSON_INDENT(2));
	json_decref(settings);
	struct arena *arena = arena_new();
	bool saved = file_write(installation_path(installation, arena, settings_name), text, error);
	arena_free(arena);
	free(text);
	return saved;
}

static bool make_folders(const struct installation *installation, struct error *error)
{
	struct arena *arena = arena_new();
	bool made = true;
	for (size_t i = 0; made && i < sizeof(private_folders) / sizeof(private_folders[0]); i++)
		made = folder_make(installation_path(installation, arena, private_folders[i]), PRIVATE_MODE, error);
	arena_free(arena);
	return made;
}

/* What may lie in a folder that has no installation yet: nothing, or what a first start made that was
 * interrupted, or images put there beforehand. The folder becomes the installation's own, with its mode,
 * and `down --purge` removes it with all that is in it. */
static bool is_ours(const char *name)
{
	static const char *const others[] = {".", "..", "installation.json.new", "images", "lost+found"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(private_folders) / sizeof(private_folders[0]); i++)
		if (strcmp(name, private_folders[i]) == 0)
			return true;
	return false;
}

static bool is_free(const char *folder, struct error *error)
{
	DIR *listing = opendir(folder);
	const struct dirent *entry;
	bool is_free = true;
	if (listing == NULL)
		return errno == ENOENT || error_errno(error, errno, "%s", folder);
	while (is_free && (entry = readdir(listing)) != NULL)
		is_free =
		    is_ours(entry->d_name) ||
		    error_set(error, ERROR_INVALID_ARGUMENT,
			      "%s holds other things (%.64s) and no installation; name an empty folder, or a new one",
			      folder, entry->d_name);
	closedir(listing);
	return is_free;
}

bool installation_load_or_make(const char *folder, struct installation *out, struct error *error)
{
	struct error reason = {0};
	bool loaded = installation_load(folder, out, &reason);
	if (!loaded && reason.code != ERROR_FILE_NOT_FOUND) {
		*error = reason;
		return false;
	}
	if (!loaded) {
		if (!is_free(folder, error) || !folder_make(folder, FOLDER_MODE, error) ||
		    !set_folder(out, folder, error))
			return false;
		snprintf(out->id, sizeof(out->id), "%s", ulid_new(clock_wall_ms()).text);
	}
	return make_folders(out, error) && (loaded || installation_save(out, error));
}

bool installation_find(const char *folder, const char *program, struct installation_address *out, struct error *error)
{
	struct installation installation;
	struct error reason = {0};
	if (!installation_load(folder, &installation, &reason)) {
		if (reason.code == ERROR_FILE_NOT_FOUND)
			return error_set(error, ERROR_PLATFORM_UNAVAILABLE,
					 "there is no installation in %s; start one with: roost up --data %s", folder,
					 folder);
		*error = reason;
		return false;
	}
	snprintf(out->nats_url, sizeof(out->nats_url), "nats://127.0.0.1:%u", installation.nats_port);
	snprintf(out->credentials, sizeof(out->credentials), "%s/credentials/%s.creds", installation.folder, program);
	snprintf(out->node_id, sizeof(out->node_id), "%s", installation.node_id);
	return true;
}
