/* Which repositories may be cloned: an allowlist of addresses, and local paths below one folder only. */
#include "nodeagent/runtime/repository.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void addresses_of_servers_are_allowed(void **state)
{
	(void)state;
	static const char *const allowed[] = {"https://example.org/a.git", "http://[::1]/a", "ssh://git@host/a",
					      "git://host/a", "git@example.org:team/a.git"};
	enum repository_kind kind;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		assert_true(repository_classify(allowed[i], &kind, NULL));
		assert_int_equal(kind, REPOSITORY_REMOTE);
	}
	assert_true(repository_classify("/srv/repos/a", &kind, NULL));
	assert_int_equal(kind, REPOSITORY_LOCAL);
}

static void transports_files_and_options_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"ext::sh -c id",
					      "file:///etc",
					      "fd::3",
					      "ftp://host/a",
					      "--upload-pack=id",
					      "-u",
					      "ssh://-oProxyCommand=id/a",
					      "git@-oProxyCommand=id:a",
					      "-git@host:a",
					      "user@host::a",
					      "relative/path",
					      "../up",
					      "https://host/\nx",
					      "",
					      "ext::git@host:x"};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		enum repository_kind kind;
		struct error error = {.code = ERROR_NONE};
		if (repository_classify(refused[i], &kind, &error))
			fail_msg("allowed: %s", refused[i]);
		assert_int_equal(error.code, ERROR_PROVISIONING_FAILED);
	}
}

static void branches_are_names_and_not_options(void **state)
{
	(void)state;
	struct error error;
	assert_true(repository_valid_branch("", &error));
	assert_true(repository_valid_branch("feature/one-2", &error));
	assert_false(repository_valid_branch("--upload-pack=id", &error));
	assert_false(repository_valid_branch("a b", &error));
	assert_false(repository_valid_branch("a\nb", &error));
}

static void local_paths_stay_below_their_folder(void **state)
{
	(void)state;
	char root[] = "/tmp/roost-repos-XXXXXX", path[256], link[256];
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/inner", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(link, sizeof(link), "%s/away", root);
	assert_int_equal(symlink("/etc", link), 0);

	int fd = repository_open_local(root, path, NULL);
	assert_true(fd >= 0);
	close(fd);
	static const char *const refused[] = {"%s/away", "%s/inner/../../etc", "%s/missing", "/etc%.0s", "%s-other/a"};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct error error = {.code = ERROR_NONE};
		char tried[300];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(tried, sizeof(tried), refused[i], root);
#pragma GCC diagnostic pop
		assert_int_equal(repository_open_local(root, tried, &error), -1);
		assert_int_equal(error.code, ERROR_PROVISIONING_FAILED);
	}
	struct error error = {.code = ERROR_NONE};
	assert_int_equal(repository_open_local("", path, &error), -1);
	assert_non_null(strstr(error.message, "may not be cloned"));
	unlink(link);
	rmdir(path);
	rmdir(root);
}

static void own_addresses_of_the_machine_are_known(void **state)
{
	(void)state;
	static const char *const own[] = {"git://127.0.0.1/a", "https://user@127.0.0.1:8080/a", "git@127.0.0.1:a"};
	static const char *const foreign[] = {"git://192.0.2.1/a", "https://127.0.0.1.example.org/a", "/127.0.0.1", "",
					      "https://192.0.2.1/a@127.0.0.1/b"};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_true(repository_on_this_machine(own[i]));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(repository_on_this_machine(foreign[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_servers_are_allowed),
	    cmocka_unit_test(transports_files_and_options_are_refused),
	    cmocka_unit_test(branches_are_names_and_not_options),
	    cmocka_unit_test(local_paths_stay_below_their_folder),
	    cmocka_unit_test(own_addresses_of_the_machine_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
