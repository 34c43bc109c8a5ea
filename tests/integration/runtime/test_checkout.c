/* Clones over a real git server and from local paths, and every way in which they fail: each ends with its
 * step and a sentence that helps, and leaves nothing (S0-33). */
#include "tests/integration/runtime/fixture.h"
#include "tests/integration/runtime/outside.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "nodeagent/runtime/folder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct fixture fixture;
static struct outside outside;

static void small_disks(struct runtime_settings *settings)
{
	settings->disk_mb = 24;
}

static int open_all(void **state)
{
	(void)state;
	fixture_open(&fixture, small_disks);
	fixture_make_repository(&fixture, "repo.git");
	outside_open(&outside, &fixture);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	outside_close(&outside);
	fixture_close(&fixture);
	return 0;
}

static const char *remote(const char *name)
{
	return arena_printf(fixture.arena, "git://%s/%s", outside.address, name);
}

static void starts_with(const char *repository, const char *branch, const char *script, const char *expected)
{
	struct runtime_workspace workspace = fixture_workspace("GOOD");
	const char *output;
	workspace.repository = repository;
	workspace.branch = branch;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "GOOD", script, &output), 0);
	assert_string_equal(output, expected);
	assert_true(runtime_remove(fixture.runtime, "GOOD", NULL, NULL));
}

static void fails_with(const char *repository, const char *branch, const char *words)
{
	struct runtime_workspace workspace = fixture_workspace("BAD");
	workspace.repository = repository;
	workspace.branch = branch;
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_string_equal(failure->step, "clone");
	if (strstr(failure->message, words) == NULL)
		fail_msg("%s: %s\n%s", repository, failure->message, failure->detail);
	assert_true(strlen(failure->detail) <= STEP_OUTPUT_TAIL_BYTES);
	const char *traces = fixture_traces(&fixture);
	if (strstr(traces, "BAD") != NULL)
		fail_msg("%s left behind:\n%s", repository, traces);
}

static void a_server_s_repository_is_cloned(void **state)
{
	(void)state;
	starts_with(remote("repo.git"), "", "cat README; git branch --show-current; git remote get-url origin",
		    arena_printf(fixture.arena, "hello\nmain\n%s\n", remote("repo.git")));
}

static void a_branch_is_checked_out(void **state)
{
	(void)state;
	starts_with(remote("repo.git"), "other", "cat README; git branch --show-current", "other\nother\n");
}

static void a_local_path_is_cloned_and_its_source_not_kept(void **state)
{
	(void)state;
	const char *path = arena_printf(fixture.arena, "%s/repo.git", fixture.repositories);
	starts_with(path, "",
		    "cat README; git remote get-url origin; ls /run/roost/source; git config -l | grep -c safe; true",
		    arena_printf(fixture.arena, "hello\n%s\n0\n", path));
}

static void what_does_not_exist_is_said(void **state)
{
	(void)state;
	fails_with(remote("missing.git"), "", "does not exist");
	fails_with(remote("repo.git"), "nope", "branch does not exist");
	fails_with(arena_printf(fixture.arena, "%s/missing", fixture.repositories), "", "does not exist");
	fails_with(arena_printf(fixture.arena, "git://%s:1/a", outside.address), "", "cannot be reached");
}

static void forbidden_addresses_are_refused(void **state)
{
	(void)state;
	fails_with("ext::sh -c 'touch /tmp/evil'", "", "not allowed");
	fails_with("file:///etc", "", "not allowed");
	fails_with("--upload-pack=touch /tmp/evil", "", "not allowed");
	fails_with("/etc", "", "not below the folder");
	fails_with(arena_printf(fixture.arena, "%s/../../../etc", fixture.repositories), "", "leads out");
	fails_with(remote("repo.git"), "--upload-pack=id", "not a name of a branch");
	fixture_shell("ln -s /etc %s/link", fixture.repositories);
	fails_with(arena_printf(fixture.arena, "%s/link", fixture.repositories), "", "leads out");
}

/* The same with a runtime whose clones may take a second. */
static void fails_in_haste(const char *repository, const char *words)
{
	struct runtime_settings settings = fixture.settings;
	struct runtime_workspace workspace = fixture_workspace("HASTY");
	struct runtime *hasty;
	struct runtime_facts facts;
	struct runtime_failure failure;
	settings.clone_timeout_seconds = 1;
	workspace.repository = repository;
	assert_true(runtime_open(&runtime_driver_oci, &settings, &hasty, NULL));
	assert_true(runtime_probe(hasty, fixture.arena, &facts, NULL));
	assert_false(runtime_start(hasty, fixture.arena, &workspace, NULL, &failure));
	runtime_close(hasty);
	assert_string_equal(failure.step, "clone");
	if (strstr(failure.message, words) == NULL)
		fail_msg("%s: %s\n%s", repository, failure.message, failure.detail);
	assert_null(strstr(fixture_traces(&fixture), "HASTY"));
}

static void the_machine_itself_is_no_git_server(void **state)
{
	(void)state;
	/* The outside's server is reached; the machine's end of the same wire is not, and nobody waits for it. */
	int64_t before = clock_monotonic_ms();
	fails_with(arena_printf(fixture.arena, "git://%s/repo.git", outside.machine), "",
		   "no way to the machine that it runs on");
	fails_with(arena_printf(fixture.arena, "http://%s:8080/repo.git", outside.machine), "", "ROOST_LOCAL_REPOS");
	fails_with("git://127.0.0.1/repo.git", "", "cannot be reached");
	assert_true(clock_monotonic_ms() - before < 20000);
}

