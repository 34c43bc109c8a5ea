/* A controller that was frozen while the log went on knows too little to refuse anything: it must ask how
 * new the log is and catch up before it says no (design section 3, "Refusals and no-ops are decisions"). */
#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "bus/wire/subject.h"
#include "tests/support/controllers.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>

enum { BACKLOG = 3000, FIND_ANOTHER_MS = 500 };

static struct controllers controllers;

/* Records of somebody else that say nothing, so that the projection is behind for a while. */
static void let_the_log_grow(void)
{
	struct connection *connection = controllers_connection(&controllers, "alice");
	struct subject subject = subject_event("somebody", "node", ulid_new(clock_wall_ms()).text);
	struct outgoing record = {.subject = subject.text, .data = {(const unsigned char *)"\xff", 1}};
	for (int i = 0; i < BACKLOG; i++)
		assert_true(connection_publish(connection, &record, NULL));
}

/* Through the controller that is not frozen; a call that the frozen one got is made again. */
static const char *make_node_elsewhere(const char *key)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "new";
	struct call call = {.owner = "alice",
			    .command = "node.create",
			    .request = &request.base,
			    .key = key,
			    .timeout_ms = FIND_ANOTHER_MS};
	struct reply reply = call_until_final(&controllers, &call, PATIENCE_MS);
	const Roost__CreateNodeResponse *response = reply_expect_success(&reply, "node.create");
	return response->node->id;
}

/* Leaves one controller, which has not seen the node; returns the node. */
static const char *fall_behind(void)
{
	controllers_run(&controllers, 0);
	controllers_run(&controllers, 1);
	process_signal(&controllers.processes[0], SIGSTOP);
	let_the_log_grow();
	const char *node = make_node_elsewhere("stale");
	controllers_kill(&controllers, 1);
	return node;
}

/* The server may send a request to a controller that it does not know to be dead yet: it is made again. */
static void ask_the_one_behind(const struct call *call, struct reply *reply)
{
	call_send(&controllers, call, reply);
	loop_for(&controllers.loop, 100); /* so that it lies before the controller when that wakes up */
	process_signal(&controllers.processes[0], SIGCONT);
	loop_until_true(&controllers.loop, &reply->done, "an answer of the controller that was behind");
	if (!reply->arrived)
		*reply = call_make(&controllers, call);
}

static void a_query_finds_what_came_while_it_was_away(void **state)
{
	(void)state;
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	struct reply reply = {0};
	request.id = fall_behind();
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	ask_the_one_behind(&call, &reply);
	reply_expect_success(&reply, "node.get");
}

static void a_command_is_refused_for_the_true_reason(void **state)
{
	(void)state;
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	struct reply reply = {0};
	request.name = "api";
	request.node_id = fall_behind();
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base};
	ask_the_one_behind(&call, &reply);
	reply_expect_error(&reply, ERROR_NODE_NOT_RUNNING, "workspace.create on a node without an agent");
}

static int set_up(void **state)
{
	(void)state;
	controllers_open(&controllers);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_signal(&controllers.processes[0], SIGCONT);
	controllers_close(&controllers);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_query_finds_what_came_while_it_was_away, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_command_is_refused_for_the_true_reason, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
