/* The dispatcher over a driver that only writes down what it is asked: the order of steps, the undoing
 * after each step that can fail, and a runtime without any driver (S2-04..S2-07, S2-10, S4-28, D7). */
#include "nodeagent/runtime/runtime.h"

#include "nodeagent/runtime/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* What the fake driver wrote down, and how it is to behave. */
static struct {
	char steps[512];
	const char *failing;  /* the step that fails */
	enum error_code code; /* with which; 0 for PROVISIONING_FAILED */
	struct runtime *cancel_at_start;
	char folder[64];
} fake;

static bool note(const char *step, struct error *error)
{
	size_t used = strlen(fake.steps);
	snprintf(fake.steps + used, sizeof(fake.steps) - used, "%s ", step);
	return fake.failing == NULL || strcmp(fake.failing, step) != 0 ||
	       error_set(error, fake.code != ERROR_NONE ? fake.code : ERROR_PROVISIONING_FAILED, "The %s failed.",
			 step);
}

static bool fake_open(const struct runtime_settings *settings, void **state, struct error *error)
{
	(void)settings;
	*state = NULL;
	return note("open", error);
}

static void fake_close(void *state)
{
	(void)state;
}

static bool fake_probe(void *state, struct external_wait *wait, struct arena *arena, struct runtime_facts *facts,
		       struct error *error)
{
	(void)state, (void)wait, (void)arena;
	facts->binary = "fake";
	return note("probe", error);
}

static bool fake_disk(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		      struct error *error)
{
	(void)state, (void)wait, (void)workspace;
	return note("disk", error);
}

static bool fake_network(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
			 struct error *error)
{
	(void)state, (void)wait, (void)workspace;
	return note("network", error);
}

static bool fake_start(void *state, struct external_wait *wait, const struct runtime_workspace *workspace,
		       struct error *error)
{
	(void)state;
	if (fake.cancel_at_start != NULL) {
		runtime_cancel(fake.cancel_at_start, "someone-else");
		assert_false(external_wait_cancelled(wait));
		runtime_cancel(fake.cancel_at_start, workspace->id);
		assert_true(external_wait_cancelled(wait));
	}
	return note("start", error);
}

static bool fake_is_running(void *state, const char *id, bool *running, struct error *error)
{
	(void)state, (void)id;
	*running = true;
	return note("is_running", error);
}

static uint32_t fake_process_limit_reached(void *state, const char *id)
{
	(void)state, (void)id;
	return 0;
}

static bool fake_watch(void *state, const char *id, int *pidfd, struct error *error)
{
	(void)state, (void)id;
	*pidfd = eventfd(0, EFD_CLOEXEC);
	return note("watch", error);
}

static bool fake_stop(void *state, struct external_wait *wait, const char *id, uint32_t grace_ms, struct error *error)
{
	(void)state, (void)wait, (void)id, (void)grace_ms;
	return note("stop", error);
}

static bool fake_remove(void *state, struct external_wait *wait, const char *id, struct error *error)
{
	(void)state, (void)wait, (void)id;
	return note("remove", error);
}

static bool fake_sync(void *state, const char *id, const char *mark, struct error *error)
{
	(void)state, (void)id, (void)mark;
	return note("sync", error);
}

static void fake_count_left(void *state, const char *id, struct runtime_left *left)
{
	(void)state, (void)id;
	note("left", NULL);
	*left = (struct runtime_left){.processes = 2, .mounts = 1, .files = true};
}

static bool fake_list(void *state, struct arena *arena, struct runtime_found **found, size_t *count,
		      struct error *error)
{
	(void)state, (void)arena;
	*found = NULL;
	*count = 0;
	return note("list", error);
}

static bool fake_command(void *state, struct arena *arena, const struct runtime_program *program, char ***argv,
			 struct error *error)
{
	(void)state, (void)program;
	static const char *const command[] = {"/bin/true", NULL};
	*argv = arena_copy(arena, command, sizeof(command));
	return note("command", error);
}

static bool fake_kill(void *state, const char *id, const char *group, uint32_t grace_ms, struct error *error)
{
	(void)state, (void)id, (void)group, (void)grace_ms;
	return note("kill", error);
}

static bool fake_bind(void *state, const char *id, int fd, const char *path, struct error *error)
{
	(void)state, (void)id, (void)fd, (void)path;
	return note("bind", error);
}

static bool fake_unbind(void *state, const char *id, const char *path, struct error *error)
{
	(void)state, (void)id, (void)path;
	return note("unbind", error);
}

