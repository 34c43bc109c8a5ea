/* The connection against a real nats-server: coming back after anything, outcomes of requests, what
 * the loop's slowness may and may not do. */
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/link/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct outcome {
	int count;
	enum error_code code;
	char message[ERROR_MESSAGE_MAX];
	char text[256];
	char header[64];
	struct connection *close_inside;
};

struct fixture {
	uv_loop_t loop;
	struct nats_server *server;
	struct connection *one, *other;
	int online, offline, refused, messages, closed;
	char refusal[256];
};

static void count_online(void *context)
{
	((struct fixture *)context)->online++;
}

static void count_offline(void *context)
{
	((struct fixture *)context)->offline++;
}

static void count_refused(void *context, const char *text)
{
	struct fixture *fixture = context;
	fixture->refused++;
	snprintf(fixture->refusal, sizeof(fixture->refusal), "%s", text);
}

static void count_message(void *context, const struct incoming *message)
{
	(void)message;
	((struct fixture *)context)->messages++;
}

static void count_closed(void *context)
{
	((struct fixture *)context)->closed++;
}

static struct connection *open_as(struct fixture *fixture, const char *credentials, const char *user)
{
	struct error error;
	struct connection_settings settings = {
	    .name = "test",
	    .url = nats_server_url(fixture->server),
	    .credentials_file = credentials,
	    .inbox_user = user,
	    .online = count_online,
	    .offline = count_offline,
	    .refused = count_refused,
	    .context = fixture,
	};
	struct connection *connection = connection_open(&fixture->loop, &settings, &error);
	if (connection == NULL)
		fail_msg("%s", error.message);
	return connection;
}

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->server = nats_server_start();
	const char *credentials = nats_server_credentials(fixture->server, "anybody", NULL);
	fixture->one = open_as(fixture, credentials, "one");
	fixture->other = open_as(fixture, credentials, "other");
	loop_until_at_least(&fixture->loop, &fixture->online, 2, "both connections");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	int open = (fixture->one != NULL) + (fixture->other != NULL);
	int before = fixture->closed;
	if (fixture->one != NULL)
		connection_close(fixture->one, count_closed, fixture);
	if (fixture->other != NULL)
		connection_close(fixture->other, count_closed, fixture);
	loop_until_at_least(&fixture->loop, &fixture->closed, before + open, "the end of the connections");
	loop_finish(&fixture->loop);
	nats_server_stop(fixture->server);
	test_free(fixture);
	return 0;
}

static void keep_outcome(void *context, const struct incoming *answer, const struct error *error)
{
	struct outcome *outcome = context;
	outcome->count++;
	if (answer == NULL) {
		outcome->code = error->code;
		snprintf(outcome->message, sizeof(outcome->message), "%s", error->message);
	} else {
		const char *header = incoming_header(answer, "Reply-Header");
		outcome->code = ERROR_NONE;
		snprintf(outcome->text, sizeof(outcome->text), "%.*s", (int)answer->data.size, answer->data.data);
		snprintf(outcome->header, sizeof(outcome->header), "%s", header == NULL ? "" : header);
	}
	if (outcome->close_inside != NULL)
		connection_close(outcome->close_inside, NULL, NULL);
	outcome->close_inside = NULL;
}

static struct outgoing text_to(const char *subject, const char *text)
{
	return (struct outgoing){.subject = subject, .data = {(const unsigned char *)text, strlen(text)}};
}

static uint64_t ask(struct connection *connection, const char *subject, const char *text, uint32_t timeout_ms,
		    struct outcome *outcome)
{
	struct outgoing message = text_to(subject, text);
	return connection_request(connection, &message, timeout_ms, keep_outcome, outcome);
}

/* Answers with the request's text, its header Ask as the header Reply-Header. */
static void echo(void *context, const struct incoming *message)
{
	struct connection *connection = context;
	const char *asked = incoming_header(message, "Ask");
	struct header header = {"Reply-Header", asked == NULL ? "none" : asked};
	struct outgoing answer = {
	    .subject = message->reply, .data = message->data, .headers = &header, .header_count = 1};
	struct error error;
	if (!connection_publish(connection, &answer, &error))
		fail_msg("%s", error.message);
}