static void a_repository_larger_than_the_disk_is_said(void **state)
{
	(void)state;
	fixture_make_repository(&fixture, "large.git");
	fixture_shell("cd %s/large.git && head -c 28m /dev/urandom >large && git config core.compression 0 && git "
		      "config core.bigFileThreshold 1m && git add . && "
		      "git -c user.name=t -c user.email=t@example.org commit -qm large",
		      fixture.repositories);
	fails_with(remote("large.git"), "", "disk is full");
}

static void a_silent_server_ends_with_the_time_limit(void **state)
{
	(void)state;
	fails_in_haste(arena_printf(fixture.arena, "git://%s:%d/a", outside.address, OUTSIDE_SILENT_PORT),
		       "longer than 1 seconds");
}

/* Cancels once git is known to run, and again and again until the start has ended. */
struct cancelling {
	bool git_runs;
	bool ended;
};

static void hear_git(void *context, const char *step, const char *line)
{
	struct cancelling *cancelling = context;
	if (strcmp(step, "clone") == 0 && strstr(line, "Cloning into") != NULL)
		__atomic_store_n(&cancelling->git_runs, true, __ATOMIC_SEQ_CST);
}

static void *cancel_clone(void *context)
{
	const struct cancelling *cancelling = context;
	struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	while (!__atomic_load_n(&cancelling->ended, __ATOMIC_SEQ_CST)) {
		nanosleep(&pause, NULL);
		if (__atomic_load_n(&cancelling->git_runs, __ATOMIC_SEQ_CST))
			runtime_cancel(fixture.runtime, "CANCEL");
	}
	return NULL;
}

static void a_cancel_in_the_middle_of_a_clone_ends_it_at_once(void **state)
{
	(void)state;
	struct cancelling cancelling = {false, false};
	const struct runtime_listener listener = {.context = &cancelling, .output = hear_git};
	pthread_t canceller;
	struct runtime_failure failure;
	struct runtime_workspace workspace = fixture_workspace("CANCEL");
	workspace.repository = arena_printf(fixture.arena, "git://%s:%d/a", outside.address, OUTSIDE_SILENT_PORT);
	assert_int_equal(pthread_create(&canceller, NULL, cancel_clone, &cancelling), 0);
	int64_t before = clock_monotonic_ms();
	assert_false(runtime_start(fixture.runtime, fixture.arena, &workspace, &listener, &failure));
	int64_t took = clock_monotonic_ms() - before;
	__atomic_store_n(&cancelling.ended, true, __ATOMIC_SEQ_CST);
	pthread_join(canceller, NULL);
	assert_true(failure.cancelled);
	assert_int_equal(failure.cause, RUNTIME_CAUSE_WORKSPACE);
	assert_true(took < 30000);
	assert_null(strstr(fixture_traces(&fixture), "CANCEL"));
}

static void other_images_and_missing_ones(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("IMAGE");
	const char *images = arena_printf(fixture.arena, "%s/.images", fixture.workspaces), *output;
	static const char *const missing[] = {"nope", "../..", "/etc", ".hidden", "tiny/../../x"};
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		workspace.image = missing[i];
		const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
		assert_string_equal(failure->step, "sandbox");
		assert_non_null(strstr(failure->message, "There is no image"));
		assert_null(strstr(fixture_traces(&fixture), "IMAGE"));
	}
	/* An image of one file: a shell with what it needs. */
	fixture_shell("set -e; i=%s/tiny; mkdir -p $i/bin $i/etc; cp /bin/sh /bin/cat /bin/ls $i/bin; "
		      "for l in $(ldd /bin/sh /bin/cat /bin/ls | grep -o '/[^ ]*' | grep -v ':' | sort -u); do "
		      "mkdir -p $i$(dirname $l); cp -n $l $i$l; done; echo tiny >$i/etc/image; "
		      "tar -C $i -cf %s/packed.tar .",
		      images, images);
	static const char *const present[] = {"tiny", "packed.tar"};
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++) {
		workspace.image = present[i];
		fixture_start(&fixture, &workspace);
		assert_int_equal(fixture_inside(&fixture, "IMAGE", "cat /etc/image; echo changed >/etc/image", &output),
				 0);
		assert_string_equal(output, "tiny\n");
		/* Nothing of the machine's own is in it. */
		assert_int_not_equal(fixture_inside(&fixture, "IMAGE", "cat /usr/bin/env", NULL), 0);
		assert_true(runtime_stop(fixture.runtime, "IMAGE", 100, NULL, NULL));
		workspace.generation++;
		fixture_start(&fixture, &workspace);
		assert_int_equal(fixture_inside(&fixture, "IMAGE", "cat /etc/image", &output), 0);
		assert_string_equal(output, "changed\n");
		assert_true(runtime_remove(fixture.runtime, "IMAGE", NULL, NULL));
	}
	fixture_shell("grep -qx tiny %s/tiny/etc/image", images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_s_repository_is_cloned),
	    cmocka_unit_test(a_branch_is_checked_out),
	    cmocka_unit_test(a_local_path_is_cloned_and_its_source_not_kept),
	    cmocka_unit_test(what_does_not_exist_is_said),
	    cmocka_unit_test(forbidden_addresses_are_refused),
	    cmocka_unit_test(the_machine_itself_is_no_git_server),
	    cmocka_unit_test(a_repository_larger_than_the_disk_is_said),
	    cmocka_unit_test(a_silent_server_ends_with_the_time_limit),
	    cmocka_unit_test(a_cancel_in_the_middle_of_a_clone_ends_it_at_once),
	    cmocka_unit_test(other_images_and_missing_ones),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