static bool fake_paths(void *state, struct arena *arena, const char *id, const char **checkout, const char **marks,
		       struct error *error)
{
	(void)state, (void)id, (void)error;
	*checkout = arena_printf(arena, "%s/workspace", fake.folder);
	*marks = arena_printf(arena, "%s/marks", fake.folder);
	return true;
}

static bool fake_tend(void *state, struct error *error)
{
	(void)state;
	return note("tend", error);
}

static bool fake_preflight(void *state, const struct runtime_workspace *wanted, struct error *error)
{
	(void)state, (void)wanted;
	return note("preflight", error);
}

static const struct runtime_driver fake_driver = {.name = "fake",
						  .open = fake_open,
						  .close = fake_close,
						  .probe = fake_probe,
						  .tend = fake_tend,
						  .preflight = fake_preflight,
						  .make_disk = fake_disk,
						  .make_network = fake_network,
						  .start = fake_start,
						  .is_running = fake_is_running,
						  .process_limit_reached = fake_process_limit_reached,
						  .watch = fake_watch,
						  .stop = fake_stop,
						  .remove = fake_remove,
						  .sync = fake_sync,
						  .count_left = fake_count_left,
						  .list = fake_list,
						  .command = fake_command,
						  .kill_processes = fake_kill,
						  .bind = fake_bind,
						  .unbind = fake_unbind,
						  .paths = fake_paths};

static const struct runtime_workspace workspace = {
    .id = "one", .owner = "alice", .generation = 1, .image = "", .repository = "", .branch = ""};

struct fixture {
	struct runtime *runtime;
	struct arena *arena;
	struct runtime_settings settings;
	struct runtime_failure failure;
};

static int open_fake(void **state)
{
	static struct fixture fixture;
	char path[128];
	memset(&fake, 0, sizeof(fake));
	snprintf(fake.folder, sizeof(fake.folder), "/tmp/roost-runtime-XXXXXX");
	assert_non_null(mkdtemp(fake.folder));
	snprintf(path, sizeof(path), "%s/marks", fake.folder);
	assert_true(folder_make(path, 0755, NULL));
	snprintf(path, sizeof(path), "%s/workspace", fake.folder);
	assert_true(folder_make(path, 0755, NULL));
	fixture =
	    (struct fixture){.arena = arena_new(), .settings = {.folder = fake.folder, .clone_timeout_seconds = 5}};
	assert_true(runtime_open(&fake_driver, &fixture.settings, &fixture.runtime, NULL));
	fake.steps[0] = '\0';
	*state = &fixture;
	return 0;
}

static int close_fake(void **state)
{
	struct fixture *fixture = *state;
	runtime_close(fixture->runtime);
	arena_free(fixture->arena);
	return !folder_remove(fake.folder, NULL);
}

static bool start(struct fixture *fixture, const struct runtime_workspace *wanted)
{
	return runtime_start(fixture->runtime, fixture->arena, wanted, NULL, &fixture->failure);
}

static void a_start_runs_its_steps_in_order(void **state)
{
	struct fixture *fixture = *state;
	assert_true(start(fixture, &workspace));
	assert_string_equal(fake.steps, "disk network start ");
	/* Again: every step is asked to see for itself, and nothing is cloned a second time. */
	assert_true(start(fixture, &workspace));
	assert_string_equal(fake.steps, "disk network start disk network start ");
}

static void a_failed_step_undoes_the_earlier_ones(void **state)
{
	struct fixture *fixture = *state;
	static const char *const cases[][3] = {{"disk", "disk", "disk stop "},
					       {"network", "network", "disk network stop remove "},
					       {"start", "sandbox", "disk network start stop remove "}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.steps[0] = '\0';
		fake.failing = cases[i][0];
		assert_false(start(fixture, &workspace));
		assert_string_equal(fake.steps, cases[i][2]);
		assert_string_equal(fixture->failure.step, cases[i][1]);
		assert_non_null(strstr(fixture->failure.message, "failed"));
		assert_false(fixture->failure.cancelled);
	}
}

static void a_failed_restart_keeps_the_files(void **state)
{
	struct fixture *fixture = *state;
	assert_true(start(fixture, &workspace));
	fake.steps[0] = '\0';
	fake.failing = "start";
	assert_false(start(fixture, &workspace));
	assert_string_equal(fake.steps, "disk network start stop ");
}

static void a_refused_repository_ends_in_the_clone_step(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_workspace wanted = workspace;
	wanted.repository = "ext::sh -c id";
	assert_false(start(fixture, &wanted));
	assert_string_equal(fake.steps, "disk network start stop remove ");
	assert_string_equal(fixture->failure.step, "clone");
	assert_non_null(strstr(fixture->failure.message, "not allowed"));
}

