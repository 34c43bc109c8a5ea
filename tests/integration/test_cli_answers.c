/* The roost command and an answerer whose every answer the test writes: lost, late, retryable and final
 * ones. What is sent again has the same key, so it is carried out once (S0-18, S1-10). */
#include "bus/link/connection.h"
#include "bus/wire/envelope.h"
#include "command.pb-c.h"
#include "controller/cli/verb.h"
#include "tests/support/cli.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 32, SCRIPT_MAX = 8 };

/* What the answerer does with the n-th request; the last step goes on for ever. */
enum step { SILENT, BUSY, REFUSED, DONE };

struct fixture {
	uv_loop_t loop;
	struct nats_server *server;
	struct connection *connection;
	struct cli cli;
	enum step script[SCRIPT_MAX];
	int steps;
	int asked;
	char subjects[ASKED_MAX][64];
	char keys[ASKED_MAX][64];
};

static void answer(struct fixture *fixture, const struct incoming *message, enum step step)
{
	struct arena *arena = arena_new();
	struct error error = {0};
	struct header headers[] = {{HEADER_SEQ, "7"}, {HEADER_ERROR_CODE, "503"}};
	struct outgoing reply = {.subject = message->reply, .headers = headers, .header_count = 1};
	if (step == DONE) {
		Roost__Node node = ROOST__NODE__INIT;
		Roost__CreateNodeResponse response = ROOST__CREATE_NODE_RESPONSE__INIT;
		node.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
		node.name = "n1\x1b[2J";
		node.has_status = true;
		node.status = ROOST__NODE__STATUS__CREATING;
		response.node = &node;
		reply.data = message_pack(&response.base, arena);
	} else {
		error_set(&error, step == BUSY ? ERROR_BUSY : ERROR_LIMIT_REACHED, "You have 100 nodes of 100.");
		reply.data = envelope_encode_error(&error, NULL, false, arena);
		reply.header_count = 2;
	}
	assert_true(connection_publish(fixture->connection, &reply, &error));
	arena_free(arena);
}

static void asked(void *context, const struct incoming *message)
{
	struct fixture *fixture = context;
	const char *key = incoming_header(message, HEADER_IDEMPOTENCY_KEY);
	int n = fixture->asked++;
	if (message->reply[0] == '\0')
		return;
	if (n < ASKED_MAX) {
		snprintf(fixture->subjects[n], sizeof(fixture->subjects[n]), "%s", message->subject);
		snprintf(fixture->keys[n], sizeof(fixture->keys[n]), "%s", key == NULL ? "" : key);
	}
	enum step step = fixture->script[n < fixture->steps ? n : fixture->steps - 1];
	if (step != SILENT)
		answer(fixture, message, step);
}

static bool is_online(void *context)
{
	return connection_is_online(context);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->server = nats_server_start();
	struct connection_settings settings = {.name = "answerer",
					       .url = nats_server_url(fixture->server),
					       .credentials_file =
						   nats_server_credentials(fixture->server, "answerer", NULL),
					       .inbox_user = "answerer"};
	fixture->connection = connection_open(&fixture->loop, &settings, NULL);
	assert_non_null(fixture->connection);
	loop_until(&fixture->loop, is_online, fixture->connection, PATIENCE_MS, "the answerer's connection");
	fixture->cli =
	    (struct cli){.loop = &fixture->loop, .server = fixture->server, .arena = arena_new(), .owner = "al.ice"};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	connection_close(fixture->connection, NULL, NULL);
	loop_finish(&fixture->loop);
	nats_server_stop(fixture->server);
	arena_free(fixture->cli.arena);
	free(fixture);
	return 0;
}

static void answers(struct fixture *fixture, const enum step *script, int steps)
{
	memcpy(fixture->script, script, sizeof(*script) * (size_t)steps);
	fixture->steps = steps;
	connection_subscribe(fixture->connection, "roost.cmd.>", NULL, asked, fixture);
	/* Our own publish comes back through the subscription: the server has noted it. */
	struct outgoing probe = {.subject = "roost.cmd.al=2Eice.probe.probe"};
	assert_true(connection_publish(fixture->connection, &probe, NULL));
	loop_until_at_least(&fixture->loop, &fixture->asked, 1, "the answerer's subscription");
	fixture->asked = 0;
}

#define ANSWERS(fixture, ...)                                                                                          \
	answers(fixture, (const enum step[]){__VA_ARGS__},                                                             \
		(int)(sizeof((const enum step[]){__VA_ARGS__}) / sizeof(enum step)))

static void a_lost_answer_is_asked_for_again_with_the_same_key(void **state)
{
	struct fixture *fixture = *state;
	fixture->cli.timeout_ms = "2000";
	ANSWERS(fixture, SILENT, DONE);
	const char *output = cli_expect_done(&fixture->cli, CLI_WORDS("node", "create", "n1"));
	assert_int_equal(fixture->asked, 2);
	assert_string_equal(fixture->subjects[0], "roost.cmd.al=2Eice.node.create");
	assert_true(strlen(fixture->keys[0]) == 26);
	assert_string_equal(fixture->keys[1], fixture->keys[0]);
	expect_in(output, "n1\\x1b[2J (01ARZ3NDEKTSV4RRFFQ69G5FAV) is creating");
}

