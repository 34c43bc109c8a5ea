/* What follows from the log, with real controllers and fake nodes: wanted state reaches nodes promptly
 * and after any absence, deadlines fire, silence is announced, claims are completed. */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/log/jetstream.h"
#include "bus/log/log_stream.h"
#include "bus/wire/subject.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE_BYTES = 30720 };

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;
};

static struct fixture *fixture_new(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	return fixture;
}

static int set_up(void **state)
{
	struct fixture *fixture = fixture_new();
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->agent != NULL)
		fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static void start_agent(struct fixture *fixture, uint32_t beat_ms, bool manual)
{
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = beat_ms,
	    .manual = manual,
	};
	fixture->agent = fake_agent_start(&settings);
}

static void start_agent_until_running(struct fixture *fixture, uint32_t beat_ms)
{
	start_agent(fixture, beat_ms, false);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
}

static void stop_agent(struct fixture *fixture)
{
	fake_agent_stop(fixture->agent);
	fixture->agent = NULL;
}

static const char *create_workspace(struct fixture *fixture, const char *name, size_t env_bytes)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry entry = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry *entries[] = {&entry};
	char *value = calloc(1, env_bytes + 1);
	memset(value, 'v', env_bytes);
	entry.key = "LARGE";
	entry.value = value;
	request.name = name;
	request.node_id = fixture->node;
	request.env = entries;
	request.n_env = env_bytes > 0 ? 1 : 0;
	struct call call = {.owner = "alice", .command = "workspace.create", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__CreateWorkspaceResponse *response = reply_expect_success(&reply, "workspace.create");
	free(value);
	return response->workspace->id;
}

static void call_by_id(struct fixture *fixture, const char *command, const ProtobufCMessage *request)
{
	struct call call = {.owner = "alice", .command = command, .request = request};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, command);
}

static void stop_workspace(struct fixture *fixture, const char *id)
{
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = id;
	call_by_id(fixture, "workspace.stop", &request.base);
}

static const Roost__Node *get_node(struct fixture *fixture)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = fixture->node;
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return ((const Roost__GetNodeResponse *)reply_expect_success(&reply, "node.get"))->node;
}

/* The node hears of it by the record's own delivery: there are no beats here. */
static void a_record_reaches_its_node_at_once(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 0);
	int64_t began = clock_monotonic_ms();
	const char *id = create_workspace(fixture, "api", 0);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	print_message("running after %lld ms\n", (long long)(clock_monotonic_ms() - began));
	stop_workspace(fixture, id);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_int_equal(fake_agent_workspace(fixture->agent, id)->starts, 1);
}

/* S1-09, S1-10: a node that was away hears everything by its first beat. */
static void a_node_that_was_away_is_brought_up_to_date_by_its_beat(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 0);
	stop_agent(fixture);
	const char *ids[5];
	for (int i = 0; i < 5; i++)
		ids[i] = create_workspace(fixture, "api", 0);
	start_agent(fixture, 50, false);
	for (int i = 0; i < 5; i++) {
		await_workspace(&fixture->controllers, "alice", ids[i], ROOST__WORKSPACE__STATUS__RUNNING);
		assert_int_equal(fake_agent_workspace(fixture->agent, ids[i])->starts, 1);
	}
}

static bool holds_all(void *context)
{
	return fake_agent_workspace_count(((struct fixture *)context)->agent) == 24;
}

/* More than one page: 24 workspaces with 30 KiB of environment each. */
static void a_large_difference_arrives_in_pages(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 0);
	stop_agent(fixture);
	const char *ids[24];
	for (int i = 0; i < 24; i++)
		ids[i] = create_workspace(fixture, "api", LARGE_BYTES);
	start_agent(fixture, 50, true);
	loop_until(&fixture->controllers.loop, holds_all, fixture, PATIENCE_MS, "all workspaces at the node");
	for (int i = 0; i < 24; i++)
		assert_non_null(fake_agent_workspace(fixture->agent, ids[i]));
	print_message("%d pages\n", fake_agent_applies(fixture->agent));
	assert_true(fake_agent_applies(fixture->agent) >= 24 * LARGE_BYTES / APPLY_PAGE_BYTES_MAX);
}

/* An agent whose command channel is broken, and then is not: beats alone bring it on. */
static void a_node_that_could_not_hear_is_told_again(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 50);
	fake_agent_listen(fixture->agent, false);
	const char *id = create_workspace(fixture, "api", 0);
	loop_for(&fixture->controllers.loop, 300);
	assert_null(fake_agent_workspace(fixture->agent, id));
	fake_agent_listen(fixture->agent, true);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* An agent that lost its database holds nothing and is told everything that is not over. */