static void a_cancel_stops_between_steps(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_workspace wanted = workspace;
	wanted.repository = "https://example.invalid/a";
	fake.cancel_at_start = fixture->runtime;
	assert_false(start(fixture, &wanted));
	assert_string_equal(fake.steps, "disk network start stop remove ");
	assert_true(fixture->failure.cancelled);
	/* Nothing to cancel: nothing happens. */
	runtime_cancel(fixture->runtime, "one");
}

static void remove_stops_first_and_keeps_what_cannot_be_stopped(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	assert_true(runtime_remove(fixture->runtime, "one", NULL, &error));
	assert_string_equal(fake.steps, "stop remove ");
	fake.steps[0] = '\0';
	fake.failing = "stop";
	assert_false(runtime_remove(fixture->runtime, "one", NULL, &error));
	assert_string_equal(fake.steps, "stop ");
}

static void ids_that_are_paths_reach_no_driver(void **state)
{
	struct fixture *fixture = *state;
	static const char *const ids[] = {"../etc", "a/b", "a b", ".", "a\n"};
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct error error = {.code = ERROR_NONE};
		struct runtime_workspace wanted = workspace;
		wanted.id = ids[i];
		assert_false(start(fixture, &wanted));
		assert_false(runtime_stop(fixture->runtime, ids[i], 0, NULL, &error));
		assert_false(runtime_remove(fixture->runtime, ids[i], NULL, &error));
		assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	}
	assert_string_equal(fake.steps, "");
}

static void what_could_not_be_ended_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_left left = {.processes = 9};
	assert_true(runtime_remove(fixture->runtime, "one", &left, NULL));
	assert_true(left.processes == 0 && left.mounts == 0 && !left.files);
	fake.failing = "stop";
	assert_false(runtime_stop(fixture->runtime, "one", 0, &left, NULL));
	/* A stop keeps files on purpose. */
	assert_true(left.processes == 2 && left.mounts == 1 && !left.files);
	assert_false(runtime_remove(fixture->runtime, "one", &left, NULL));
	assert_true(left.processes == 2 && left.mounts == 1 && left.files);
	fake.failing = "remove";
	assert_false(runtime_remove(fixture->runtime, "one", &left, NULL));
	assert_true(left.files);
}

static void no_id_is_nothing_to_stop(void **state)
{
	struct fixture *fixture = *state;
	static const char *const ids[] = {"", NULL};
	bool running = true;
	for (size_t i = 0; i < 2; i++) {
		assert_true(runtime_stop(fixture->runtime, ids[i], 0, NULL, NULL));
		assert_true(runtime_remove(fixture->runtime, ids[i], NULL, NULL));
		assert_true(runtime_is_running(fixture->runtime, ids[i], &running, NULL));
		assert_false(running);
		runtime_cancel(fixture->runtime, ids[i]);
	}
	assert_string_equal(fake.steps, "");
}

static void where_the_cause_lies_is_told(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		enum error_code code;
		enum runtime_cause cause;
	} cases[] = {{ERROR_PROVISIONING_FAILED, RUNTIME_CAUSE_WORKSPACE},
		     {ERROR_PLATFORM_UNAVAILABLE, RUNTIME_CAUSE_MACHINE},
		     {ERROR_INTERNAL, RUNTIME_CAUSE_MACHINE},
		     {ERROR_BUSY, RUNTIME_CAUSE_HANG}};
	fake.failing = "start";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.code = cases[i].code;
		assert_false(start(fixture, &workspace));
		assert_int_equal(fixture->failure.cause, cases[i].cause);
	}
}

static void a_driver_that_lacks_a_function_is_refused(void **state)
{
	(void)state;
	struct runtime_settings settings = {.folder = "/nonexistent"};
	size_t first = offsetof(struct runtime_driver, open), step = sizeof(void (*)(void));
	for (size_t at = first; at + step <= sizeof(struct runtime_driver); at += step) {
		struct runtime_driver lacking = fake_driver;
		struct runtime *runtime = NULL;
		struct error error = {.code = ERROR_NONE};
		memset((char *)&lacking + at, 0, step);
		assert_false(runtime_open(&lacking, &settings, &runtime, &error));
		assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
		assert_null(runtime);
	}
}

/* --- no driver at all, and no runtime at all --- */

static int open_none(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.arena = arena_new()};
	*state = &fixture;
	return runtime_open(NULL, NULL, &fixture.runtime, NULL) ? 0 : 1;
}

static int open_null(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.arena = arena_new()};
	*state = &fixture;
	return 0;
}

static int close_none(void **state)
{
	struct fixture *fixture = *state;
	runtime_close(fixture->runtime);
	arena_free(fixture->arena);
	return 0;
}

