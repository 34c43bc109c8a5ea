/* The sweeper as a program: it follows the log and the beats beside a controller, says what it sees, and
 * changes nothing. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	struct fake_agent *agent;
	struct process sweeper;
	const char *node, *log_file;
	int heard;
};

static void start_sweeper(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	const char *folder = nats_server_folder(controllers->server);
	const char *credentials = nats_server_credentials(controllers->server, "sweeper", NULL);
	const char *const argv[] = {ROOST_TEST_BIN "/roost-sweeper",
				    "--nats-url",
				    nats_server_url(controllers->server),
				    "--credentials",
				    credentials,
				    "--database",
				    arena_printf(controllers->arena, "%s/sweeper.db", folder),
				    NULL};
	fixture->log_file = arena_printf(controllers->arena, "%s/sweeper.log", folder);
	process_start(&fixture->sweeper, argv, NULL, fixture->log_file);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	controllers_open(controllers);
	controllers_run(controllers, 0);
	fixture->node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 50,
	};
	fixture->agent = fake_agent_start(&settings);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	process_kill(&fixture->sweeper);
	fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

/* Nobody listening yet is told by an empty message. */
static void hear(void *context, const struct incoming *message)
{
	struct fixture *fixture = context;
	fixture->heard += memmem(message->data.data, message->data.size, "roost-sweeper", 13) != NULL;
}

static void await_sweeper(struct fixture *fixture)
{
	struct connection *connection = controllers_connection(&fixture->controllers, "alice");
	struct subscription *inbox = connection_subscribe(connection, "_INBOX.alice.sweeper", NULL, hear, fixture);
	struct outgoing ping = {.subject = "$SRV.PING.roost-sweeper", .reply = "_INBOX.alice.sweeper"};
	fixture->heard = 0;
	for (int tries = 0; fixture->heard == 0 && tries < 400; tries++) {
		assert_true(connection_publish(connection, &ping, NULL));
		loop_for(&fixture->controllers.loop, 50);
	}
	assert_true(fixture->heard > 0);
	subscription_cancel(inbox);
}

static bool log_has(struct fixture *fixture, const char *text)
{
	static char content[64 * 1024];
	FILE *file = fopen(fixture->log_file, "re");
	size_t size = file == NULL ? 0 : fread(content, 1, sizeof(content) - 1, file);
	content[size] = '\0';
	if (file != NULL)
		fclose(file);
	return strstr(content, text) != NULL;
}

static bool caught_up(void *context)
{
	struct fixture *fixture = context;
	loop_for(&fixture->controllers.loop, 5);
	return log_has(fixture, "the projection holds the log");
}

static uint64_t last_seq(struct fixture *fixture)
{
	struct call call = {.owner = "alice", .command = "node.list", .text = "{}", .json = true};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "node.list");
	return reply.seq;
}

static void end_sweeper(struct fixture *fixture)
{
	process_signal(&fixture->sweeper, SIGTERM);
	assert_int_equal(process_wait(&fixture->sweeper, PATIENCE_MS), 0);
}

static void it_sees_the_log_and_the_beats_and_acts_on_nothing(void **state)
{
	struct fixture *fixture = *state;
	start_sweeper(fixture);
	await_sweeper(fixture);
	wait_until(caught_up, fixture, PATIENCE_MS, "the sweeper's projection");
	uint64_t before = last_seq(fixture);
	loop_for(&fixture->controllers.loop, 200); /* some beats */
	assert_int_equal(last_seq(fixture), before);
	const Roost__Workspace *workspace = make_workspace(&fixture->controllers, "alice", fixture->node, "api");
	await_workspace(&fixture->controllers, "alice", workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
	loop_for(&fixture->controllers.loop, 100);
	end_sweeper(fixture);
	assert_true(log_has(fixture, ": 1 nodes, 1 workspaces, 0 sessions, 0 records that did not decode"));
	assert_true(log_has(fixture, "beats of 1 nodes that name 0 unknown workspaces"));
	assert_true(log_has(fixture, "with 0 gaps"));
}

/* An independent witness: it is right again after kill -9, and while no controller runs. */
static void it_goes_on_where_it_was_after_a_kill(void **state)
{
	struct fixture *fixture = *state;
	start_sweeper(fixture);
	await_sweeper(fixture);
	process_kill(&fixture->sweeper);
	make_workspace(&fixture->controllers, "alice", fixture->node, "made while it was away");
	controllers_kill(&fixture->controllers, 0);
	start_sweeper(fixture);
	await_sweeper(fixture);
	wait_until(caught_up, fixture, PATIENCE_MS, "the sweeper's projection");
	end_sweeper(fixture);
	assert_true(log_has(fixture, ": 1 nodes, 1 workspaces"));
}

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_sees_the_log_and_the_beats_and_acts_on_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(it_goes_on_where_it_was_after_a_kill, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