static void a_node_that_lost_its_database_is_told_everything(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 50);
	const char *kept = create_workspace(fixture, "kept", 0), *gone = create_workspace(fixture, "gone", 0);
	await_workspace(&fixture->controllers, "alice", kept, ROOST__WORKSPACE__STATUS__RUNNING);
	await_workspace(&fixture->controllers, "alice", gone, ROOST__WORKSPACE__STATUS__RUNNING);
	Roost__DeleteWorkspaceRequest delete = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	delete.id = gone;
	call_by_id(fixture, "workspace.delete", &delete.base);
	while (!fake_agent_workspace(fixture->agent, gone)->removed || fake_agent_waiting(fixture->agent) > 0)
		loop_for(&fixture->controllers.loop, 5);
	stop_agent(fixture);
	start_agent(fixture, 50, true);
	while (fake_agent_workspace(fixture->agent, kept) == NULL)
		loop_for(&fixture->controllers.loop, 5);
	assert_null(fake_agent_workspace(fixture->agent, gone));
}

/* Two controllers, one of which dies again and again: every workspace starts once (S1-11). */
static void two_controllers_tell_a_node_each_thing_once(void **state)
{
	struct fixture *fixture = *state;
	controllers_run(&fixture->controllers, 1);
	start_agent_until_running(fixture, 50);
	const char *ids[20];
	for (int i = 0; i < 20; i++) {
		Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
		char key[16];
		snprintf(key, sizeof(key), "key-%d", i);
		request.name = "api";
		request.node_id = fixture->node;
		struct call call = {
		    .owner = "alice", .command = "workspace.create", .request = &request.base, .key = key};
		struct reply reply = call_until_final(&fixture->controllers, &call, 3 * PATIENCE_MS);
		ids[i] = ((const Roost__CreateWorkspaceResponse *)reply_expect_success(&reply, key))->workspace->id;
		if (i % 5 == 2) {
			controllers_kill(&fixture->controllers, i % 2);
			controllers_start(&fixture->controllers, i % 2, NULL);
		}
	}
	for (int i = 0; i < 20; i++) {
		await_workspace(&fixture->controllers, "alice", ids[i], ROOST__WORKSPACE__STATUS__RUNNING);
		assert_int_equal(fake_agent_workspace(fixture->agent, ids[i])->starts, 1);
	}
	assert_int_equal(fake_agent_workspace_count(fixture->agent), 20);
}

/* S1-12: the deadline is a safety net with a message of its own. */
static void a_workspace_that_does_not_become_ready_fails_at_its_deadline(void **state)
{
	struct fixture *fixture = fixture_new();
	*state = fixture;
	controllers_setenv(&fixture->controllers, "PROVISION_TIMEOUT_SECONDS", "1");
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	start_agent_until_running(fixture, 50);
	fake_agent_listen(fixture->agent, false); /* it is alive and builds nothing */
	int64_t began = clock_monotonic_ms();
	const char *id = create_workspace(fixture, "api", 0);
	const Roost__Workspace *workspace =
	    await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__ERROR);
	int64_t took = clock_monotonic_ms() - began;
	assert_non_null(strstr(workspace->error_message, "did not become ready within 1000ms"));
	assert_true(took >= 990 && took < PATIENCE_MS);
	tear_down(state);
}

/* S1-09: it fires although the controller that began the wait is dead and its projection gone. */
static void a_deadline_outlives_the_controller_that_set_it(void **state)
{
	struct fixture *fixture = fixture_new();
	*state = fixture;
	controllers_setenv(&fixture->controllers, "PROVISION_TIMEOUT_SECONDS", "1");
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	start_agent_until_running(fixture, 50);
	fake_agent_listen(fixture->agent, false);
	const char *id = create_workspace(fixture, "api", 0);
	controllers_kill(&fixture->controllers, 0);
	controllers_remove_database(&fixture->controllers, 0);
	loop_for(&fixture->controllers.loop, 1200); /* the deadline passes while nobody is there */
	controllers_run(&fixture->controllers, 0);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__ERROR);
	tear_down(state);
}

static int count_health_events(struct fixture *fixture)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.node_id = fixture->node;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	int count = 0;
	for (size_t i = 0; i < response->n_events; i++)
		count += strcmp(response->events[i]->type, "node_health_changed") == 0;
	return count;
}

/* A silent node's health gets worse by itself, so worse will do. */
static void await_health(struct fixture *fixture, Roost__Node__Health health, int events)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Node *node = get_node(fixture);
		Roost__Node__Health now = node->health_status;
		bool there = health == ROOST__NODE__HEALTH__HEALTHY ? now == health : now >= health;
		if (node->has_health_status && there && count_health_events(fixture) >= events)
			return;
		if (clock_monotonic_ms() >= deadline)
			fail_msg("waited in vain for health %d and %d events", health, events);
		loop_for(&fixture->controllers.loop, 20);
	}
}

/* Either controller may answer, and one of them hears a beat before the other. */
static int64_t await_last_beat(struct fixture *fixture)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Node *node = get_node(fixture);
		if (node->has_last_heartbeat_at)
			return node->last_heartbeat_at;
		if (clock_monotonic_ms() >= deadline)
			fail_msg("waited in vain for a heartbeat");
		loop_for(&fixture->controllers.loop, 20);
	}
}

