/* What users send is checked field by field, and a refusal names the field. */
#include "bus/foundation/limits.h"
#include "controller/domain/validate.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool check_function(const char *field, const char *value, struct error *error);

static void assert_good(check_function *check, const char *value)
{
	struct error error = {0};
	if (!check("field", value, &error))
		fail_msg("\"%s\" is refused: %s", value, error.message);
}

static void assert_bad(check_function *check, const char *value)
{
	struct error error = {0};
	if (check("field", value, &error))
		fail_msg("\"%s\" is accepted", value == NULL ? "(null)" : value);
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	assert_memory_equal(error.message, "field: ", 7);
}

static char *repeated(char letter, size_t count)
{
	char *text = malloc(count + 1);
	assert_non_null(text);
	memset(text, letter, count);
	text[count] = '\0';
	return text;
}

static void assert_length_limit(check_function *check, char letter, size_t limit)
{
	char *longest = repeated(letter, limit), *longer = repeated(letter, limit + 1);
	assert_good(check, longest);
	assert_bad(check, longer);
	free(longest);
	free(longer);
}

static void test_ids(void **state)
{
	(void)state;
	assert_good(validate_id, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	static const char *const bad[] = {NULL,
					  "",
					  "01arz3ndektsv4rrffq69g5fav",
					  "01ARZ3NDEKTSV4RRFFQ69G5FA",
					  "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
					  "../../../etc/passwd",
					  "01ARZ3NDEKTSV4RRFFQ69G5FA/",
					  "81ARZ3NDEKTSV4RRFFQ69G5FAV"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(validate_id, bad[i]);
}

static void test_names(void **state)
{
	(void)state;
	static const char *const good[] = {"a", " padded ", "Größe 日本 🐓", "../", "a\"b'c;--"};
	static const char *const bad[] = {
	    NULL,	"",	    "   ",	    "a\nb",	"a\tb",		  "a\x7f",	   "a\x1b[31m",
	    "\xc3\x28", "\xc0\xaf", "\xed\xa0\x80", "\xc2\x85", "a\xe2\x80\xaez", "a\xe2\x80\xa8", "\xff"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_good(validate_name, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(validate_name, bad[i]);
	assert_length_limit(validate_name, 'x', NAME_BYTES_MAX);
}

static void test_repositories(void **state)
{
	(void)state;
	static const char *const good[] = {NULL,
					   "",
					   "https://github.com/a/b",
					   "https://github.com:8443/a/b.git",
					   "http://localhost/x",
					   "http://[::1]:80/x",
					   "git://example.org/x",
					   "ssh://git@example.org:22/x",
					   "ssh://example.org/x",
					   "git@example.org:team/x.git",
					   "example.org:x",
					   "/srv/git/project.git",
					   "https://example.org/~user/x?y#z"};
	static const char *const bad[] = {"ext::sh -c id",
					  "ext::id",
					  "fd::7",
					  "file:///etc",
					  "file:/etc",
					  "-u",
					  "--upload-pack=id",
					  "ftp://x/y",
					  "https://user@example.org/x",
					  "https://user:secret@example.org/x",
					  "http://:p@example.org/x",
					  "git://user@example.org/x",
					  "ssh://git:secret@example.org/x",
					  "ssh://-oProxyCommand=id/x",
					  "ssh://-oX@example.org/x",
					  "-oX@example.org:x",
					  "git@-oX:x",
					  "git@example.org:-x",
					  "https:///x",
					  "https://example.org",
					  "https://example.org/",
					  "https://exa mple.org/x",
					  "https://example.org:port/x",
					  "https://example.org:123456/x",
					  "relative/path",
					  "./x",
					  "../x",
					  "x",
					  "/srv/../etc",
					  "/..",
					  "https://example.org/a\nb",
					  "a::b",
					  "HTTPS::x",
					  "c:\\x",
					  "https://[::1/x",
					  "https://[]/x"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_good(validate_repository, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(validate_repository, bad[i]);
	assert_length_limit(validate_repository, '/', REPOSITORY_BYTES_MAX);
}

static void test_branches(void **state)
{
	(void)state;
	static const char *const good[] = {NULL, "", "main", "feature/x-1", "v1.2", "größe", "a@b", "user/a.b"};
	static const char *const bad[] = {"-b", "--x",	  "a b",      "a..b", "a~1",   "a^",   "a:b",  "a?",
					  "a*", "a[",	  "a\\b",     "/a",   "a/",    "a//b", ".a",   "a/.b",
					  "a.", "a.lock", "a.lock/b", "@",    "a@{1}", "a\nb", "a\x7f"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_good(validate_branch, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(validate_branch, bad[i]);
	assert_length_limit(validate_branch, 'x', BRANCH_BYTES_MAX);
}

static void test_images(void **state)
{
	(void)state;
	static const char *const good[] = {
	    NULL, "", "host", "/srv/images/debian", "debian:12", "registry.example.org/a/b:c"};
	static const char *const bad[] = {"-v", "a b", "/srv/../etc", "../x", "a\nb", ".."};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_good(validate_image, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(validate_image, bad[i]);
	assert_length_limit(validate_image, 'x', IMAGE_BYTES_MAX);
}

static bool environment_good(const char *name, const char *value, struct error *error)
{
	Roost__CreateWorkspaceRequest__EnvEntry entry = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *entries[] = {&entry, &entry};
	entry.key = name;
	entry.value = value;
	return validate_environment("env", entries, 1, error);
}

static void test_environments(void **state)
{
	(void)state;
	struct error error = {0};
	assert_true(environment_good("PATH", "/bin", &error));
	assert_true(environment_good("_x1", NULL, &error));
	static const char *const bad[] = {NULL, "", "1X", "A=B", "A B", "A-B", "Ä"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(environment_good(bad[i], "x", &error));
		assert_memory_equal(error.message, "env[0]: ", 8);
	}
	Roost__CreateWorkspaceRequest__EnvEntry entry = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *twice[] = {&entry, &entry};
	entry.key = "A";
	assert_false(validate_environment("env", twice, 2, &error));
	char *large = repeated('x', ENV_BYTES_MAX);
	assert_false(environment_good("A", large, &error));
	assert_true(environment_good("A", large + 1, &error));
	free(large);
	assert_false(validate_environment("env", NULL, ENV_COUNT_MAX + 1, &error));
}

static void test_command_lines(void **state)
{
	(void)state;
	struct error error = {0};
	const char *arguments[] = {"bash", "-c", ""};
	assert_true(validate_command_line("command", arguments, 3, &error));
	assert_true(validate_command_line("command", NULL, 0, &error));
	arguments[0] = "";
	assert_false(validate_command_line("command", arguments, 3, &error));
	assert_false(validate_command_line("command", NULL, COMMAND_ARGUMENTS_MAX + 1, &error));
	char *large = repeated('x', COMMAND_BYTES_MAX);
	arguments[0] = large;
	assert_false(validate_command_line("command", arguments, 1, &error));
	free(large);
}

static void test_keys_sides_and_limits(void **state)
{
	(void)state;
	struct error error = {0};
	uint32_t limit;
	assert_true(validate_idempotency_key(NULL, &error));
	assert_true(validate_idempotency_key("cli-01ARZ3NDEKTSV4RRFFQ69G5FAV", &error));
	assert_false(validate_idempotency_key("", &error));
	assert_false(validate_idempotency_key("a b", &error));
	assert_false(validate_idempotency_key("a\nb", &error));
	assert_false(validate_idempotency_key("ä", &error));
	char *large = repeated('x', IDEMPOTENCY_KEY_BYTES_MAX + 1);
	assert_false(validate_idempotency_key(large, &error));
	assert_true(validate_idempotency_key(large + 1, &error));
	free(large);
	assert_true(validate_terminal_side("cols", false, 0, &error));
	assert_true(validate_terminal_side("cols", true, TERMINAL_SIDE_MAX, &error));
	assert_false(validate_terminal_side("cols", true, 0, &error));
	assert_false(validate_terminal_side("cols", true, TERMINAL_SIDE_MAX + 1, &error));
	assert_true(validate_list_limit(false, 0, &limit, &error) && limit == LIST_LIMIT_DEFAULT);
	assert_true(validate_list_limit(true, LIST_LIMIT_MAX, &limit, &error) && limit == LIST_LIMIT_MAX);
	assert_false(validate_list_limit(true, 0, &limit, &error));
	assert_false(validate_list_limit(true, LIST_LIMIT_MAX + 1, &limit, &error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ids),		  cmocka_unit_test(test_names),
	    cmocka_unit_test(test_repositories),  cmocka_unit_test(test_branches),
	    cmocka_unit_test(test_images),	  cmocka_unit_test(test_environments),
	    cmocka_unit_test(test_command_lines), cmocka_unit_test(test_keys_sides_and_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