static void a_retryable_error_is_tried_again_with_the_key_that_was_given(void **state)
{
	struct fixture *fixture = *state;
	ANSWERS(fixture, BUSY, BUSY, DONE);
	cli_expect_done(&fixture->cli, CLI_WORDS("node", "create", "n1", "--idempotency-key", "mine"));
	assert_int_equal(fixture->asked, 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(fixture->keys[i], "mine");
}

static void a_final_error_is_told_at_once_with_code_and_sentence(void **state)
{
	struct fixture *fixture = *state;
	ANSWERS(fixture, REFUSED);
	const char *errors = cli_expect_refusal(&fixture->cli, "limit_reached", CLI_WORDS("node", "create", "n1"));
	assert_string_equal(errors, "roost: limit_reached: You have 100 nodes of 100.\n");
	assert_int_equal(fixture->asked, 1);
}

static void trying_again_ends_at_the_deadline_with_the_last_error(void **state)
{
	struct fixture *fixture = *state;
	fixture->cli.timeout_ms = "500";
	ANSWERS(fixture, BUSY);
	cli_expect_refusal(&fixture->cli, "busy", CLI_WORDS("node", "create", "n1"));
	assert_in_range(fixture->asked, 2, 10);
}

static void nobody_there_is_said_so(void **state)
{
	struct fixture *fixture = *state;
	fixture->cli.timeout_ms = "500";
	expect_in(cli_expect_refusal(&fixture->cli, "platform_unavailable", CLI_WORDS("node", "list")),
		  "No controller answers.");
}

static void queries_carry_no_key(void **state)
{
	struct fixture *fixture = *state;
	ANSWERS(fixture, REFUSED);
	cli_expect_refusal(&fixture->cli, "limit_reached", CLI_WORDS("workspace", "list"));
	assert_string_equal(fixture->keys[0], "");
}

static void wrong_words_end_with_two_and_send_nothing(void **state)
{
	struct fixture *fixture = *state;
	ANSWERS(fixture, DONE);
	const char *const *wrong[] = {CLI_WORDS("node", "create"),
				      CLI_WORDS("node", "create", "a", "b"),
				      CLI_WORDS("node"),
				      CLI_WORDS("workspace", "create", "a", "--env", "x"),
				      CLI_WORDS("events", "--limit", "0"),
				      CLI_WORDS("node", "list", "--nope")};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct cli_result result = cli_run(&fixture->cli, wrong[i]);
		assert_int_equal(result.status, 2);
		expect_in(result.errors, "usage: roost");
		assert_string_equal(result.output, "");
	}
	assert_int_equal(fixture->asked, 0);
}

static void what_the_server_refuses_is_said_at_once(void **state)
{
	struct fixture *fixture = *state;
	static const char *const nothing[] = {"nothing", NULL};
	static const char *const commands[] = {"roost.cmd.al=2Eice.>", NULL};
	static const char *const inbox[] = {"_INBOX.al=2Eice.>", NULL};
	nats_server_credentials(fixture->server, "mute",
				&(struct user_permissions){.publish_allow = nothing, .subscribe_allow = inbox});
	nats_server_credentials(fixture->server, "deaf",
				&(struct user_permissions){.publish_allow = commands, .subscribe_allow = inbox});
	ANSWERS(fixture, DONE);
	fixture->cli.timeout_ms = "1000";
	fixture->cli.user = "mute";
	expect_in(cli_expect_refusal(&fixture->cli, "forbidden", CLI_WORDS("node", "create", "n1")),
		  "Permissions Violation");
	assert_int_equal(fixture->asked, 0);
	fixture->cli.user = "deaf";
	cli_expect_done(&fixture->cli, CLI_WORDS("node", "create", "n1"));
	expect_in(cli_expect_refusal(&fixture->cli, "forbidden", CLI_WORDS("node", "create", "n1", "--wait")),
		  "roost.feed");
}

static void every_verb_explains_itself_with_all_its_options(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; verbs[i] != NULL; i++) {
		const struct verb *verb = verbs[i];
		const char *help =
		    cli_expect_done(&fixture->cli, verb->noun == NULL ? CLI_WORDS(verb->name, "--help")
								      : CLI_WORDS(verb->noun, verb->name, "--help"));
		expect_in(help, "usage: roost");
		expect_in(help, verb->sentence);
		for (const struct verb_option *option = verb->options; option != NULL && option->name != NULL; option++)
			expect_in(help, arena_printf(fixture->cli.arena, "--%s", option->name));
	}
	const char *all = cli_expect_done(&fixture->cli, CLI_WORDS("help"));
	expect_in(all, "workspace create <name>");
	expect_in(cli_expect_done(&fixture->cli, CLI_WORDS("help", "options")), "--data-dir");
	expect_in(cli_expect_done(&fixture->cli, CLI_WORDS("help", "session", "start")), "--label");
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVER(a_lost_answer_is_asked_for_again_with_the_same_key),
	    WITH_SERVER(a_retryable_error_is_tried_again_with_the_key_that_was_given),
	    WITH_SERVER(a_final_error_is_told_at_once_with_code_and_sentence),
	    WITH_SERVER(trying_again_ends_at_the_deadline_with_the_last_error),
	    WITH_SERVER(nobody_there_is_said_so),
	    WITH_SERVER(queries_carry_no_key),
	    WITH_SERVER(what_the_server_refuses_is_said_at_once),
	    WITH_SERVER(every_verb_explains_itself_with_all_its_options),
	    WITH_SERVER(wrong_words_end_with_two_and_send_nothing),
	};
	return cmocka_run_group_tests_name("cli_answers", tests, NULL, NULL);
}
