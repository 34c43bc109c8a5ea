/* The controller as a program: what it says and how it ends when something is missing, wrong or full. */
#include "tests/support/cleanup.h"
#include "tests/support/controllers.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char said[64 * 1024];

static int run(const char *const *arguments, const char *const *environment)
{
	const char *argv[8] = {ROOST_TEST_BIN "/roost-controller"};
	for (int i = 0; arguments[i] != NULL; i++)
		argv[i + 1] = arguments[i];
	return process_run(argv, environment, said, sizeof(said));
}

static void help_lists_the_options_and_an_unknown_word_is_refused(void **state)
{
	(void)state;
	assert_int_equal(run((const char *const[]){"--help", NULL}, NULL), 0);
	assert_non_null(strstr(said, "ROOST_NATS_URL"));
	assert_non_null(strstr(said, "MAX_WORKSPACES_PER_NODE"));
	assert_int_equal(run((const char *const[]){"--frobnicate", NULL}, NULL), 2);
	assert_non_null(strstr(said, "--frobnicate"));
}

static void without_an_address_it_says_what_is_missing(void **state)
{
	(void)state;
	const char *folder = cleanup_folder();
	const char *const arguments[] = {"--data-dir", folder, NULL};
	assert_int_equal(run(arguments, NULL), 1);
	assert_non_null(strstr(said, folder));
}

static void a_database_that_cannot_be_made_is_named(void **state)
{
	(void)state;
	const char *const arguments[] = {"--nats-url", "nats://127.0.0.1:1", "--database", "/proc/no/controller.db",
					 NULL};
	assert_int_equal(run(arguments, NULL), 1);
	assert_non_null(strstr(said, "/proc/no/controller.db"));
}

/* S4-07: a bad value is named together with the default that is used. */
static void a_bad_option_is_named_and_the_default_used(void **state)
{
	(void)state;
	const char *const environment[] = {"MAX_NODES_PER_USER=many", NULL};
	const char *const arguments[] = {"--nats-url", "nats://127.0.0.1:1", "--database", "/proc/no/controller.db",
					 NULL};
	run(arguments, environment);
	assert_non_null(strstr(said, "MAX_NODES_PER_USER"));
	assert_non_null(strstr(said, "many"));
	assert_non_null(strstr(said, "100"));
}

static bool has_opened(void *context)
{
	struct stat status;
	return stat(context, &status) == 0;
}

static void it_ends_cleanly_while_the_server_is_away(void **state)
{
	(void)state;
	char database[512];
	snprintf(database, sizeof(database), "%s/away.db", cleanup_folder());
	const char *const argv[] = {
	    ROOST_TEST_BIN "/roost-controller", "--nats-url", "nats://127.0.0.1:1", "--database", database, NULL};
	struct process process;
	char log_file[512];
	snprintf(log_file, sizeof(log_file), "%s/away.log", cleanup_folder());
	process_start(&process, argv, NULL, log_file);
	wait_until(has_opened, database, PATIENCE_MS, "the database");
	process_signal(&process, SIGTERM);
	int status = process_wait(&process, PATIENCE_MS);
	/* Before it listens to signals it ends by the signal itself. */
	assert_true(status == 0 || status == 128 + SIGTERM);
}

/* Owners' claims and nodes, until an answer fails to come. */
static int make_nodes_until_it_dies(struct controllers *controllers)
{
	int made = 0;
	while (!process_ended(&controllers->processes[0])) {
		Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
		request.name = arena_printf(controllers->arena, "%0100d", made);
		struct call call = {
		    .owner = "alice", .command = "node.create", .request = &request.base, .timeout_ms = 500};
		struct reply reply = call_make(controllers, &call);
		made += reply.arrived && reply.error.code == ERROR_NONE;
	}
	return made;
}

static size_t count_nodes(struct controllers *controllers)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	size_t count = 0;
	for (;;) {
		request.has_limit = true;
		request.limit = 500;
		struct call call = {.owner = "alice", .command = "node.list", .request = &request.base};
		struct reply reply = call_until_final(controllers, &call, PATIENCE_MS);
		const Roost__ListNodesResponse *response = reply_expect_success(&reply, "node.list");
		count += response->n_nodes;
		if (response->next_cursor == NULL)
			return count;
		request.cursor = response->next_cursor;
	}
}

/* A file system of its own that fills up, in a mount namespace of the test: the process ends and says
 * why, and another one elsewhere has everything that was answered. */
static void a_projection_that_cannot_be_written_ends_the_process(void **state)
{
	(void)state;
	struct controllers controllers;
	controllers_open(&controllers);
	controllers_setenv(&controllers, "MAX_NODES_PER_USER", "100000");
	const char *small = arena_printf(controllers.arena, "%s/small", nats_server_folder(controllers.server));
	const char *database = arena_printf(controllers.arena, "ROOST_DATABASE=%s/controller.db", small);
	assert_int_equal(mkdir(small, 0700), 0);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", small, "tmpfs", 0, "size=1m"), 0);

	controllers_start(&controllers, 0, (const char *const[]){database, NULL});
	controllers_wait_ready(&controllers);
	int made = make_nodes_until_it_dies(&controllers);
	assert_int_equal(process_wait(&controllers.processes[0], PATIENCE_MS), 1);
	assert_non_null(strstr(controllers_log(&controllers, 0), "cannot be used, so nothing can be answered"));
	umount2(small, MNT_DETACH);

	controllers_run(&controllers, 1);
	assert_true(count_nodes(&controllers) >= (size_t)made);
	controllers_close(&controllers);
}

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(help_lists_the_options_and_an_unknown_word_is_refused),
	    cmocka_unit_test(without_an_address_it_says_what_is_missing),
	    cmocka_unit_test(a_database_that_cannot_be_made_is_named),
	    cmocka_unit_test(a_bad_option_is_named_and_the_default_used),
	    cmocka_unit_test(it_ends_cleanly_while_the_server_is_away),
	    cmocka_unit_test(a_projection_that_cannot_be_written_ends_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
