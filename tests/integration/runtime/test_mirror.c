/* Mirrors of repositories: the next clone of the same one borrows from them, sees what the server has now and is
 * whole without them; what is wrong with a mirror harms no workspace (S0-04, S0-06, S0-33). */
#include "tests/integration/runtime/fixture.h"
#include "tests/integration/runtime/outside.h"

#include "bus/foundation/clock.h"
#include "nodeagent/runtime/folder.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { AT_ONCE = 6, OBJECT_KB = 1500 };

static struct fixture fixture;
static struct outside outside;

static void with_mirrors(struct runtime_settings *settings)
{
	settings->mirrors_mb = 1024;
}

static int open_all(void **state)
{
	(void)state;
	fixture_open(&fixture, with_mirrors);
	fixture_make_repository(&fixture, "repo.git");
	/* Large enough that where its objects came from can be seen. */
	fixture_shell("cd %s/repo.git && head -c %dk /dev/urandom >large && git add . && "
		      "git -c user.name=t -c user.email=t@example.org commit -qm large && git repack -adq",
		      fixture.repositories, OBJECT_KB);
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

/* Every test begins without a mirror. */
static int forget(void **state)
{
	(void)state;
	return runtime_remove_mirrors(fixture.runtime, NULL) ? 0 : 1;
}

static struct runtime_workspace wanted(const char *id)
{
	struct runtime_workspace workspace = fixture_workspace(id);
	workspace.repository = arena_printf(fixture.arena, "git://%s/repo.git", outside.address);
	return workspace;
}

static void start(const char *id)
{
	struct runtime_workspace workspace = wanted(id);
	fixture_start(&fixture, &workspace);
}

static void drop(const char *id)
{
	struct error error;
	if (!runtime_remove(fixture.runtime, id, NULL, &error))
		fail_msg("%s", error.message);
}

/* The mirrors' folders on disk, one a line. */
static const char *mirrors_on_disk(void)
{
	static char text[256];
	const char *listing = arena_printf(fixture.arena, "%s/listing", fixture.folder);
	fixture_shell("ls -d %s/mirror-* 2>/dev/null >%s; true", fixture.workspaces, listing);
	FILE *file = fopen(listing, "re");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static const char *mirror_disk(void)
{
	return arena_printf(fixture.arena, "$(echo /run/roost/%s/mirror-*/disk)", fixture.installation);
}

/* How much the server has sent so far, by the counters of its wire, in KiB. */
static long server_sent_kb(void)
{
	char path[128], text[32] = "";
	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_bytes", outside.name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return strtol(text, NULL, 10) / 1024;
}

static void whole(const char *id, const char *first_line)
{
	const char *output;
	int code = fixture_inside(
	    &fixture, id,
	    "git fsck --full 2>&1 && test ! -e .git/objects/info/alternates && "
	    "test -z \"$(ls /run/roost/source)\" && test $(git status --porcelain | wc -l) = 0 && cat README && "
	    "git branch --show-current && git remote get-url origin",
	    &output);
	const char *expected =
	    arena_printf(fixture.arena, "%s\nmain\ngit://%s/repo.git\n", first_line, outside.address);
	if (code != 0 || strcmp(output, expected) != 0)
		fail_msg("%s: exit code %d: %s", id, code, output);
}

static void the_second_clone_fetches_nothing_that_the_first_did(void **state)
{
	(void)state;
	long before = server_sent_kb();
	start("ONE");
	long first = server_sent_kb() - before;
	start("TWO");
	long second = server_sent_kb() - before - first;
	assert_true(first > OBJECT_KB && first < 2 * OBJECT_KB);
	if (second > OBJECT_KB / 4)
		fail_msg("%ld KiB for the second clone, %ld for the first", second, first);
	whole("ONE", "hello");
	whole("TWO", "hello");
	/* Mirrors are no workspaces. */
	struct runtime_found *found;
	size_t count;
	assert_true(runtime_list(fixture.runtime, fixture.arena, &found, &count, NULL));
	assert_int_equal(count, 2);
	struct error error = {.code = ERROR_NONE};
	assert_false(runtime_stop(fixture.runtime, "mirror-0", 0, NULL, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	/* Without the mirror nothing is missing. */
	assert_true(runtime_remove_mirrors(fixture.runtime, NULL));
	assert_string_equal(mirrors_on_disk(), "");
	whole("TWO", "hello");
	drop("ONE");
	drop("TWO");
}

static void what_was_pushed_since_is_there_too(void **state)
{
	(void)state;
	start("ONE");
	fixture_shell("cd %s/repo.git && echo newer >README && git -c user.name=t -c user.email=t@example.org commit "
		      "-qam newer",
		      fixture.repositories);
	start("TWO");
	whole("TWO", "newer");
	/* And after the mirror was taken down, and up again. */
	assert_true(runtime_tend(fixture.runtime, NULL));
	start("THREE");
	whole("THREE", "newer");
	fixture_shell("cd %s/repo.git && git reset -q --hard HEAD^", fixture.repositories);
	start("FOUR");
	whole("FOUR", "hello");
	const char *const ids[] = {"ONE", "TWO", "THREE", "FOUR"};
	for (size_t i = 0; i < 4; i++)
		drop(ids[i]);
}

struct starting {
	pthread_t thread;
	struct arena *arena;
	struct runtime_workspace workspace;
	struct runtime_failure failure;
	bool started;
};

static void *start_beside(void *context)
{
	struct starting *starting = context;
	starting->started =
	    runtime_start(fixture.runtime, starting->arena, &starting->workspace, NULL, &starting->failure);
	return NULL;
}

static void many_at_once_share_one_fetch(void **state)
{
	(void)state;
	static const char *const ids[AT_ONCE] = {"A1", "A2", "A3", "A4", "A5", "A6"};
	struct starting starting[AT_ONCE];
	long before = server_sent_kb();
	for (size_t i = 0; i < AT_ONCE; i++) {
		starting[i] = (struct starting){.arena = arena_new(), .workspace = wanted(ids[i])};
		assert_int_equal(pthread_create(&starting[i].thread, NULL, start_beside, &starting[i]), 0);
	}
	for (size_t i = 0; i < AT_ONCE; i++) {
		pthread_join(starting[i].thread, NULL);
		if (!starting[i].started)
			fail_msg("%s: %s\n%s", ids[i], starting[i].failure.message, starting[i].failure.detail);
		arena_free(starting[i].arena);
	}
	long sent = server_sent_kb() - before;
	if (sent > 2 * OBJECT_KB)
		fail_msg("%ld KiB for %d clones of one repository", sent, AT_ONCE);
	for (size_t i = 0; i < AT_ONCE; i++) {
		whole(ids[i], "hello");
		drop(ids[i]);
	}
}

static void a_broken_mirror_is_thrown_away_and_done_without(void **state)
{
	(void)state;
	start("ONE");
	fixture_shell("for p in %s/workspace/objects/pack/*.pack; do chmod u+w $p; head -c 100 /dev/zero | "
		      "dd of=$p bs=1 seek=200 conv=notrunc 2>/dev/null; done",
		      mirror_disk());
	start("TWO");
	whole("TWO", "hello");
	assert_true(runtime_tend(fixture.runtime, NULL));
	assert_string_equal(mirrors_on_disk(), "");
	/* Without any object at all. */
	start("THREE");
	fixture_shell("rm -r %s/workspace/objects", mirror_disk());
	start("FOUR");
	whole("FOUR", "hello");
	const char *const ids[] = {"ONE", "TWO", "THREE", "FOUR"};
	for (size_t i = 0; i < 4; i++)
		drop(ids[i]);
}

/* A user's mistake is not the mirror's fault. */
static void a_clone_that_fails_for_its_own_reason_keeps_the_mirror(void **state)
{
	(void)state;
	start("ONE");
	struct runtime_workspace workspace = wanted("BAD");
	workspace.branch = "nope";
	assert_non_null(strstr(fixture_fails(&fixture, &workspace)->message, "branch does not exist"));
	assert_true(runtime_tend(fixture.runtime, NULL));
	assert_string_not_equal(mirrors_on_disk(), "");
	drop("ONE");
}

/* Nothing is tried twice that may take minutes, and the mirror from before is kept. */
static void a_server_that_is_away_is_asked_once(void **state)
{
	(void)state;
	start("ONE");
	assert_true(runtime_tend(fixture.runtime, NULL));
	fixture_shell("ip route add unreachable %s/32", outside.address);
	/* Another process, which has to fetch. */
	struct runtime_settings settings = fixture.settings;
	struct runtime_facts facts;
	struct runtime_failure failure;
	struct runtime *other;
	struct runtime_workspace workspace = wanted("AWAY");
	assert_true(runtime_open(&runtime_driver_oci, &settings, &other, NULL));
	assert_true(runtime_probe(other, fixture.arena, &facts, NULL));
	bool started = runtime_start(other, fixture.arena, &workspace, NULL, &failure);
	fixture_shell("ip route del unreachable %s/32", outside.address);
	assert_false(started);
	assert_non_null(strstr(failure.message, "cannot be reached"));
	assert_int_equal(failure.cause, RUNTIME_CAUSE_WORKSPACE);
	assert_true(failure.detail[0] != '\0');
	assert_string_not_equal(mirrors_on_disk(), "");
	assert_null(strstr(fixture_traces(&fixture), "AWAY"));
	fixture_shell("test -z \"$(ip -o link | grep 'roost %s mirror')\"", fixture.installation);
	long before = server_sent_kb();
	if (!runtime_start(other, fixture.arena, &workspace, NULL, &failure))
		fail_msg("%s\n%s", failure.message, failure.detail);
	assert_true(server_sent_kb() - before < OBJECT_KB / 4);
	whole("AWAY", "hello");
	runtime_close(other);
	drop("AWAY");
	drop("ONE");
}

static void mirrors_are_bounded(void **state)
{
	(void)state;
	start("ONE");
	assert_true(runtime_tend(fixture.runtime, NULL));
	assert_string_not_equal(mirrors_on_disk(), "");
	/* The same with a runtime that may keep next to nothing. */
	struct runtime_settings settings = fixture.settings;
	struct runtime_facts facts;
	struct runtime *frugal;
	settings.mirrors_mb = 1;
	assert_true(runtime_open(&runtime_driver_oci, &settings, &frugal, NULL));
	assert_true(runtime_probe(frugal, fixture.arena, &facts, NULL));
	assert_true(runtime_tend(frugal, NULL));
	assert_string_equal(mirrors_on_disk(), "");
	runtime_close(frugal);
	drop("ONE");
}

static void do_start(void)
{
	struct runtime_workspace workspace = wanted("KILLED");
	struct runtime_failure failure;
	runtime_start(fixture.runtime, fixture.arena, &workspace, NULL, &failure);
}

/* kill -9 at any moment of a clone, with and without a mirror from before: the next process, which tries the
 * node first as every agent does, clones as if nothing had happened. */
static void a_kill_at_any_moment_leaves_nothing_that_breaks_the_next(void **state)
{
	(void)state;
	unsigned seed = (unsigned)getpid();
	print_message("seed %u\n", seed);
	for (int round = 0; round < 10; round++) {
		fflush(NULL);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			do_start();
			_exit(0);
		}
		usleep((useconds_t)(rand_r(&seed) % 400000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_true(runtime_probe(fixture.runtime, fixture.arena, &fixture.facts, NULL));
		if (round % 3 != 2)
			continue;
		struct runtime_workspace workspace = wanted("KILLED");
		assert_true(runtime_stop(fixture.runtime, "KILLED", 0, NULL, NULL));
		workspace.generation = 2 + (unsigned)round;
		fixture_start(&fixture, &workspace);
		whole("KILLED", "hello");
		drop("KILLED");
	}
	drop("KILLED");
}

static void an_interrupted_fetch_is_not_trusted(void **state)
{
	(void)state;
	start("ONE");
	fixture_shell("touch %s/marks/fetching; rm -r %s/workspace/refs", mirror_disk(), mirror_disk());
	/* Another process, which knows no mirror. */
	struct runtime_settings settings = fixture.settings;
	struct runtime_facts facts;
	struct runtime_failure failure;
	struct runtime *other;
	struct runtime_workspace workspace = wanted("TWO");
	assert_true(runtime_open(&runtime_driver_oci, &settings, &other, NULL));
	assert_true(runtime_probe(other, fixture.arena, &facts, NULL));
	if (!runtime_start(other, fixture.arena, &workspace, NULL, &failure))
		fail_msg("%s", failure.message);
	whole("TWO", "hello");
	fixture_shell("test -e %s/workspace/refs -a ! -e %s/marks/fetching", mirror_disk(), mirror_disk());
	runtime_close(other);
	drop("ONE");
	drop("TWO");
}

#define FROM_NOTHING(test) cmocka_unit_test_setup(test, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FROM_NOTHING(the_second_clone_fetches_nothing_that_the_first_did),
	    FROM_NOTHING(what_was_pushed_since_is_there_too),
	    FROM_NOTHING(many_at_once_share_one_fetch),
	    FROM_NOTHING(a_broken_mirror_is_thrown_away_and_done_without),
	    FROM_NOTHING(a_clone_that_fails_for_its_own_reason_keeps_the_mirror),
	    FROM_NOTHING(a_server_that_is_away_is_asked_once),
	    FROM_NOTHING(mirrors_are_bounded),
	    FROM_NOTHING(an_interrupted_fetch_is_not_trusted),
	    FROM_NOTHING(a_kill_at_any_moment_leaves_nothing_that_breaks_the_next),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
