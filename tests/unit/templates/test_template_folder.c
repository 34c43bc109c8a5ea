/* The folder of templates is read again when it changes, also when it comes and goes. */
#include "controller/templates/template_folder.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
	size_t count;
	uint32_t timeout_ms; /* of the first one */
	size_t wanted;
	uint32_t wanted_ms;
};

static void changed(void *context, const struct template_set *set)
{
	struct seen *seen = context;
	seen->count = set->count;
	seen->timeout_ms = set->count > 0 ? set->items[0].provision_timeout_ms : 0;
}

static bool is_so(void *context)
{
	const struct seen *seen = context;
	return seen->count == seen->wanted && seen->timeout_ms == seen->wanted_ms;
}

static void await(uv_loop_t *loop, struct seen *seen, size_t count, uint32_t timeout_ms, const char *what)
{
	seen->wanted = count;
	seen->wanted_ms = timeout_ms;
	loop_until(loop, is_so, seen, PATIENCE_MS, what);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void what_comes_changes_and_goes_is_noticed(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct seen seen = {.count = 99};
	char folder[512], file[600];
	uv_loop_init(&loop);
	snprintf(folder, sizeof(folder), "%s/templates", cleanup_folder());
	snprintf(file, sizeof(file), "%s/go.json", folder);
	struct template_folder *templates = template_folder_open(&loop, folder, changed, &seen);
	assert_int_equal(seen.count, 0);
	mkdir(folder, 0755);
	write_file(file, "{\"provisionTimeoutSeconds\":60}");
	await(&loop, &seen, 1, 60000, "the folder and its file");
	write_file(file, "{\"provisionTimeoutSeconds\":90}");
	await(&loop, &seen, 1, 90000, "the change");
	unlink(file);
	await(&loop, &seen, 0, 0, "the file's end");
	rmdir(folder);
	loop_for(&loop, 300);
	mkdir(folder, 0755);
	write_file(file, "{\"provisionTimeoutSeconds\":30}");
	await(&loop, &seen, 1, 30000, "the folder once more");
	template_folder_close(templates);
	loop_finish(&loop);
}

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_comes_changes_and_goes_is_noticed)};
	return cmocka_run_group_tests_name("template_folder", tests, NULL, NULL);
}
