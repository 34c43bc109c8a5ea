/* Health, with real controllers and fake nodes: heartbeats alone prove nothing, every heartbeat is told
 * once, and a node of which nobody ever heard has no health (S0-24, S0-25, S4-17, S4-19). */
#include "tests/support/controllers.h"
#include "tests/support/fake_agent.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/wire/json.h"
#include "bus/wire/subject.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STALE_MS = 1000, BEAT_MS = 50, BEATS_MAX = 4096 };

struct fixture {
	struct controllers controllers;
	const char *node;
	struct fake_agent *agent;
	struct subscription *tail;
	int beats; /* told on the tail */
	char last_beat[8192];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_setenv(&fixture->controllers, "NODE_HEARTBEAT_STALE_SECONDS", "1");
	controllers_setenv(&fixture->controllers, "NODE_PROBE_SECONDS", "1");
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

static void start_agent(struct fixture *fixture, uint32_t beat_ms)
{
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = beat_ms,
	};
	fixture->agent = fake_agent_start(&settings);
	await_node(&fixture->controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
}

static const Roost__Node *get_node(struct fixture *fixture)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = fixture->node;
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return ((const Roost__GetNodeResponse *)reply_expect_success(&reply, "node.get"))->node;
}

/* Until it has this health; 0 for none. */
static const Roost__Node *await_health(struct fixture *fixture, Roost__Node__Health health)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Node *node = get_node(fixture);
		if ((node->has_health_status ? node->health_status : 0) == health)
			return node;
		if (clock_monotonic_ms() > deadline)
			fail_msg("waited in vain for health %d; it is %d\n%s", (int)health, (int)node->health_status,
				 controllers_log(&fixture->controllers, 0));
		loop_for(&fixture->controllers.loop, 20);
	}
}

/* The newest node_health_changed event that holds these words; NULL when there is none. */
static const Roost__Event *find_event(struct fixture *fixture, const char *words)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.node_id = fixture->node;
	struct call call = {.owner = "alice", .command = "event.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	for (size_t i = 0; i < response->n_events; i++)
		if (strcmp(response->events[i]->type, "node_health_changed") == 0 &&
		    strstr(response->events[i]->message, words) != NULL)
			return response->events[i];
	return NULL;
}

static const Roost__Event *await_event(struct fixture *fixture, const char *words)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Event *event = find_event(fixture, words);
		if (event != NULL)
			return event;
		if (clock_monotonic_ms() > deadline)
			fail_msg("waited in vain for an event with \"%s\"", words);
		loop_for(&fixture->controllers.loop, 20);
	}
}

/* Its beats go on all the time. */
static void a_node_that_beats_but_does_not_answer_becomes_unhealthy_and_says_why(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	fake_agent_listen(fixture->agent, false);
	const Roost__Node *node = await_health(fixture, ROOST__NODE__HEALTH__STALE);
	assert_non_null(strstr(node->error_message, "has not answered on its command channel"));
	await_health(fixture, ROOST__NODE__HEALTH__UNHEALTHY);
	const Roost__Event *event = await_event(fixture, "is unhealthy: its heartbeats come");
	print_message("%s\n", event->message);
	fake_agent_listen(fixture->agent, true);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	await_event(fixture, "is healthy");
	assert_null(get_node(fixture)->error_message);
}

/* S0-25: the record comes by a timer, within one window of the change. */
static void a_change_of_health_is_announced_when_it_happens(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	loop_for(&fixture->controllers.loop, 2 * STALE_MS + 200); /* the controller has listened for 2 T */
	fake_agent_stop(fixture->agent);
	fixture->agent = NULL;
	int64_t last = get_node(fixture)->last_heartbeat_at;
	int64_t stale = await_event(fixture, "is stale")->created_at;
	int64_t unhealthy = await_event(fixture, "is unhealthy")->created_at;
	print_message("stale after %lld ms, unhealthy after %lld ms\n", (long long)(stale - last),
		      (long long)(unhealthy - last));
	/* The last answer may be a probe's interval older than the last beat. */
	assert_true(stale - last >= 0 && stale - last < STALE_MS + STALE_MS / 2);
	assert_true(unhealthy - last >= STALE_MS && unhealthy - last < 2 * STALE_MS + STALE_MS / 2);
}

static void expect_awaited(struct fixture *fixture)
{
	const Roost__Node *node = get_node(fixture);
	assert_int_equal(node->status, ROOST__NODE__STATUS__CREATING);
	assert_false(node->has_health_status);
	assert_false(node->has_last_heartbeat_at);
	assert_non_null(strstr(node->error_message, "No node agent of this node has been heard of yet"));
	assert_non_null(strstr(node->error_message, fixture->node));
}