/* Asks until there is an answer: a subscription of another connection may be a moment younger. */
static void wait_for_answer(struct fixture *fixture, const char *subject)
{
	struct outcome outcome = {.code = ERROR_INTERNAL};
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	while (outcome.code != ERROR_NONE) {
		outcome.count = 0;
		ask(fixture->one, subject, "there?", 1000, &outcome);
		loop_until_at_least(&fixture->loop, &outcome.count, 1, "an outcome");
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("no answer on %s: %s", subject, outcome.message);
	}
}

static void a_request_brings_its_answer_with_headers(void **state)
{
	struct fixture *fixture = *state;
	connection_subscribe(fixture->other, "echo", "group", echo, fixture->other);
	wait_for_answer(fixture, "echo");
	struct outcome outcome = {0};
	struct header header = {"Ask", "a value"};
	struct outgoing message = text_to("echo", "hello");
	message.headers = &header;
	message.header_count = 1;
	assert_int_not_equal(connection_request(fixture->one, &message, 5000, keep_outcome, &outcome), 0);
	assert_int_equal(outcome.count, 0);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the answer");
	assert_string_equal(outcome.text, "hello");
	assert_string_equal(outcome.header, "a value");
	assert_string_equal(connection_server_version(fixture->one), "2.10.27");
}

static void nobody_listening_is_told_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct outcome outcome = {0};
	int64_t start = clock_monotonic_ms();
	ask(fixture->one, "nobody.home", "", 60000, &outcome);
	assert_int_equal(outcome.count, 0);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the outcome");
	assert_int_equal(outcome.code, ERROR_NODE_UNREACHABLE);
	assert_true(clock_monotonic_ms() - start < 10000);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct fixture *fixture = *state;
	connection_subscribe(fixture->one, "silence", NULL, count_message, fixture);
	struct outcome outcome = {0};
	ask(fixture->one, "silence", "", 50, &outcome);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the deadline");
	assert_int_equal(outcome.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_string_equal(outcome.message, "timed out");
	assert_int_equal(fixture->messages, 1);
}

