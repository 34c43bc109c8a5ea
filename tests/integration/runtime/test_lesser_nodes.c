/* Nodes that can do less: without user namespaces, without loop devices, without
 * space. They say so, and their workspaces
 * work (design.md 7: what is reported is what was tried). */
#include "tests/integration/runtime/fixture.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char program[64];

/* A runtime program that refuses user namespaces, as one would on a kernel without them. */
static void refuse_user_namespaces(struct runtime_settings *settings)
{
	static const char script[] = "#!/bin/sh\n"
				     "previous=\n"
				     "for argument; do\n"
				     "  if [ \"$previous\" = --bundle ] && grep -q '\"type\":\"user\"' "
				     "\"$argument/config.json\"; then\n"
				     "    echo 'user namespaces are not available'; exit 1\n"
				     "  fi\n"
				     "  previous=$argument\n"
				     "done\n"
				     "exec runc \"$@\"\n";
	snprintf(program, sizeof(program), "/tmp/roost-runtime-XXXXXX");
	int fd = mkstemp(program);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	fchmod(fd, 0755);
	close(fd);
	settings->binary = program;
}

static void live_once(struct fixture *fixture)
{
	struct runtime_workspace workspace = fixture_workspace("LESS");
	const char *output;
	workspace.repository = fixture_make_repository(fixture, "repo");
	fixture_start(fixture, &workspace);
	assert_int_equal(fixture_inside(fixture, "LESS", "cat README; echo mine >mine", &output), 0);
	assert_string_equal(output, "hello\n");
	assert_true(runtime_stop(fixture->runtime, "LESS", 1000, NULL, NULL));
	workspace.generation = 2;
	fixture_start(fixture, &workspace);
	assert_int_equal(fixture_inside(fixture, "LESS", "cat mine; cat /proc/self/uid_map", &output), 0);
	assert_int_equal(strncmp(output, "mine\n", 5), 0);
	assert_true((strstr(output, "4294967295") != NULL) == !fixture->facts.user_namespace);
	assert_true(runtime_remove(fixture->runtime, "LESS", NULL, NULL));
}

static void without_user_namespaces_workspaces_work_and_the_node_says_so(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_open(&fixture, refuse_user_namespaces);
	assert_false(fixture.facts.user_namespace);
	assert_true(fixture.facts.disk_limit);
	live_once(&fixture);
	/* Root inside is root outside there, and still nothing that matters. */
	struct runtime_workspace workspace = fixture_workspace("ROOT");
	fixture_start(&fixture, &workspace);
	fixture_add_guest(&fixture, "ROOT");
	const char *output;
	if (fixture_inside(&fixture, "ROOT", "exec ./guest kernel", &output) != 0)
		fail_msg("%s", output);
	if (fixture_inside(&fixture, "ROOT", "exec ./guest secrets nowhere-to-be-found", &output) != 0)
		fail_msg("%s", output);
	fixture_close(&fixture);
	unlink(program);
}

/* What the test mounts from here on is gone with its process. */
static void mount_privately(const char *source, const char *target, const char *kind, unsigned long flags,
			    const char *options)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(source, target, kind, flags, options), 0);
}

static void put_on_small_file_system(struct runtime_settings *settings)
{
	char above[256];
	snprintf(above, sizeof(above), "%.*s", (int)(strrchr(settings->folder, '/') - settings->folder),
		 settings->folder);
	mount_privately("small", above, "tmpfs", 0, "size=6m");
}

static void on_a_full_file_system_a_start_says_so_and_works_once_there_is_room(void **state)
{
	(void)state;
	struct fixture fixture;
	struct runtime_workspace workspace = fixture_workspace("FULL");
	fixture_open(&fixture, put_on_small_file_system);
	fixture_shell("cat /dev/zero >%s/.filling 2>/dev/null; true", fixture.workspaces);
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_string_equal(failure->step, "disk");
	assert_string_equal(failure->message, "The node's disk is full.");
	assert_null(strstr(fixture_traces(&fixture), "FULL"));
	fixture_shell("rm %s/.filling", fixture.workspaces);
	fixture_start(&fixture, &workspace);
	fixture_close(&fixture);
}

static void without_loop_devices_disks_are_folders_and_the_node_says_so(void **state)
{
	(void)state;
	struct fixture fixture;
	mount_privately("/dev/null", "/dev/loop-control", NULL, MS_BIND, NULL);
	fixture_open(&fixture, NULL);
	assert_false(fixture.facts.disk_limit);
	live_once(&fixture);
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_user_namespaces_workspaces_work_and_the_node_says_so),
	    cmocka_unit_test(on_a_full_file_system_a_start_says_so_and_works_once_there_is_room),
	    cmocka_unit_test(without_loop_devices_disks_are_folders_and_the_node_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
