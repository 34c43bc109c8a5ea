/* kill -9 of the controller before and after each page of a snapshot, and before and after the purge: the
 * log holds what it held, the next run goes on, and a projection made of what is left answers the same
 * (design 3, "the log stays bounded"). */
#include "tests/support/cleanup.h"
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/ulid.h"
#include "bus/log/jetstream.h"
#include "bus/log/log_stream.h"
#include "record.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So much environment that a snapshot needs more than one page. */
enum { WORKSPACES = 12, ENV_BYTES = 28000 };

struct fixture {
	struct controllers controllers;
	struct fake_agent *agent;
	struct connection *connection; /* as a controller's: it may ask for everything */
	bool online;
	const char *node;
};

static void on_online(void *context)
{
	((struct fixture *)context)->online = true;
}

static void connect_as_controller(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	struct error error = {0};
	const struct connection_settings settings = {
	    .name = "test",
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "controller", NULL),
	    .inbox_user = "controller",
	    .online = on_online,
	    .context = fixture,
	};
	fixture->connection = connection_open(&controllers->loop, &settings, &error);
	if (fixture->connection == NULL)
		fail_msg("%s", error.message);
	loop_until_true(&controllers->loop, &fixture->online, "the connection");
}

static void make_workspaces(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	char *value = calloc(1, ENV_BYTES + 1);
	memset(value, 'x', ENV_BYTES);
	Roost__CreateWorkspaceRequest__EnvEntry entry = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *entries[] = {&entry};
	entry.key = "LARGE";
	entry.value = value;
	for (int i = 0; i < WORKSPACES; i++) {
		Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
		request.name = arena_printf(controllers->arena, "w%d", i);
		request.node_id = fixture->node;
		request.n_env = 1;
		request.env = entries;
		struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base};
		struct reply reply = call_make(controllers, &call);
		const Roost__CreateWorkspaceResponse *made = reply_expect_success(&reply, "a workspace");
		await_workspace(controllers, "alice", made->workspace->id, ROOST__WORKSPACE__STATUS__RUNNING);
	}
	free(value);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	controllers_open(controllers);
	controllers_setenv(controllers, "LOG_SNAPSHOT_RECORDS", "10");
	controllers_setenv(controllers, "LOG_RETENTION_DAYS", "1");
	controllers_setenv(controllers, "IDEMPOTENCY_KEY_DAYS", "1");
	controllers_run(controllers, 0);
	fixture->node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 100,
	};
	fixture->agent = fake_agent_start(&settings);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	connect_as_controller(fixture);
	make_workspaces(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	fake_agent_stop(fixture->agent);
	connection_close(fixture->connection, NULL, NULL);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

/* ---- asking ---- */

struct asked {
	bool done;
	uint64_t records;
};

static void on_info(void *context, const struct jetstream_answer *answer)
{
	struct asked *asked = context;
	asked->done = true;
	asked->records =
	    (uint64_t)json_integer_value(json_object_get(json_object_get(answer->body, "state"), "messages"));
}

static uint64_t records_in_the_log(struct fixture *fixture)
{
	struct asked asked = {0};
	log_stream_ask(fixture->connection, PATIENCE_MS / 2, on_info, &asked);
	loop_until_true(&fixture->controllers.loop, &asked.done, "the stream's answer");
	assert_true(asked.records > 0);
	return asked.records;
}

static struct bytes workspaces_of_alice(struct fixture *fixture)
{
	struct call call = {.owner = "alice", .command = "workspace.list", .text = "{}", .json = true};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "workspace.list");
	return reply.body;
}

static void assert_nothing_changed(struct fixture *fixture, struct bytes before)
{
	struct bytes now = workspaces_of_alice(fixture);
	assert_int_equal(now.size, before.size);
	assert_memory_equal(now.data, before.data, before.size);
}

/* ---- what the sweeper asks for ---- */

static struct call compact(struct fixture *fixture)
{
	return (struct call){
	    .owner = "_system",
	    .command = "sweep.act",
	    .json = true,
	    .text = arena_printf(fixture->controllers.arena,
				 "{\"owner\":\"alice\",\"finding\":{\"pass\":\"compaction\",\"nodeId\":\"%s\"}}",
				 fixture->node),
	};
}

static bool acted(struct fixture *fixture)
{
	struct call call = compact(fixture);
	struct reply reply = call_make(&fixture->controllers, &call);
	return reply.arrived && reply.error.code == ERROR_NONE && strstr((const char *)reply.body.data, "true") != NULL;
}

