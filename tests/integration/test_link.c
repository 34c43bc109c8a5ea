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
	for (int asked = 0; outcome.code != ERROR_NONE; asked++) {
		outcome.count = 0;
		ask(fixture->one, subject, "there?", 1000, &outcome);
		loop_until_at_least(&fixture->loop, &outcome.count, 1, "an outcome");
		if (asked > 2000)
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

int main(void)
{
	log_open("test", LOG_ERROR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_request_brings_its_answer_with_headers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nobody_listening_is_told_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_lost_server_fails_requests_at_once_and_subscriptions_come_back, set_up,
					    tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
