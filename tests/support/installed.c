/* The roost command as a person runs it, and what the machine says of the installation behind it. */
#include "tests/support/installed.h"

#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 24 };

char roost_output[ROOST_OUTPUT_BYTES];
char roost_last_command[512];
static char folder[400];
static const char *const *surroundings;

void installed_surroundings(const char *const *environment)
{
	surroundings = environment;
}

const char *installed_in(const char *wanted)
{
	if (wanted != NULL)
		snprintf(folder, sizeof(folder), "%s", wanted);
	else
		snprintf(folder, sizeof(folder), "%s/data", cleanup_folder());
	setenv("ROOST_DATA_DIR", folder, 1);
	return folder;
}

const char *installed_program(void)
{
	return ROOST_PROGRAMS "/roost";
}

int roost_words(const char *const *words)
{
	const char *argv[WORDS_MAX + 2] = {installed_program()};
	roost_last_command[0] = '\0';
	for (int i = 0; i < WORDS_MAX && words[i] != NULL; i++) {
		argv[i + 1] = words[i];
		size_t length = strlen(roost_last_command);
		snprintf(roost_last_command + length, sizeof(roost_last_command) - length, " %s", words[i]);
	}
	return process_run(argv, surroundings, roost_output, sizeof(roost_output));
}

void must_words(const char *const *words)
{
	int code = roost_words(words);
	if (code != 0)
		fail_msg("roost%s: status %d: %s", roost_last_command, code, roost_output);
}

const char *field(const char *name)
{
	static char text[1024];
	json_t *object = json_loads(roost_output, JSON_DISABLE_EOF_CHECK, NULL);
	const json_t *value = json_object_get(object, name);
	text[0] = '\0';
	if (json_is_string(value))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "true" : "false");
	json_decref(object);
	return text;
}

const char *installed_field(const char *resource, const char *id, const char *name)
{
	return roost(resource, "get", id, "--json") == 0 ? field(name) : "";
}

struct wish {
	const char *resource, *id, *name, *value;
};

static bool is_so(void *context)
{
	const struct wish *wish = context;
	return strcmp(installed_field(wish->resource, wish->id, wish->name), wish->value) == 0;
}

void await_field(const char *resource, const char *id, const char *name, const char *value)
{
	struct wish wish = {resource, id, name, value};
	char what[256];
	snprintf(what, sizeof(what), "%s %s to have %s %s", resource, id, name, value);
	wait_until(is_so, &wish, PATIENCE_MS, what);
}

bool installed_owns(const char *pid)
{
	static char environment[64 * 1024];
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	FILE *file = fopen(path, "re");
	size_t size = file == NULL ? 0 : fread(environment, 1, sizeof(environment), file);
	if (file != NULL)
		fclose(file);
	return memmem(environment, size, folder, strlen(folder)) != NULL;
}

/* The kernel cuts names at 15 bytes. */
static bool has_name(const char *pid, const char *wanted)
{
	char path[300], name[64] = "";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");
	bool read = file != NULL && fscanf(file, "%63s", name) == 1;
	if (file != NULL)
		fclose(file);
	return read && strncmp(name, wanted, 15) == 0;
}

pid_t installed_process(const char *name)
{
	pid_t found = 0;
	DIR *processes = opendir("/proc");
	assert_non_null(processes);
	const struct dirent *entry;
	while (found == 0 && (entry = readdir(processes)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_name(entry->d_name, name) &&
		    installed_owns(entry->d_name))
			found = atoi(entry->d_name);
	closedir(processes);
	return found;
}

const char *installed_node_id(void)
{
	static char id[27];
	char path[512];
	snprintf(path, sizeof(path), "%s/installation.json", folder);
	json_t *installation = json_load_file(path, 0, NULL);
	assert_non_null(installation);
	const char *text = json_string_value(json_object_get(installation, "nodeId"));
	assert_non_null(text);
	snprintf(id, sizeof(id), "%s", text);
	json_decref(installation);
	return id;
}

void installed_tell(void)
{
	if (access(folder, F_OK) != 0)
		return;
	setenv("ROOST_DATA_DIR", folder, 1);
	printf("the last command was: roost%s\n", roost_last_command);
	static const char *const lists[] = {"node", "workspace", "session"};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		roost(lists[i], "list");
		puts(roost_output);
	}
	process_run(WORDS("sh", "-c", "tail -n 60 \"$ROOST_DATA_DIR\"/logs/*.log"), NULL, roost_output,
		    sizeof(roost_output));
	puts(roost_output);
}