/* Computed on read, announced once by one of two controllers, and taken back by the next beat. */
static void silence_is_shown_and_announced_and_ends_with_a_beat(void **state)
{
	struct fixture *fixture = fixture_new();
	*state = fixture;
	controllers_setenv(&fixture->controllers, "NODE_HEARTBEAT_STALE_SECONDS", "1");
	controllers_run(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 1);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	assert_false(get_node(fixture)->has_health_status); /* nothing is known yet */
	start_agent_until_running(fixture, 50);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY, 0);
	int64_t last = await_last_beat(fixture);
	assert_true(last > clock_wall_ms() - 5000 && last < clock_wall_ms() + 5000);
	loop_for(&fixture->controllers.loop, 2200); /* both have listened for 2 T */
	stop_agent(fixture);
	await_health(fixture, ROOST__NODE__HEALTH__STALE, 1);
	await_health(fixture, ROOST__NODE__HEALTH__UNHEALTHY, 1);
	start_agent(fixture, 50, false);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY, 2);
	assert_in_range(count_health_events(fixture), 2, 3); /* each once; a busy machine may skip "stale" */
	tear_down(state);
}

/* The server kept the last beat: a controller that starts later knows at once when it was. */
static void a_controller_that_starts_later_knows_the_last_beat(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 50);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY, 0);
	stop_agent(fixture);
	int64_t last = get_node(fixture)->last_heartbeat_at;
	controllers_stop(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 0);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY, 0);
	int64_t known = get_node(fixture)->last_heartbeat_at;
	assert_true(known > last - 1000 && known < last + 1000);
}

/* Beats that are rubbish, of nobody, or of somebody with a strange log change nothing. */
static void strange_beats_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 50);
	struct connection *client = controllers_connection(&fixture->controllers, "alice");
	static const char *const subjects[] = {"roost.beat.01HZZZZZZZZZZZZZZZZZZZZZZZ", "roost.beat.short",
					       "roost.beat.-"};
	struct error error = {0};
	for (size_t i = 0; i < 3; i++) {
		struct outgoing beat = {.subject = subjects[i], .data = {(const unsigned char *)"\xff\xff\x01", 3}};
		assert_true(connection_publish(client, &beat, &error));
	}
	struct subject subject = subject_beat(fixture->node);
	Roost__Heartbeat heartbeat = ROOST__HEARTBEAT__INIT;
	heartbeat.log_id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
	heartbeat.has_held_version = true;
	heartbeat.held_version = 1000000;
	struct outgoing beat = {.subject = subject.text,
				.data = message_pack(&heartbeat.base, fixture->controllers.arena)};
	assert_true(connection_publish(client, &beat, &error));
	const char *id = create_workspace(fixture, "api", 0);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_int_equal(fake_agent_workspace(fixture->agent, id)->starts, 1);
}

struct waiting {
	bool done;
	int64_t unacknowledged;
};

static void on_consumer(void *context, const struct jetstream_answer *answer)
{
	struct waiting *waiting = context;
	waiting->done = true;
	waiting->unacknowledged = json_integer_value(json_object_get(answer->body, "num_ack_pending")) +
				  json_integer_value(json_object_get(answer->body, "num_pending"));
	if (answer->error.code != ERROR_NONE)
		waiting->unacknowledged = -1;
}

/* Every effect is acknowledged: done, or unreachable and left to the beats. */
static void no_effect_is_left_unacknowledged(void **state)
{
	struct fixture *fixture = *state;
	start_agent_until_running(fixture, 50);
	stop_agent(fixture);
	create_workspace(fixture, "api", 0); /* nobody listens */
	start_agent(fixture, 50, false);
	const char *id = create_workspace(fixture, "api", 0);
	await_workspace(&fixture->controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	struct connection *client = controllers_connection(&fixture->controllers, "alice");
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	struct waiting waiting;
	do { /* the owner's record is put back once, to give its maker time */
		assert_true(clock_monotonic_ms() < deadline);
		waiting = (struct waiting){0};
		jetstream_request(client, "$JS.API.CONSUMER.INFO." LOG_STREAM ".effects", NULL, PATIENCE_MS,
				  on_consumer, &waiting);
		loop_until_true(&fixture->controllers.loop, &waiting.done, "the consumer's state");
		loop_for(&fixture->controllers.loop, 50);
	} while (waiting.unacknowledged != 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_record_reaches_its_node_at_once),
	    TEST(a_node_that_was_away_is_brought_up_to_date_by_its_beat),
	    TEST(a_large_difference_arrives_in_pages),
	    TEST(a_node_that_could_not_hear_is_told_again),
	    TEST(a_node_that_lost_its_database_is_told_everything),
	    TEST(two_controllers_tell_a_node_each_thing_once),
	    cmocka_unit_test(a_workspace_that_does_not_become_ready_fails_at_its_deadline),
	    cmocka_unit_test(a_deadline_outlives_the_controller_that_set_it),
	    cmocka_unit_test(silence_is_shown_and_announced_and_ends_with_a_beat),
	    TEST(a_controller_that_starts_later_knows_the_last_beat),
	    TEST(strange_beats_change_nothing),
	    TEST(no_effect_is_left_unacknowledged),
	};
	return cmocka_run_group_tests_name("effects", tests, NULL, NULL);
}
