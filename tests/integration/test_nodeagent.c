/* The node agent as a program, on a real nats-server with a node's own permissions, against a controller
 * that keeps no log and a runtime without sandboxes: the lives of workspaces, and what goes wrong. */
#include "bus/foundation/ulid.h"
#include "bus/wire/message.h"
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN	   ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	   ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	   ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define TOLD(kind) ROOST__REPORT__REPORT_##kind

/* S1-02, S0-11, S0-12, D6, S2-05: the whole life of a workspace. */
static void a_workspace_is_made_stopped_restarted_and_removed(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char kept[100];
	bench_id(id);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 1);
	assert_int_equal(bench_run_workspace(bench, id, 1)->generation, 1);
	assert_true(fake_controller_count(controller, TOLD(WORKSPACE_STEP), id) >= 3);
	snprintf(kept, sizeof(kept), "workspaces/%s/checkout/kept", id);
	bench_touch(bench, kept, true);
	fake_controller_want(controller, id, 1, STOP, "");
	assert_int_equal(fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1)->generation, 1);
	assert_true(bench_exists(bench, kept));
	assert_int_equal(bench_run_workspace(bench, id, 2)->generation, 2);
	assert_int_equal(bench_run_workspace(bench, id, 3)->generation, 3);
	assert_true(bench_exists(bench, kept));
	assert_int_equal(bench_starts_of(bench, id), 3);
	fake_controller_want(controller, id, 3, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	kept[sizeof("workspaces/") - 1 + 26] = 0;
	assert_false(bench_exists(bench, kept));
	assert_int_equal(controller->told[0].kind, TOLD(NODE_RUNNING));
}

/* S0-05: what happens to one does not touch the other. */
static void a_neighbour_goes_on(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char neighbour[27];
	bench_run_workspace(bench, bench_id(neighbour), 1);
	pid_t pid = bench_process_of(bench, neighbour);
	bench_run_workspace(bench, bench_id(id), 1);
	bench_run_workspace(bench, id, 2);
	fake_controller_want(&bench->controller, id, 2, REMOVE, "");
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_REMOVED), id, 1);
	assert_int_equal(bench_process_of(bench, neighbour), pid);
	assert_true(bench_lives(pid));
	assert_int_equal(bench_starts_of(bench, neighbour), 1);
	assert_int_equal(fake_controller_count(&bench->controller, TOLD(WORKSPACE_RUNNING), neighbour), 1);
}

/* S0-33, S1-04: each step's failure is told with its reason, leaves nothing, is not repeated by itself,
 * and the workspace can still be deleted or started again. */
static void a_failed_creation_is_told_and_leaves_nothing(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	static const char *const steps[] = {"disk", "network", "sandbox"};
	for (size_t i = 0; i < 3; i++) {
		char id[27];
		char image[32];
		char folder[64];
		snprintf(image, sizeof(image), "fail:%s", steps[i]);
		fake_controller_want(controller, bench_id(id), 1, RUN, image);
		const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), id, 1);
		assert_string_equal(told->step, steps[i]);
		assert_non_null(strstr(told->message, "could not be made"));
		snprintf(folder, sizeof(folder), "workspaces/%s", id);
		assert_false(bench_exists(bench, folder));
		agent_program_kill(&bench->agent);
		bench_restart(bench);
		assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 1);
		assert_int_equal(bench_run_workspace(bench, id, 2)->generation, 2);
		fake_controller_want(controller, id, 2, REMOVE, "");
		fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	}
}

/* S1-16: a stop during the creation is not overwritten by its end, and does not wait for it. */
static void a_creation_is_called_off_by_a_stop(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "slow");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 3);
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_RUNNING), id), 0);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_FAILED), id), 0);
	fake_controller_want(controller, id, 2, RUN, "slow");
	fake_controller_await(controller, TOLD(WORKSPACE_STEP), id, 6);
	fake_controller_want(controller, id, 2, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

static void a_sandbox_that_ends_by_itself_is_told_as_lost(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "short");
	fake_controller_await(controller, TOLD(WORKSPACE_RUNNING), id, 1);
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_int_equal(told->generation, 1);
	assert_non_null(strstr(told->message, "ended by itself"));
	assert_int_equal(bench_starts_of(bench, id), 1);
	bench_run_workspace(bench, id, 2);
}