static void a_lost_server_fails_requests_at_once_and_subscriptions_come_back(void **state)
{
	struct fixture *fixture = *state;
	connection_subscribe(fixture->one, "silence", NULL, count_message, fixture);
	connection_subscribe(fixture->other, "echo", NULL, echo, fixture->other);
	struct outcome outcome = {0};
	ask(fixture->one, "silence", "", 60000, &outcome);
	loop_until_at_least(&fixture->loop, &fixture->messages, 1, "the request to arrive");
	nats_server_kill(fixture->server);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the outcome");
	assert_int_equal(outcome.code, ERROR_PLATFORM_UNAVAILABLE);
	loop_until_at_least(&fixture->loop, &fixture->offline, 2, "both to be offline");
	assert_false(connection_is_online(fixture->one));

	struct outcome offline = {0};
	struct error error;
	ask(fixture->one, "echo", "", 60000, &offline);
	assert_int_equal(offline.count, 0);
	loop_until_at_least(&fixture->loop, &offline.count, 1, "the outcome while offline");
	assert_int_equal(offline.code, ERROR_PLATFORM_UNAVAILABLE);
	struct outgoing message = text_to("echo", "");
	assert_false(connection_publish(fixture->one, &message, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);

	nats_server_resume(fixture->server);
	loop_until_at_least(&fixture->loop, &fixture->online, 4, "both to be back");
	wait_for_answer(fixture, "echo");
}

static void refused_credentials_are_tried_again_until_they_are_right(void **state)
{
	struct fixture *fixture = *state;
	char path[512];
	snprintf(path, sizeof(path), "%s/changing.creds", nats_server_folder(fixture->server));
	nats_server_write_credentials(fixture->server, path, "changing", NULL, 0, true);
	int before = fixture->online;
	struct connection *connection = open_as(fixture, path, "changing");
	loop_for(&fixture->loop, 1000); /* several refusals: the library gives up after two */
	assert_false(connection_is_online(connection));
	nats_server_write_credentials(fixture->server, path, "changing", NULL, 0, false);
	loop_until_at_least(&fixture->loop, &fixture->online, before + 1, "the right credentials to be taken");
	assert_true(connection_is_online(connection));
	connection_close(connection, count_closed, fixture);
	loop_until_at_least(&fixture->loop, &fixture->closed, 1, "the end of the connection");
}

static void an_expired_token_ends_the_line_and_a_renewed_one_brings_it_back(void **state)
{
	struct fixture *fixture = *state;
	char path[512];
	snprintf(path, sizeof(path), "%s/short.creds", nats_server_folder(fixture->server));
	nats_server_write_credentials(fixture->server, path, "short", NULL, (int64_t)time(NULL) + 2, false);
	int online = fixture->online;
	int offline = fixture->offline;
	struct connection *connection = open_as(fixture, path, "short");
	connection_subscribe(connection, "of.short", NULL, echo, connection);
	loop_until_at_least(&fixture->loop, &fixture->online, online + 1, "the first connection");
	loop_until_at_least(&fixture->loop, &fixture->offline, offline + 1, "the token to expire");
	loop_for(&fixture->loop, 500);
	assert_false(connection_is_online(connection));
	nats_server_write_credentials(fixture->server, path, "short", NULL, 0, false);
	loop_until_at_least(&fixture->loop, &fixture->online, online + 2, "the renewed token to be taken");
	wait_for_answer(fixture, "of.short");
	connection_close(connection, count_closed, fixture);
	loop_until_at_least(&fixture->loop, &fixture->closed, 1, "the end of the connection");
}

static void a_refused_subject_fails_its_requests_and_is_told(void **state)
{
	struct fixture *fixture = *state;
	static const char *const publish[] = {"allowed.>", NULL};
	static const char *const subscribe[] = {"_INBOX.narrow.>", NULL};
	const struct user_permissions narrow = {.publish_allow = publish, .subscribe_allow = subscribe};
	int online = fixture->online;
	struct connection *connection =
	    open_as(fixture, nats_server_credentials(fixture->server, "narrow", &narrow), "narrow");
	loop_until_at_least(&fixture->loop, &fixture->online, online + 1, "the connection");
	connection_subscribe(fixture->other, "allowed.echo", NULL, echo, fixture->other);
	wait_for_answer(fixture, "allowed.echo");

	struct outcome forbidden = {0};
	struct outcome allowed = {0};
	ask(connection, "forbidden.thing", "", 60000, &forbidden);
	ask(connection, "allowed.echo", "yes", 60000, &allowed);
	loop_until_at_least(&fixture->loop, &forbidden.count, 1, "the refusal");
	loop_until_at_least(&fixture->loop, &allowed.count, 1, "the answer");
	assert_int_equal(forbidden.code, ERROR_FORBIDDEN);
	assert_int_equal(allowed.code, ERROR_NONE);
	assert_int_equal(fixture->refused, 1);
	assert_non_null(strstr(fixture->refusal, "forbidden.thing"));
	connection_close(connection, count_closed, fixture);
	loop_until_at_least(&fixture->loop, &fixture->closed, 1, "the end of the connection");
}

static void what_is_too_large_is_refused_here(void **state)
{
	struct fixture *fixture = *state;
	static unsigned char large[MESSAGE_BYTES_MAX + 1];
	struct outgoing message = {.subject = "large", .data = {large, sizeof(large)}};
	struct error error;
	struct outcome outcome = {0};
	assert_false(connection_publish(fixture->one, &message, &error));
	assert_int_equal(error.code, ERROR_PAYLOAD_TOO_LARGE);
	connection_request(fixture->one, &message, 60000, keep_outcome, &outcome);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the outcome");
	assert_int_equal(outcome.code, ERROR_PAYLOAD_TOO_LARGE);
	assert_true(connection_is_online(fixture->one));
}

static void an_answer_that_came_in_time_counts_though_the_loop_was_slow(void **state)
{
	struct fixture *fixture = *state;
	/* The server answers this one by itself, in another process. */
	struct outcome outcome = {0};
	ask(fixture->one, "$SYS.REQ.USER.INFO", "", 300, &outcome);
	struct timespec slow = {.tv_nsec = 600 * 1000000};
	nanosleep(&slow, NULL);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the outcome");
	assert_int_equal(outcome.code, ERROR_NONE);
}

static void forgotten_requests_do_not_call_back(void **state)
{
	struct fixture *fixture = *state;
	connection_subscribe(fixture->other, "echo", NULL, echo, fixture->other);
	wait_for_answer(fixture, "echo");
	struct outcome forgotten = {0};
	struct outcome kept = {0};
	uint64_t ticket = ask(fixture->one, "echo", "", 5000, &forgotten);
	connection_forget(fixture->one, ticket);
	connection_forget(fixture->one, ticket);
	connection_forget(fixture->one, 12345);
	ask(fixture->one, "echo", "", 5000, &kept);
	loop_until_at_least(&fixture->loop, &kept.count, 1, "the other answer");
	assert_int_equal(forgotten.count, 0);
}

static void five_thousand_requests_in_flight_all_get_their_own_answer(void **state)
{
	enum { COUNT = 5000 };
	struct fixture *fixture = *state;
	connection_subscribe(fixture->other, "echo", NULL, echo, fixture->other);
	wait_for_answer(fixture, "echo");
	struct outcome *outcomes = test_calloc(COUNT, sizeof(*outcomes));
	char text[16];
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ask(fixture->one, "echo", text, 60000, &outcomes[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		loop_until_at_least(&fixture->loop, &outcomes[i].count, 1, "an answer");
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(outcomes[i].text, text);
		assert_int_equal(outcomes[i].count, 1);
	}
	test_free(outcomes);
}

static void a_server_that_stops_reading_does_not_hold_the_loop_for_ever(void **state)
{
	struct fixture *fixture = *state;
	static unsigned char chunk[64 * 1024];
	struct outgoing message = {.subject = "void", .data = {chunk, sizeof(chunk)}};
	struct error error;
	nats_server_freeze(fixture->server);
	int64_t longest = 0;
	bool sent = true;
	for (int i = 0; i < 4096 && sent; i++) {
		int64_t start = clock_monotonic_ms();
		sent = connection_publish(fixture->one, &message, &error);
		int64_t took = clock_monotonic_ms() - start;
		longest = took > longest ? took : longest;
	}
	assert_false(sent);
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_true(longest < 5000); /* the write deadline is 1000 */
	loop_until_at_least(&fixture->loop, &fixture->offline, 1, "the line to be given up");
	nats_server_thaw(fixture->server);
	loop_until_at_least(&fixture->loop, &fixture->online, 3, "the connection to be back");
}

static void closing_inside_a_callback_is_allowed(void **state)
{
	struct fixture *fixture = *state;
	struct outcome first = {.close_inside = fixture->one};
	struct outcome second = {0};
	ask(fixture->one, "nobody.home", "", 60000, &first);
	ask(fixture->one, "void", "", 60000, &second);
	connection_subscribe(fixture->other, "void", NULL, count_message, fixture);
	loop_until_at_least(&fixture->loop, &first.count, 1, "the first outcome");
	fixture->one = NULL;
	assert_int_equal(second.count, 1);
}

static void a_connection_may_be_closed_at_any_moment(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 20; i++) {
		struct connection *connection =
		    open_as(fixture, nats_server_credentials(fixture->server, "anybody", NULL), "brief");
		connection_subscribe(connection, "void", NULL, count_message, fixture);
		if (i % 2 == 0)
			loop_for(&fixture->loop, (uint32_t)i);
		connection_close(connection, count_closed, fixture);
	}
	loop_until_at_least(&fixture->loop, &fixture->closed, 20, "the end of the connections");
}

static void cancelled_subscriptions_are_silent(void **state)
{
	struct fixture *fixture = *state;
	struct subscription *subscription = connection_subscribe(fixture->one, "news", NULL, count_message, fixture);
	connection_subscribe(fixture->one, "echo", NULL, echo, fixture->one);
	wait_for_answer(fixture, "echo");
	struct error error;
	struct outgoing message = text_to("news", "");
	for (int i = 0; i < 100; i++)
		assert_true(connection_publish(fixture->one, &message, &error));
	subscription_cancel(subscription);
	wait_for_answer(fixture, "echo");
	assert_int_equal(fixture->messages, 0);
}

struct draining {
	struct fixture *fixture;
	int seen; /* messages when it was over */
	bool done;
};

static void note_drained(void *context)
{
	struct draining *draining = context;
	draining->seen = draining->fixture->messages;
	draining->done = true;
}

static void draining_loses_nothing_that_was_sent_before(void **state)
{
	enum { COUNT = 1000 };
	struct fixture *fixture = *state;
	struct draining draining = {.fixture = fixture};
	struct subscription *subscription = connection_subscribe(fixture->one, "news", NULL, count_message, fixture);
	struct error error;
	struct outgoing message = text_to("news", "");
	for (int i = 0; i < COUNT; i++)
		assert_true(connection_publish(fixture->one, &message, &error));
	subscription_drain(subscription, note_drained, &draining);
	loop_until_true(&fixture->loop, &draining.done, "the end of the draining");
	assert_int_equal(draining.seen, COUNT);
	struct outcome outcome = {0};
	ask(fixture->one, "news", "", 5000, &outcome);
	loop_until_at_least(&fixture->loop, &outcome.count, 1, "the outcome");
	assert_int_equal(outcome.code, ERROR_NODE_UNREACHABLE);
}

struct watching {
	int online, offline, closing;
	struct connection_watch *watch;
};

static void watch_online(void *context)
{
	((struct watching *)context)->online++;
}

static void watch_offline(void *context)
{
	struct watching *watching = context;
	watching->offline++;
	connection_unwatch(watching->watch);
}

static void watch_closing(void *context)
{
	((struct watching *)context)->closing++;
}

static void watches_hear_of_coming_going_and_closing(void **state)
{
	struct fixture *fixture = *state;
	struct watching stays = {0};
	struct watching leaves = {0};
	connection_watch(fixture->one, watch_online, NULL, watch_closing, &stays);
	leaves.watch = connection_watch(fixture->one, watch_online, watch_offline, watch_closing, &leaves);
	nats_server_restart(fixture->server);
	loop_until_at_least(&fixture->loop, &stays.online, 1, "the connection to be back");
	assert_int_equal(leaves.offline, 1);
	assert_int_equal(leaves.online, 0);
	connection_close(fixture->one, NULL, NULL);
	fixture->one = NULL;
	assert_int_equal(stays.closing, 1);
	assert_int_equal(leaves.closing, 0);
}

static void malformed_settings_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char *const urls[] = {NULL,
					   "",
					   "localhost",
					   "http://localhost",
					   "nats://",
					   "nats://host:0",
					   "nats://host:99999",
					   "nats://host:12x",
					   "nats://[::1:4222"};
	struct error error;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct connection_settings settings = {.url = urls[i]};
		assert_null(connection_open(&fixture->loop, &settings, &error));
		assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	}
	struct connection_settings settings = {.url = "nats://127.0.0.1:1", .credentials_file = "/does/not/exist"};
	assert_null(connection_open(&fixture->loop, &settings, &error));
	assert_non_null(strstr(error.message, "/does/not/exist"));
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_request_brings_its_answer_with_headers),
	    TEST(nobody_listening_is_told_at_once),
	    TEST(silence_ends_at_the_deadline),
	    TEST(a_lost_server_fails_requests_at_once_and_subscriptions_come_back),
	    TEST(refused_credentials_are_tried_again_until_they_are_right),
	    TEST(an_expired_token_ends_the_line_and_a_renewed_one_brings_it_back),
	    TEST(a_refused_subject_fails_its_requests_and_is_told),
	    TEST(what_is_too_large_is_refused_here),
	    TEST(an_answer_that_came_in_time_counts_though_the_loop_was_slow),
	    TEST(forgotten_requests_do_not_call_back),
	    TEST(five_thousand_requests_in_flight_all_get_their_own_answer),
	    TEST(a_server_that_stops_reading_does_not_hold_the_loop_for_ever),
	    TEST(closing_inside_a_callback_is_allowed),
	    TEST(a_connection_may_be_closed_at_any_moment),
	    TEST(cancelled_subscriptions_are_silent),
	    TEST(draining_loses_nothing_that_was_sent_before),
	    TEST(watches_hear_of_coming_going_and_closing),
	    TEST(malformed_settings_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
