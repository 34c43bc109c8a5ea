/* Reads the sources: no code but the dispatcher and its checkout calls a driver, and nobody outside the
 * room knows what a driver is made of (S2-06). Comments are taken out before anything is looked for. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int files_read, offences;

static char *read_source(const char *path)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	rewind(file);
	char *text = calloc(1, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	fclose(file);
	return text;
}

static void blank_comments(char *text)
{
	for (char *at = text; (at = strstr(at, "/*")) != NULL;) {
		char *end = strstr(at, "*/");
		if (end == NULL)
			end = at + strlen(at) - 2;
		memset(at, ' ', (size_t)(end + 2 - at));
	}
	for (char *at = text; (at = strstr(at, "//")) != NULL;)
		memset(at, ' ', strcspn(at, "\n"));
}

static bool is_below(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

static void refuse(const char *path, const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		return;
	print_error("%s: \"%s\" belongs to the dispatcher alone\n", path, words);
	offences++;
}

static int check(const char *full_path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)place;
	const char *path = full_path + strlen(SOURCE_FOLDER) + 1, *dot = strrchr(path, '.');
	if (kind != FTW_F || dot == NULL || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0))
		return 0;
	char *text = read_source(full_path);
	blank_comments(text);
	files_read++;
	bool dispatcher =
	    strcmp(path, "nodeagent/runtime/runtime.c") == 0 || strcmp(path, "nodeagent/runtime/checkout.c") == 0 ||
	    strcmp(path, "nodeagent/runtime/git.c") == 0 || strcmp(path, "nodeagent/runtime/mirror.c") == 0 ||
	    strcmp(path, "nodeagent/runtime/mirror_fetch.c") == 0;
	if (!dispatcher) {
		refuse(path, text, "driver->");
		refuse(path, text, "runtime_driver_oci.");
	}
	if (!is_below(path, "nodeagent/runtime/")) {
		/* Others may hand a driver over; what it is made of is none of theirs. */
		static const char *const members[] = {"->make_disk",	  "->count_left", "->sync(",  "->make_network",
						      "->kill_processes", "->is_running", "->unbind", "->probe("};
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
			refuse(path, text, members[i]);
		refuse(path, text, "nodeagent/runtime/oci/");
		refuse(path, text, "nodeagent/runtime/mirror");
		refuse(path, text, "nodeagent/runtime/git.h");
		refuse(path, text, "nodeagent/runtime/checkout.h");
	}
	free(text);
	return 0;
}

static void only_the_dispatcher_calls_a_driver(void **state)
{
	(void)state;
	static const char *const folders[] = {"bus", "controller", "nodeagent", "sweeper"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/%s", SOURCE_FOLDER, folders[i]);
		assert_int_equal(nftw(path, check, 16, FTW_PHYS), 0);
	}
	assert_true(files_read > 20);
	assert_int_equal(offences, 0);
}

static void comments_do_not_count(void **state)
{
	(void)state;
	char text[] = "a /* driver->stop() */ b // driver->start()\nc";
	blank_comments(text);
	assert_null(strstr(text, "driver->"));
	assert_non_null(strstr(text, "\nc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_dispatcher_calls_a_driver),
	    cmocka_unit_test(comments_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