/* S0-31: the loss of what cannot be cleared away is told at once, not when that has worked at last. */
static void a_loss_whose_remains_stay_is_told_at_once(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char stubborn[64];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(stubborn, sizeof(stubborn), "workspaces/%s/refuse-stop", id);
	bench_touch(bench, stubborn, true);
	kill(-bench_process_of(bench, id), SIGKILL);
	fake_controller_await(controller, TOLD(WORKSPACE_LOST), id, 1);
	assert_true(bench_exists(bench, stubborn));
	bench_touch(bench, stubborn, false);
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(fake_controller_count(controller, TOLD(WORKSPACE_LOST), id), 1);
}

/* D12: what is left is told once for each time that it was asked for, files stay, and it is tried again. */
static void a_failed_stop_keeps_everything_and_is_told(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char stubborn[64];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(stubborn, sizeof(stubborn), "workspaces/%s/refuse-stop", id);
	bench_touch(bench, stubborn, true);
	fake_controller_want(controller, id, 1, REMOVE, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_STOP_FAILED), id, 1);
	assert_non_null(strstr(told->message, "1 processes"));
	assert_true(bench_exists(bench, stubborn));
	bench_touch(bench, stubborn, false);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

/* A restart that the node never heard of: what is told is of the generation that it is asked to stop, or the log
 * would take it for late. */
static void a_failed_stop_is_of_the_generation_that_was_to_stop(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char stubborn[64];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(stubborn, sizeof(stubborn), "workspaces/%s/refuse-stop", id);
	bench_touch(bench, stubborn, true);
	fake_controller_want(controller, id, 3, STOP, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_STOP_FAILED), id, 1);
	assert_int_equal(told->generation, 3);
	bench_touch(bench, stubborn, false);
	told = fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	assert_int_equal(told->generation, 3);
}

static bool is_said_to_be_broken(void *context)
{
	const struct fake_controller *controller = context;
	return strstr(controller->runtime_error, "broken") != NULL;
}

/* D7: without a usable runtime a start fails at once with the true cause, and comes back by itself. */
static void a_broken_runtime_is_said_and_recovers(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 1);
	agent_program_kill(&bench->agent);
	bench_touch(bench, "broken", true);
	bench_restart(bench);
	loop_until(&bench->loop, is_said_to_be_broken, controller, PATIENCE_MS, "a beat that says what is broken");
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 2);
	bench_touch(bench, "broken", false);
	fake_controller_await(controller, TOLD(NODE_RUNNING), NULL, 3);
	bench_run_workspace(bench, bench_id(id), 1);
}

static int setup_without_room(void **state)
{
	setenv("TEST_DISK_RESERVE_MB", "1048576", 1);
	return bench_setup(state);
}

static int teardown_without_room(void **state)
{
	unsetenv("TEST_DISK_RESERVE_MB");
	return bench_teardown(state);
}

/* S0-29 */
static void a_full_disk_refuses_creates_and_says_so(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	fake_controller_want(controller, bench_id(id), 1, RUN, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), id, 1);
	assert_string_equal(told->step, "disk");
	assert_non_null(strstr(told->message, "free disk"));
	assert_int_equal(bench_starts_of(bench, id), 0);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
}

static int setup_small(void **state)
{
	static struct bench bench;
	bench_open_small(&bench, "nodeagent-without-sandboxes", 64);
	*state = &bench;
	return 0;
}

