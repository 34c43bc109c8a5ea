/* $SRV.PING, $SRV.INFO and $SRV.STATS, as `nats micro ls` asks them. */
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/log.h"
#include "bus/link/service.h"

#include <jansson.h>

struct fixture {
	uv_loop_t loop;
	struct nats_server *server;
	struct connection *asker, *responder;
	struct service *service;
	json_t *answer;
	int answers, online;
};

static struct service_endpoint endpoints[] = {
    {.name = "node.list",
     .subject = "roost.cmd.*.node.list",
     .queue = "controllers",
     .requests = 4,
     .errors = 1,
     .processing_ns = 400,
     .last_error = "node_not_found"},
    {.name = "node.get", .subject = "roost.cmd.*.node.get"},
};

static void online(void *context)
{
	((struct fixture *)context)->online++;
}

static struct connection *open_one(struct fixture *fixture)
{
	struct connection_settings settings = {
	    .name = "test",
	    .url = nats_server_url(fixture->server),
	    .credentials_file = nats_server_credentials(fixture->server, "anybody", NULL),
	    .inbox_user = "anybody",
	    .online = online,
	    .context = fixture,
	};
	return connection_open(&fixture->loop, &settings, NULL);
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->server = nats_server_start();
	fixture->asker = open_one(fixture);
	fixture->responder = open_one(fixture);
	loop_until_at_least(&fixture->loop, &fixture->online, 2, "both connections");
	fixture->service =
	    service_start(fixture->responder, "roost-controller", "1.2.3", "INSTANCE", "Decides.", endpoints, 2);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	connection_close(fixture->asker, NULL, NULL);
	connection_close(fixture->responder, NULL, NULL);
	service_stop(fixture->service);
	loop_finish(&fixture->loop);
	nats_server_stop(fixture->server);
	json_decref(fixture->answer);
	test_free(fixture);
	return 0;
}

static void took(void *context, const struct incoming *answer, const struct error *error)
{
	(void)error;
	struct fixture *fixture = context;
	fixture->answers++;
	json_decref(fixture->answer);
	fixture->answer =
	    answer == NULL ? NULL : json_loadb((const char *)answer->data.data, answer->data.size, 0, NULL);
}

static json_t *asked(struct fixture *fixture, const char *subject)
{
	struct outgoing request = {.subject = subject};
	for (int tries = 0; tries < 1000; tries++) {
		int before = fixture->answers;
		connection_request(fixture->asker, &request, 5000, took, fixture);
		loop_until_at_least(&fixture->loop, &fixture->answers, before + 1, subject);
		if (fixture->answer != NULL)
			return fixture->answer;
	}
	fail_msg("no answer on %s", subject);
	return NULL;
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void ping_is_answered_for_all_for_a_name_and_for_one(void **state)
{
	struct fixture *fixture = *state;
	static const char *const subjects[] = {"$SRV.PING", "$SRV.PING.roost-controller",
					       "$SRV.PING.roost-controller.INSTANCE"};
	for (size_t i = 0; i < 3; i++) {
		json_t *answer = asked(fixture, subjects[i]);
		assert_string_equal(text(answer, "type"), "io.nats.micro.v1.ping_response");
		assert_string_equal(text(answer, "name"), "roost-controller");
		assert_string_equal(text(answer, "id"), "INSTANCE");
		assert_string_equal(text(answer, "version"), "1.2.3");
	}
}

static void info_lists_the_endpoints(void **state)
{
	json_t *answer = asked(*state, "$SRV.INFO.roost-controller");
	json_t *list = json_object_get(answer, "endpoints");
	assert_string_equal(text(answer, "type"), "io.nats.micro.v1.info_response");
	assert_string_equal(text(answer, "description"), "Decides.");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text(json_array_get(list, 0), "subject"), "roost.cmd.*.node.list");
	assert_string_equal(text(json_array_get(list, 0), "queue_group"), "controllers");
}

static void stats_count(void **state)
{
	json_t *answer = asked(*state, "$SRV.STATS");
	json_t *first = json_array_get(json_object_get(answer, "endpoints"), 0);
	assert_string_equal(text(answer, "type"), "io.nats.micro.v1.stats_response");
	assert_int_equal(json_integer_value(json_object_get(first, "num_requests")), 4);
	assert_int_equal(json_integer_value(json_object_get(first, "num_errors")), 1);
	assert_int_equal(json_integer_value(json_object_get(first, "average_processing_time")), 100);
	assert_string_equal(text(first, "last_error"), "node_not_found");
}

static void heard(void *context, const struct incoming *message)
{
	(void)message;
	++*(int *)context;
}

/* Whoever could choose the reply's subject freely would have the service publish what he may not. */
static void nobody_is_answered_outside_inboxes(void **state)
{
	struct fixture *fixture = *state;
	struct outgoing forged = {.subject = "$SRV.PING", .reply = "roost.evt.bob.node.x"};
	struct error error;
	int stored = 0;
	struct subscription *victim = connection_subscribe(fixture->asker, forged.reply, NULL, heard, &stored);
	asked(fixture, "$SRV.PING");
	assert_true(connection_publish(fixture->asker, &forged, &error));
	asked(fixture, "$SRV.PING"); /* answers come in the order of the questions */
	assert_int_equal(stored, 0);
	subscription_cancel(victim);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(ping_is_answered_for_all_for_a_name_and_for_one),
	    TEST(info_lists_the_endpoints),
	    TEST(stats_count),
	    TEST(nobody_is_answered_outside_inboxes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
