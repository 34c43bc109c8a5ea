/* A full disk, a small file system of the test's own: a session that runs ends with its exit code and its
 * last lines all the same, and one that cannot be written down is not started. Needs root, for the mount. */
#include "bus/foundation/limits.h"
#include "nodeagent/session/folder.h"
#include "tests/integration/session/session_fixture.h"
#include "tests/support/cleanup.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void fill(const struct fixture *fixture)
{
	static const char block[4096];
	char path[700];
	snprintf(path, sizeof(path), "%s/ballast", fixture->root);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void a_session_ends_in_order_on_a_full_disk(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "seq 100000 104999; echo ready; read go; exit 6");
	fixture_wait_text(fixture, id, "ready");
	fill(fixture);
	assert_int_equal(fixture_input(fixture, id, "go", "\r"), ERROR_NONE);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_int_equal(note->end.exit_code, 6);
	assert_false(note->end.unexpected);
	/* less text than the 35 KB that there were, but the last of it */
	enum error_code code;
	const char *text = fixture_text(fixture, id, OUTPUT_LINES_MAX, &code);
	assert_int_equal(code, ERROR_NONE);
	assert_non_null(strstr(text, "\n104999\nready\n"));
	assert_null(strstr(text, "100000"));
}

static void a_session_is_not_started_on_a_full_disk(void **state)
{
	struct fixture *fixture = *state;
	const char *const argv[] = {"true", NULL};
	struct session_start start = {.session_id = fixture_id(), .argv = argv};
	struct error error;
	struct stat status;
	fill(fixture);
	assert_false(session_start(fixture->client, &start, &error));
	assert_int_equal(session_count(fixture->client), 0);
	assert_int_not_equal(stat(fixture_path(fixture, start.session_id, "."), &status), 0);
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const char *folder = cleanup_folder();
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=2m,mode=0700") != 0) {
		perror("a file system of its own");
		return 1;
	}
	setenv("TMPDIR", folder, 1);
	const struct CMUnitTest tests[] = {
	    session_test(a_session_ends_in_order_on_a_full_disk),
	    session_test(a_session_is_not_started_on_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
