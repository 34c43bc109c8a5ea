/* Reads the sources: a workspace is started in one place only, and there after it was prepared, given its token
 * and looked over (S2-11). */
#include "tests/unit/cmocka_all.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int callers;

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
	for (char *at = text; (at = strstr(at, "/*"));) {
		char *end = strstr(at, "*/");
		memset(at, ' ', (size_t)(end ? end + 2 - at : (long)strlen(at)));
	}
	return text;
}

static int count(const char *text, const char *words)
{
	int times = 0;
	for (const char *at = text; (at = strstr(at, words)); at++)
		times++;
	return times;
}

static int check(const char *full_path, const struct stat *facts, int kind, struct FTW *place)
{
	(void)facts;
	(void)place;
	const char *path = full_path + strlen(SOURCE_FOLDER) + 1;
	const char *dot = strrchr(path, '.');
	if (kind != FTW_F || !dot || strcmp(dot, ".c") != 0 || strstr(path, "nodeagent/runtime/"))
		return 0;
	char *text = read_source(full_path);
	int calls = count(text, "runtime_start(");
	if (calls > 0 && strcmp(path, "nodeagent/control/provision.c") != 0)
		fail_msg("%s starts a workspace, which provision.c alone may do", path);
	callers += calls;
	free(text);
	return 0;
}

static void nothing_else_starts_a_workspace(void **state)
{
	(void)state;
	static const char *const folders[] = {"controller", "nodeagent", "sweeper"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/%s", SOURCE_FOLDER, folders[i]);
		assert_int_equal(nftw(path, check, 16, FTW_PHYS), 0);
	}
	assert_int_equal(callers, 1);
}

/* The text of a function's body, from its last definition. */
static const char *body_of(const char *text, const char *name, char *body, size_t size)
{
	const char *at = NULL;
	for (const char *next = text; (next = strstr(next, name)); next++)
		at = next;
	assert_non_null(at);
	const char *end = strstr(at, "\n}\n");
	assert_non_null(end);
	snprintf(body, size, "%.*s", (int)(end - at), at);
	return body;
}

static void no_step_is_left_out(void **state)
{
	(void)state;
	char body[4096];
	char *text = read_source(SOURCE_FOLDER "/nodeagent/control/provision.c");
	const char *prepare = body_of(text, "bool provision_prepare(", body, sizeof(body));
	assert_non_null(strstr(prepare, "prepare(provision, agent, row, arena) && mint("));
	const char *run = body_of(text, "bool provision_run(", body, sizeof(body));
	assert_non_null(strstr(run, "preflight("));
	assert_true(strstr(run, "preflight(") < strstr(run, "runtime_start("));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_else_starts_a_workspace),
	    cmocka_unit_test(no_step_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