/* Whatever time goes by, and whoever is asked. */
static void a_node_that_was_never_heard_has_no_health(void **state)
{
	struct fixture *fixture = *state;
	expect_awaited(fixture);
	loop_for(&fixture->controllers.loop, 3 * STALE_MS);
	expect_awaited(fixture);
	controllers_stop(&fixture->controllers, 0);
	controllers_remove_database(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 0);
	expect_awaited(fixture);
	loop_for(&fixture->controllers.loop, 3 * STALE_MS);
	expect_awaited(fixture);
	assert_null(find_event(fixture, ""));
}

/* A controller that starts with nothing does not think better or worse of a silent node than the log. */
static void a_fresh_controller_keeps_to_what_was_announced(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	fake_agent_listen(fixture->agent, false);
	await_event(fixture, "is unhealthy");
	controllers_kill(&fixture->controllers, 0);
	controllers_remove_database(&fixture->controllers, 0);
	controllers_run(&fixture->controllers, 0);
	for (int64_t end = clock_monotonic_ms() + 3 * STALE_MS; clock_monotonic_ms() < end;) {
		const Roost__Node *node = get_node(fixture);
		assert_true(node->has_health_status);
		assert_int_equal(node->health_status, ROOST__NODE__HEALTH__UNHEALTHY);
		loop_for(&fixture->controllers.loop, 50);
	}
	assert_null(find_event(fixture, "is healthy"));
}

static void what_beats_tell_is_shown(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	const Roost__Node *node = await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	assert_non_null(node->load);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	while (!(node = get_node(fixture))->has_last_probe_at)
		assert_true(clock_monotonic_ms() < deadline);
	assert_true(node->last_probe_at > node->created_at && node->last_probe_at < node->created_at + PATIENCE_MS);
	int64_t first = node->last_probe_at;
	while ((node = get_node(fixture))->last_probe_at == first) { /* nobody else calls it */
		assert_true(clock_monotonic_ms() < deadline);
		loop_for(&fixture->controllers.loop, 50);
	}
}

static const Roost__Node *node_of(struct fixture *fixture, const char *id)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = "alice", .command = "node.get", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	return ((const Roost__GetNodeResponse *)reply_expect_success(&reply, "node.get"))->node;
}

static void beat_barely(struct fixture *fixture, const char *id, bool with_load)
{
	unsigned char packed[256];
	Roost__Heartbeat beat = ROOST__HEARTBEAT__INIT;
	struct subject subject = subject_beat(id);
	beat.node_id = id;
	beat.has_load_1m = with_load;
	beat.load_1m = 0;
	struct outgoing message = {.subject = subject.text,
				   .data = {packed, protobuf_c_message_pack(&beat.base, packed)}};
	assert_true(connection_publish(controllers_connection(&fixture->controllers, "alice"), &message, NULL));
}

/* S4-04: an agent of an older program tells less. What it leaves out stays unknown, which is not zero, and is
 * not taken from another node or an earlier beat. */
static void what_a_beat_leaves_out_is_not_invented(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	const char *second = make_node(&fixture->controllers, "alice", "second");
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	const Roost__Node *node;
	do {
		beat_barely(fixture, second, true);
		loop_for(&fixture->controllers.loop, 20);
		node = node_of(fixture, second);
		assert_true(clock_monotonic_ms() < deadline);
	} while (node->load == NULL);
	assert_true(node->load->has_load_1m && node->load->load_1m == 0);
	assert_false(node->load->has_memory_available_bytes);
	do {
		beat_barely(fixture, second, false);
		loop_for(&fixture->controllers.loop, 20);
		node = node_of(fixture, second);
		assert_true(clock_monotonic_ms() < deadline);
	} while (node->load != NULL && node->load->has_load_1m);
	assert_true(get_node(fixture)->load->has_load_1m);
	assert_true(node->has_last_heartbeat_at);
}

enum { MANY = 20, PROBE_S = 2, WATCH_MS = 6000, LOOK_MS = 50 };

static int all_probes(struct fake_agent *const agents[MANY])
{
	int count = 0;
	for (int i = 0; i < MANY; i++)
		count += fake_agent_probes(agents[i]);
	return count;
}