static void compact_until_done(struct fixture *fixture)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!acted(fixture))
		assert_true(clock_monotonic_ms() < deadline);
}

/* Another owner's record, of the day after tomorrow: the time of the log moves on. */
static void let_days_pass(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	Roost__Record record = ROOST__RECORD__INIT;
	record.id = arena_strdup(controllers->arena, ulid_new(clock_wall_ms()).text);
	record.owner = record.aggregate_id = "clock";
	record.has_kind = record.has_version = record.has_recorded_at = true;
	record.kind = ROOST__RECORD__KIND__OWNER;
	record.version = 1;
	record.recorded_at = clock_wall_ms() + 2 * 86400000LL;
	struct header header = {"Nats-Msg-Id", record.id};
	struct outgoing message = {.subject = "roost.evt.clock.owner.clock",
				   .data = message_pack(&record.base, controllers->arena),
				   .headers = &header,
				   .header_count = 1};
	uint64_t before = records_in_the_log(fixture);
	assert_true(connection_publish(fixture->connection, &message, NULL));
	while (records_in_the_log(fixture) == before)
		loop_for(&controllers->loop, 1);
}

/* ---- dying ---- */

static bool has_died(void *context)
{
	return process_ended(&((struct fixture *)context)->controllers.processes[0]);
}

static void die_at(struct fixture *fixture, enum cutpoint place)
{
	struct controllers *controllers = &fixture->controllers;
	const char *environment[] = {arena_printf(controllers->arena, "ROOST_CUTPOINT=%s", cutpoint_name(place)), NULL};
	struct call call = compact(fixture);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	controllers_stop(controllers, 0);
	controllers_start(controllers, 0, environment);
	controllers_wait_ready(controllers);
	while (!has_died(fixture)) { /* effects may want a moment before anything may be purged */
		struct reply reply = {0};
		call.timeout_ms = 500;
		call_send(controllers, &call, &reply);
		loop_until_true(&controllers->loop, &reply.done, "an answer, or the controller's death");
		assert_true(clock_monotonic_ms() < deadline);
	}
	controllers_start(controllers, 0, NULL);
	controllers_wait_ready(controllers);
}

static void make_the_projection_anew(struct fixture *fixture)
{
	struct controllers *controllers = &fixture->controllers;
	controllers_stop(controllers, 0);
	controllers_remove_database(controllers, 0);
	controllers_start(controllers, 0, NULL);
	controllers_wait_ready(controllers);
}

static void dying_while_a_snapshot_is_taken_is_harmless(void **state)
{
	static const enum cutpoint places[] = {CUTPOINT_COMPACTION_BEFORE_PAGE, CUTPOINT_COMPACTION_PAGE_STORED,
					       CUTPOINT_COMPACTION_SNAPSHOT_STORED};
	struct fixture *fixture = *state;
	struct bytes before = workspaces_of_alice(fixture);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		die_at(fixture, places[i]);
		assert_nothing_changed(fixture, before);
	}
	uint64_t records = records_in_the_log(fixture);
	assert_false(acted(fixture)); /* the last one was complete */
	assert_int_equal(records_in_the_log(fixture), records);
	make_the_projection_anew(fixture);
	assert_nothing_changed(fixture, before);
}

static void dying_while_records_are_purged_is_harmless(void **state)
{
	static const enum cutpoint places[] = {CUTPOINT_COMPACTION_BEFORE_PURGE, CUTPOINT_COMPACTION_PURGED};
	struct fixture *fixture = *state;
	struct bytes before = workspaces_of_alice(fixture);
	compact_until_done(fixture);
	let_days_pass(fixture);
	uint64_t records = records_in_the_log(fixture);
	die_at(fixture, places[0]);
	assert_true(records_in_the_log(fixture) >= records);
	assert_nothing_changed(fixture, before);
	die_at(fixture, places[1]);
	assert_true(records_in_the_log(fixture) < records - WORKSPACES);
	assert_nothing_changed(fixture, before);
	compact_until_done(fixture); /* nobody knows that it is done: done again, nothing is lost */
	make_the_projection_anew(fixture);
	assert_nothing_changed(fixture, before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(dying_while_a_snapshot_is_taken_is_harmless),
	    TEST(dying_while_records_are_purged_is_harmless),
	};
	return cmocka_run_group_tests_name("compaction cut-points", tests, NULL, NULL);
}