static void none_probe(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_facts facts;
	struct error error = {.code = ERROR_NONE};
	assert_false(runtime_probe(fixture->runtime, fixture->arena, &facts, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_string_equal(facts.binary, "");
}

static void none_start_says_why_at_once(void **state)
{
	struct fixture *fixture = *state;
	assert_false(start(fixture, &workspace));
	assert_string_equal(fixture->failure.step, "runtime");
	assert_non_null(strstr(fixture->failure.message, "no driver"));
	assert_string_equal(fixture->failure.detail, "");
}

static void none_stop_succeeds(void **state)
{
	struct fixture *fixture = *state;
	assert_true(runtime_stop(fixture->runtime, "one", 1000, NULL, NULL));
}

static void none_remove_succeeds(void **state)
{
	struct fixture *fixture = *state;
	assert_true(runtime_remove(fixture->runtime, "one", NULL, NULL));
}

static void none_is_running_says_no(void **state)
{
	struct fixture *fixture = *state;
	bool running = true;
	assert_true(runtime_is_running(fixture->runtime, "one", &running, NULL));
	assert_false(running);
}

static void none_watch_says_not_running(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {.code = ERROR_NONE};
	int pidfd = 0;
	assert_false(runtime_watch(fixture->runtime, "one", &pidfd, &error));
	assert_int_equal(error.code, ERROR_WORKSPACE_NOT_RUNNING);
	assert_int_equal(pidfd, -1);
}

static void none_tend_and_mirrors_succeed(void **state)
{
	struct fixture *fixture = *state;
	assert_true(runtime_tend(fixture->runtime, NULL));
	assert_true(runtime_remove_mirrors(fixture->runtime, NULL));
}

static void none_left_is_zero(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_left left = {.processes = 3, .mounts = 2, .files = true};
	assert_true(runtime_stop(fixture->runtime, "one", 0, &left, NULL));
	assert_true(left.processes == 0 && left.mounts == 0 && !left.files);
	assert_true(runtime_stop(fixture->runtime, "", 0, &left, NULL));
}

static void none_list_is_empty(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_found *found;
	size_t count = 1;
	assert_true(runtime_list(fixture->runtime, fixture->arena, &found, &count, NULL));
	assert_int_equal(count, 0);
}

static void none_command_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct runtime_program program = {.workspace_id = "one", .group = "g"};
	struct error error = {.code = ERROR_NONE};
	char **argv;
	assert_false(runtime_command(fixture->runtime, fixture->arena, &program, &argv, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
}

static void none_kill_succeeds(void **state)
{
	struct fixture *fixture = *state;
	assert_true(runtime_kill_processes(fixture->runtime, "one", "g", 0, NULL));
}

static void none_cancel_does_nothing(void **state)
{
	struct fixture *fixture = *state;
	runtime_cancel(fixture->runtime, "one");
}

static void none_bad_ids_are_still_refused(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {.code = ERROR_NONE};
	assert_false(runtime_stop(fixture->runtime, "../x", 0, NULL, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, open_fake, close_fake)
#define WITHOUT(test)                                                                                                  \
	{#test " (no driver)", test, open_none, close_none, NULL},                                                     \
	{                                                                                                              \
#test " (no runtime)", test, open_null, close_none, NULL                                               \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FAKE(a_start_runs_its_steps_in_order),
	    WITH_FAKE(a_failed_step_undoes_the_earlier_ones),
	    WITH_FAKE(a_failed_restart_keeps_the_files),
	    WITH_FAKE(a_refused_repository_ends_in_the_clone_step),
	    WITH_FAKE(a_cancel_stops_between_steps),
	    WITH_FAKE(remove_stops_first_and_keeps_what_cannot_be_stopped),
	    WITH_FAKE(ids_that_are_paths_reach_no_driver),
	    WITH_FAKE(what_could_not_be_ended_is_counted),
	    WITH_FAKE(no_id_is_nothing_to_stop),
	    WITH_FAKE(where_the_cause_lies_is_told),
	    cmocka_unit_test(a_driver_that_lacks_a_function_is_refused),
	    WITHOUT(none_probe),
	    WITHOUT(none_start_says_why_at_once),
	    WITHOUT(none_stop_succeeds),
	    WITHOUT(none_remove_succeeds),
	    WITHOUT(none_is_running_says_no),
	    WITHOUT(none_watch_says_not_running),
	    WITHOUT(none_list_is_empty),
	    WITHOUT(none_tend_and_mirrors_succeed),
	    WITHOUT(none_left_is_zero),
	    WITHOUT(none_command_is_an_error),
	    WITHOUT(none_kill_succeeds),
	    WITHOUT(none_cancel_does_nothing),
	    WITHOUT(none_bad_ids_are_still_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