/* Many nodes are asked one after the other, not all at once, and none is forgotten. */
static void probes_are_spread_over_their_interval(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	struct fake_agent *agents[MANY];
	int before[MANY], most = 0;
	controllers_stop(controllers, 0);
	controllers_setenv(controllers, "NODE_PROBE_SECONDS", "2");
	controllers_run(controllers, 0);
	for (int i = 0; i < MANY; i++) {
		struct fake_agent_settings settings = {
		    .loop = &controllers->loop,
		    .url = nats_server_url(controllers->server),
		    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
		    .node_id = i == 0 ? fixture->node : make_node(controllers, "alice", "more"),
		    .beat_ms = 500,
		};
		agents[i] = fake_agent_start(&settings);
		await_node(controllers, "alice", settings.node_id, ROOST__NODE__STATUS__RUNNING);
	}
	loop_for(&controllers->loop, PROBE_S * 1000);
	for (int i = 0; i < MANY; i++)
		before[i] = fake_agent_probes(agents[i]);
	for (int64_t end = clock_monotonic_ms() + WATCH_MS; clock_monotonic_ms() < end;) {
		int count = all_probes(agents);
		loop_for(&controllers->loop, LOOK_MS);
		count = all_probes(agents) - count;
		most = count > most ? count : most;
	}
	print_message("at most %d probes in %d ms\n", most, LOOK_MS);
	assert_in_range(most, 1, MANY / 2); /* in each look one is due half of the time */
	for (int i = 0; i < MANY; i++)
		assert_in_range(fake_agent_probes(agents[i]) - before[i], 1, WATCH_MS / 1000 / PROBE_S + 1);
	for (int i = 0; i < MANY; i++)
		fake_agent_stop(agents[i]);
}

/* It was frozen: its connection never broke, and it heard nothing. */
static void a_controller_that_slept_condemns_nobody(void **state)
{
	struct fixture *fixture = *state;
	start_agent(fixture, BEAT_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	loop_for(&fixture->controllers.loop, 2 * STALE_MS + 500);
	process_signal(&fixture->controllers.processes[0], SIGSTOP);
	loop_for(&fixture->controllers.loop, 5 * STALE_MS);
	process_signal(&fixture->controllers.processes[0], SIGCONT);
	loop_for(&fixture->controllers.loop, 3 * STALE_MS);
	await_health(fixture, ROOST__NODE__HEALTH__HEALTHY);
	assert_null(find_event(fixture, ""));
}

static void on_tail(void *context, const struct incoming *message)
{
	struct fixture *fixture = context;
	fixture->beats++;
	snprintf(fixture->last_beat, sizeof(fixture->last_beat), "%.*s", (int)message->data.size,
		 (const char *)message->data.data);
}

/* S4-17, also with several controllers. The fake agent beats every 50 ms. */
static void every_heartbeat_is_told_once(void **state)
{
	struct fixture *fixture = *state;
	controllers_run(&fixture->controllers, 1);
	controllers_run(&fixture->controllers, 2);
	start_agent(fixture, BEAT_MS);
	struct connection *client = controllers_connection(&fixture->controllers, "alice");
	char subject[128];
	snprintf(subject, sizeof(subject), "roost.tail.alice.%s.-.-.node_heartbeat", fixture->node);
	fixture->tail = connection_subscribe(client, subject, NULL, on_tail, fixture);
	loop_for(&fixture->controllers.loop, 200);
	int sent = fake_agent_beats(fixture->agent), told = fixture->beats;
	loop_for(&fixture->controllers.loop, 2000);
	sent = fake_agent_beats(fixture->agent) - sent;
	told = fixture->beats - told;
	print_message("%d beats, %d told\n%s\n", sent, told, fixture->last_beat);
	assert_true(sent > 10);
	assert_in_range(told, sent - 3, sent + 3); /* those on their way at either end */
	assert_non_null(strstr(fixture->last_beat, "\"type\":\"node_heartbeat\""));
	assert_non_null(strstr(fixture->last_beat, "\"healthStatus\":\"healthy\""));
	assert_non_null(strstr(fixture->last_beat, "\"load\":{"));
	assert_non_null(strstr(fixture->last_beat, "\"runtime\":\"oci\""));
	subscription_cancel(fixture->tail);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_node_that_beats_but_does_not_answer_becomes_unhealthy_and_says_why),
	    TEST(a_change_of_health_is_announced_when_it_happens),
	    TEST(a_node_that_was_never_heard_has_no_health),
	    TEST(a_fresh_controller_keeps_to_what_was_announced),
	    TEST(what_beats_tell_is_shown),
	    TEST(what_a_beat_leaves_out_is_not_invented),
	    TEST(probes_are_spread_over_their_interval),
	    TEST(a_controller_that_slept_condemns_nobody),
	    TEST(every_heartbeat_is_told_once),
	};
	return cmocka_run_group_tests_name("node health", tests, NULL, NULL);
}