/* Takes every byte that is left. */
static void fill_disk(const struct bench *bench)
{
	char path[600];
	char block[65536];
	snprintf(path, sizeof(path), "%s/fill", bench->agent.folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	memset(block, 1, sizeof(block));
	for (size_t size = sizeof(block); size > 0;)
		if (write(fd, block, size) <= 0)
			size /= 2;
	close(fd);
}

/* On a full disk nothing is made, and everything can still be stopped, removed and told. */
static void a_disk_without_a_byte_left_stops_and_removes(void **state)
{
	struct bench *bench = *state;
	struct fake_controller *controller = &bench->controller;
	char id[27];
	char other[27];
	bench_run_workspace(bench, bench_id(id), 1);
	assert_true(bench_exists(bench, "nodeagent.db.ballast"));
	fill_disk(bench);
	fake_controller_want(controller, bench_id(other), 1, RUN, "");
	const struct told *told = fake_controller_await(controller, TOLD(WORKSPACE_FAILED), other, 1);
	assert_non_null(strstr(told->message, "free disk"));
	fake_controller_want(controller, id, 1, STOP, "");
	fake_controller_await(controller, TOLD(WORKSPACE_STOPPED), id, 1);
	fake_controller_want(controller, id, 1, REMOVE, "");
	fake_controller_await(controller, TOLD(WORKSPACE_REMOVED), id, 1);
	assert_false(process_ended(&bench->agent.process));
	fake_controller_want(controller, other, 2, RUN, "");
	fake_controller_await(controller, TOLD(WORKSPACE_FAILED), other, 2);
	bench_touch(bench, "fill", false);
	bench_run_workspace(bench, other, 3);
	assert_true(bench_exists(bench, "nodeagent.db.ballast"));
}

static void expect_refusal(struct bench *bench, const char *verb, struct bytes body, const char *expected)
{
	char refused[64];
	struct arena *arena = arena_new();
	fake_controller_ask(&bench->controller, verb, body, arena, refused);
	assert_string_equal(refused, expected);
	arena_free(arena);
}

static void rubbish_is_answered_with_an_error(void **state)
{
	struct bench *bench = *state;
	struct arena *arena = arena_new();
	loop_until_at_least(&bench->loop, &bench->controller.beats, 1, "a beat");
	struct bytes rubbish = {(const unsigned char *)"\xff\xff\xff\xff rubbish", 12};
	expect_refusal(bench, "explode", (struct bytes){0}, "invalid_argument");
	expect_refusal(bench, "apply", rubbish, "invalid_argument");
	expect_refusal(bench, "apply", (struct bytes){0}, "invalid_argument");
	expect_refusal(bench, "input", (struct bytes){0}, "invalid_argument");
	Roost__NodeOutputRequest output = ROOST__NODE_OUTPUT_REQUEST__INIT;
	output.session_id = "../../../etc/passwd";
	expect_refusal(bench, "output", message_pack(&output.base, arena), "invalid_argument");
	output.session_id = "01JABCDEFGHJKMNPQRSTVWXYZ9";
	expect_refusal(bench, "output", message_pack(&output.base, arena), "session_not_found");
	expect_refusal(bench, "probe", (struct bytes){0}, "");
	arena_free(arena);
}

static void the_inventory_names_what_is_there(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char refused[64];
	struct arena *arena = arena_new();
	struct error error = {0};
	bench_run_workspace(bench, bench_id(id), 4);
	struct bytes body = fake_controller_ask(&bench->controller, "inventory", (struct bytes){0}, arena, refused);
	const Roost__InventoryResponse *answer = (const Roost__InventoryResponse *)message_unpack(
	    &roost__inventory_response__descriptor, body, arena, &error);
	assert_non_null(answer);
	assert_int_equal(answer->n_workspaces, 1);
	assert_string_equal(answer->workspaces[0]->id, id);
	assert_int_equal(answer->workspaces[0]->generation, 4);
	assert_true(answer->workspaces[0]->running && answer->workspaces[0]->known && answer->workspaces[0]->wanted);
	assert_int_equal(answer->workspaces[0]->made_at, ulid_time_ms(id));
	assert_string_equal(answer->log_id, bench->controller.log_id);
	assert_int_equal(answer->held_version, bench->controller.version);
	assert_null(answer->next_cursor);
	arena_free(arena);
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(a_workspace_is_made_stopped_restarted_and_removed),
	    bench_test(a_neighbour_goes_on),
	    bench_test(a_failed_creation_is_told_and_leaves_nothing),
	    bench_test(a_creation_is_called_off_by_a_stop),
	    bench_test(a_sandbox_that_ends_by_itself_is_told_as_lost),
	    bench_test(a_loss_whose_remains_stay_is_told_at_once),
	    bench_test(a_failed_stop_keeps_everything_and_is_told),
	    bench_test(a_failed_stop_is_of_the_generation_that_was_to_stop),
	    bench_test(a_broken_runtime_is_said_and_recovers),
	    cmocka_unit_test_setup_teardown(a_full_disk_refuses_creates_and_says_so, setup_without_room,
					    teardown_without_room),
	    bench_test(rubbish_is_answered_with_an_error),
	    bench_test(the_inventory_names_what_is_there),
	    /* It takes this process into a mount namespace of its own. */
	    cmocka_unit_test_setup_teardown(a_disk_without_a_byte_left_stops_and_removes, setup_small, bench_teardown),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
