/* Templates from files: what is declared comes out, bad files are passed over, bad times are corrected
 * (S4-07, S4-22). */
#include "controller/templates/template_set.h"
#include "tests/support/cleanup.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool parse(const char *text, struct workspace_template *out, struct error *error)
{
	static struct arena *arena;
	arena_free(arena);
	arena = arena_new();
	return template_parse("go", text, strlen(text), arena, out, error);
}

/* S4-22 */
static void what_is_declared_comes_out_and_what_is_not_stays_absent(void **state)
{
	(void)state;
	struct workspace_template template;
	struct error error;
	assert_true(
	    parse("{\"provisionTimeoutSeconds\":90,\"image\":\"debian\",\"env\":{\"A\":\"1\"}}", &template, &error));
	assert_int_equal(template.provision_timeout_ms, 90000);
	assert_string_equal(template.image, "debian");
	assert_int_equal(template.env_count, 1);
	assert_string_equal(template.env[0].name, "A");
	assert_string_equal(template.env[0].value, "1");
	assert_true(parse("{}", &template, &error));
	assert_int_equal(template.provision_timeout_ms, 0);
	assert_null(template.image);
}

/* S4-07: empty, valid, negative, zero, not a number, a fraction, trailing units, too large. */
static void a_bad_time_is_corrected(void **state)
{
	(void)state;
	const struct {
		const char *value;
		uint32_t ms;
	} rows[] = {{"\"\"", 0}, {"600", 600000}, {"-5", 0},	  {"0", 0},
		    {"null", 0}, {"1.5", 0},	  {"\"10s\"", 0}, {"99999999", 86400000}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct workspace_template template;
		struct error error;
		char text[128];
		snprintf(text, sizeof(text), "{\"provisionTimeoutSeconds\":%s}", rows[i].value);
		assert_true(parse(text, &template, &error));
		assert_int_equal(template.provision_timeout_ms, rows[i].ms);
	}
}

static void what_else_is_wrong_is_named(void **state)
{
	(void)state;
	const char *const rows[][2] = {{"{", "line"},
				       {"[]", "object"},
				       {"{\"imgae\":\"x\"}", "imgae"},
				       {"{\"image\":\"-x\"}", "image"},
				       {"{\"image\":7}", "image"},
				       {"{\"env\":{\"A\":1}}", "env.A"},
				       {"{\"env\":{\"A=B\":\"1\"}}", "env"},
				       {"{\"env\":{},\"env\":{}}", "duplicate"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct workspace_template template;
		struct error error = {0};
		assert_false(parse(rows[i][0], &template, &error));
		assert_non_null(strstr(error.message, rows[i][1]));
	}
}

/* S4-22: a missing folder, a bad file beside good ones, and two names that are one. */
static void a_folder_gives_what_is_good_in_it(void **state)
{
	(void)state;
	const char *folder = cleanup_folder();
	char missing[512];
	snprintf(missing, sizeof(missing), "%s/none", folder);
	struct template_set *set = template_set_read(missing);
	assert_int_equal(set->count, 0);
	template_set_free(set);
	write_file(folder, "GO.json", "{\"provisionTimeoutSeconds\":60,\"image\":\"first\"}");
	write_file(folder, "go.json", "{\"provisionTimeoutSeconds\":90,\"image\":\"second\"}");
	write_file(folder, "bad.json", "{");
	write_file(folder, "notes.txt", "{}");
	write_file(folder, "c.json", "{}");
	snprintf(missing, sizeof(missing), "%s/folder.json", folder);
	mkdir(missing, 0755);
	set = template_set_read(folder);
	assert_int_equal(set->count, 2);
	assert_string_equal(set->items[0].name, "GO");
	assert_string_equal(set->items[0].image, "first");
	assert_int_equal(set->items[0].provision_timeout_ms, 90000);
	assert_string_equal(set->items[1].name, "c");
	template_set_free(set);
}

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_declared_comes_out_and_what_is_not_stays_absent),
	    cmocka_unit_test(a_bad_time_is_corrected),
	    cmocka_unit_test(what_else_is_wrong_is_named),
	    cmocka_unit_test(a_folder_gives_what_is_good_in_it),
	};
	return cmocka_run_group_tests_name("template_set", tests, NULL, NULL);
}
