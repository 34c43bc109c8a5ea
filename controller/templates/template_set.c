/* Read in the order of their names, so that two controllers with the same folder have the same templates. */
#include "controller/templates/template_set.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "controller/domain/validate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".json"

enum { SECONDS_MAX = 86400 };

/* A bad value is named, and the default used, or the nearest value that is allowed (S4-07). */
static uint32_t read_timeout_ms(const char *name, const json_t *value)
{
	if (!json_is_integer(value)) {
		log_warning("template %s: provisionTimeoutSeconds: not a whole number; the default is used", name);
		return 0;
	}
	json_int_t seconds = json_integer_value(value);
	if (seconds < 1) {
		log_warning("template %s: provisionTimeoutSeconds: %lld is less than 1; the default is used", name,
			    (long long)seconds);
		return 0;
	}
	if (seconds > SECONDS_MAX) {
		log_warning("template %s: provisionTimeoutSeconds: %lld is more than %d, which is used", name,
			    (long long)seconds, SECONDS_MAX);
		seconds = SECONDS_MAX;
	}
	return (uint32_t)seconds * 1000;
}

static bool read_image(const json_t *value, struct arena *arena, struct workspace_template *out, struct error *error)
{
	if (!json_is_string(value))
		return error_set(error, ERROR_INVALID_ARGUMENT, "image: not a text");
	if (!validate_image("image", json_string_value(value), error))
		return false;
	if (json_string_length(value) > 0)
		out->image = arena_strdup(arena, json_string_value(value));
	return true;
}

/* The same rules as for the variables of a create. */
static bool read_environment(json_t *value, struct arena *arena, struct workspace_template *out, struct error *error)
{
	if (!json_is_object(value))
		return error_set(error, ERROR_INVALID_ARGUMENT, "env: not an object");
	size_t count = 0, size = json_object_size(value);
	struct environment_pair *pairs = arena_array_of(arena, struct environment_pair, size + 1);
	Roost__CreateWorkspaceRequest__EnvEntry **entries =
	    arena_array_of(arena, Roost__CreateWorkspaceRequest__EnvEntry *, size + 1);
	const char *key;
	json_t *item;
	json_object_foreach(value, key, item)
	{
		if (!json_is_string(item))
			return error_set(error, ERROR_INVALID_ARGUMENT, "env.%s: not a text", key);
		arena_message(arena, entries[count], roost__create_workspace_request__env_entry__init);
		pairs[count].name = entries[count]->key = arena_strdup(arena, key);
		pairs[count].value = entries[count]->value = arena_strdup(arena, json_string_value(item));
		count++;
	}
	out->env = pairs;
	out->env_count = count;
	return validate_environment("env", entries, count, error);
}

static bool read_key(const char *key, json_t *value, struct arena *arena, struct workspace_template *out,
		     struct error *error)
{
	if (strcmp(key, "image") == 0)
		return read_image(value, arena, out, error);
	if (strcmp(key, "env") == 0)
		return read_environment(value, arena, out, error);
	if (strcmp(key, "provisionTimeoutSeconds") != 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: there is no such key", key);
	out->provision_timeout_ms = read_timeout_ms(out->name, value);
	return true;
}

bool template_parse(const char *name, const char *text, size_t size, struct arena *arena,
		    struct workspace_template *out, struct error *error)
{
	json_error_t where;
	*out = (struct workspace_template){.name = arena_strdup(arena, name)};
	if (!validate_name("name", name, error))
		return false;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	if (root == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "line %d: %s", where.line, where.text);
	bool good = json_is_object(root) || error_set(error, ERROR_INVALID_ARGUMENT, "not an object");
	const char *key;
	json_t *value;
	if (good)
		json_object_foreach(root, key, value) good = good && read_key(key, value, arena, out, error);
	json_decref(root);
	return good;
}

/* The whole file; NULL with the error. */
static char *read_file(int folder, const char *name, size_t *size, struct arena *arena, struct error *error)
{
	int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *text = NULL;
	if (file < 0 || fstat(file, &status) != 0)
		error_errno(error, errno, "it cannot be opened");
	else if (!S_ISREG(status.st_mode) || status.st_size > TEMPLATE_BYTES_MAX)
		error_set(error, ERROR_INVALID_ARGUMENT, "not a file of at most %d bytes", TEMPLATE_BYTES_MAX);
	else {
		text = arena_alloc(arena, (size_t)status.st_size + 1);
		ssize_t got = read(file, text, (size_t)status.st_size);
		*size = got < 0 ? 0 : (size_t)got;
		if (got < 0) {
			error_errno(error, errno, "it cannot be read");
			text = NULL;
		}
	}
	if (file >= 0)
		close(file);
	return text;
}

static struct workspace_template *same_name(const struct template_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcasecmp(set->items[i].name, name) == 0)
			return &set->items[i];
	return NULL;
}

static void add(struct template_set *set, const struct workspace_template *template)
{
	struct workspace_template *known = same_name(set, template->name);
	if (known != NULL) {
		log_warning("template %s is the same as %s: the longer time counts, and the rest of %s", template->name,
			    known->name, known->name);
		if (template->provision_timeout_ms > known->provision_timeout_ms)
			known->provision_timeout_ms = template->provision_timeout_ms;
	} else if (set->count == TEMPLATES_MAX) {
		log_warning("template %s is passed over: there are %d already", template->name, TEMPLATES_MAX);
	} else {
		set->items[set->count++] = *template;
	}
}

static void read_template(struct template_set *set, int folder, const char *file)
{
	struct workspace_template template;
	struct error error;
	size_t size = 0;
	size_t length = strlen(file) - strlen(SUFFIX);
	const char *name = arena_copy(set->arena, file, length);
	const char *text = read_file(folder, file, &size, set->arena, &error);
	if (text != NULL && template_parse(name, text, size, set->arena, &template, &error))
		add(set, &template);
	else
		log_warning("template %s is passed over: %s", file, error.message);
}

static int is_template(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

struct template_set *template_set_read(const char *path)
{
	struct template_set *set = calloc(1, sizeof(*set));
	struct dirent **entries = NULL;
	if (set == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	set->arena = arena_new();
	set->items = arena_array_of(set->arena, struct workspace_template, TEMPLATES_MAX);
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = folder < 0 ? -1 : scandirat(folder, ".", &entries, is_template, alphasort);
	if (count < 0 && errno != ENOENT)
		log_warning("templates in %s cannot be read: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		read_template(set, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (folder >= 0)
		close(folder);
	return set;
}

void template_set_free(struct template_set *set)
{
	if (set == NULL)
		return;
	arena_free(set->arena);
	free(set);
}
