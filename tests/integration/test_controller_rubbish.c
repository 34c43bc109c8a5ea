/* What nobody should send: each gets its error code and a sentence that helps, or is dropped where an
 * answer would do harm, and changes nothing. */
#include "tests/support/controllers.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/wire/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct controllers controllers;
	const char *node;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	controllers_open(&fixture->controllers);
	controllers_run(&fixture->controllers, 0);
	fixture->node = make_node(&fixture->controllers, "alice", "first");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static uint64_t last_seq(struct fixture *fixture)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	struct call call = {.owner = "alice", .command = "node.list", .request = &request.base};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_success(&reply, "node.list");
	return reply.seq;
}

/* The message names what is wrong. */
static void refused_json(struct fixture *fixture, const char *command, const char *text, enum error_code code,
			 const char *names)
{
	struct call call = {.owner = "alice", .command = command, .text = text, .json = true};
	struct reply reply = call_make(&fixture->controllers, &call);
	reply_expect_error(&reply, code, text);
	if (strstr(reply.error.message, names) == NULL)
		fail_msg("%s %.80s: \"%s\" does not name \"%s\"", command, text, reply.error.message, names);
}

static void wrong_requests_name_the_field_and_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = last_seq(fixture);
	static const struct {
		const char *command, *text, *names;
	} rows[] = {
	    {"node.create", "{}", "name"},
	    {"node.create", "{\"name\":\"\"}", "name"},
	    {"node.create", "{\"name\":\"   \"}", "name"},
	    {"node.create", "{\"name\":\"a\\u0007b\"}", "name"},
	    {"node.create", "{\"name\":\"a\\u0000b\"}", ""},
	    {"node.create", "{\"name\":7}", "name"},
	    {"node.create", "{\"name\":\"x\",\"provider\":\"the moon\"}", "provider"},
	    {"node.create", "{\"name\":\"x\",\"colour\":\"red\"}", "colour"},
	    {"node.create", "{\"name\":", ""},
	    {"node.create", "[]", ""},
	    {"node.create", "not json", ""},
	    {"node.get", "{}", "id"},
	    {"node.get", "{\"id\":\"../../etc/passwd\"}", "id"},
	    {"node.get", "{\"id\":\"01J0000000000000000000000*\"}", "id"},
	    {"node.get", "{\"id\":\"01j00000000000000000000000\"}", "id"},
	    {"workspace.get", "{\"id\":\"' OR 1=1 --\"}", "id"},
	    {"workspace.get", "{\"id\":null}", "id"},
	    {"workspace.list", "{\"limit\":0}", "limit"},
	    {"workspace.list", "{\"limit\":501}", "limit"},
	    {"workspace.list", "{\"limit\":-1}", "limit"},
	    {"workspace.list", "{\"limit\":1.5}", "limit"},
	    {"workspace.list", "{\"status\":\"sleeping\"}", "status"},
	    {"workspace.list", "{\"cursor\":\"rubbish\"}", "cursor"},
	    {"workspace.create", "{\"name\":\"x\",\"repository\":\"ext::sh -c id\"}", "repository"},
	    {"workspace.create", "{\"name\":\"x\",\"repository\":\"file:///etc\"}", "repository"},
	    {"workspace.create", "{\"name\":\"x\",\"repository\":\"--upload-pack=id\"}", "repository"},
	    {"workspace.create", "{\"name\":\"x\",\"repository\":\"https://user:secret@example.org/r\"}", "repository"},
	    {"workspace.create", "{\"name\":\"x\",\"repository\":\"https://example.org/r\",\"branch\":\"a..b\"}",
	     "branch"},
	    {"workspace.create", "{\"name\":\"x\",\"branch\":\"-b\"}", "branch"},
	    {"workspace.create", "{\"name\":\"x\",\"image\":\"../../../root\"}", "image"},
	    {"workspace.create", "{\"name\":\"x\",\"env\":{\"A=B\":\"c\"}}", "env"},
	    {"workspace.create", "{\"name\":\"x\",\"nodeId\":\"../x\"}", "nodeId"},
	    {"workspace.rename", "{\"id\":\"01J00000000000000000000000\"}", "displayName"},
	    {"session.create", "{}", "workspaceId"},
	    {"session.create", "{\"workspaceId\":\"01J00000000000000000000000\",\"cols\":0}", "cols"},
	    {"session.create", "{\"workspaceId\":\"01J00000000000000000000000\",\"rows\":100000}", "rows"},
	    {"session.create", "{\"workspaceId\":\"01J00000000000000000000000\",\"command\":[\"\"]}", "command"},
	    {"session.input", "{\"id\":\"01J00000000000000000000000\"}", "text"},
	    {"session.output", "{\"id\":\"01J00000000000000000000000\",\"lines\":0}", "lines"},
	    {"event.list", "{\"limit\":100000}", "limit"},
	    {"event.list", "{\"cursor\":\"../../x\"}", "cursor"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused_json(fixture, rows[i].command, rows[i].text, ERROR_INVALID_ARGUMENT, rows[i].names);
	assert_int_equal(last_seq(fixture), before);
}

static void an_unknown_verb_or_resource_is_answered(void **state)
{
	struct fixture *fixture = *state;
	static const char *const commands[] = {
	    "workspace.frobnicate",
	    "toaster.create",
	    "workspace.CREATE",
	    "node.create2",
	    "x.y",
	    "workspace.a-verb-that-is-far-longer-than-any-verb-that-there-will-ever-be-in-this-product",
	};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		refused_json(fixture, commands[i], "{}", ERROR_INVALID_ARGUMENT, "no command");
}

static void bytes_that_are_no_protobuf_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char *const payloads[] = {
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x0a\x7fshort", /* a string longer than the message */
	    "\x0a\x02\xc3\x28",							 /* a string that is not UTF-8 */
	    "\x7a\x01x",							 /* field 15, which nobody knows */
	};
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct call call = {.owner = "alice", .command = "node.create", .text = payloads[i]};
		struct reply reply = call_make(&fixture->controllers, &call);
		reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "rubbish bytes");
	}
}

static void names_of_a_mebibyte_and_large_requests_are_refused(void **state)
{
	struct fixture *fixture = *state;
	enum { HUGE_NAME = 1024 * 1024 - 8 * 1024 };
	char *text = malloc(HUGE_NAME + 64);
	memset(text, 'n', HUGE_NAME + 64);
	memcpy(text, "{\"name\":\"", 9);
	strcpy(text + HUGE_NAME, "\"}");
	refused_json(fixture, "node.create", text, ERROR_PAYLOAD_TOO_LARGE, "bytes");
	strcpy(text + REQUEST_BYTES_MAX - 16, "\"}");
	refused_json(fixture, "node.create", text, ERROR_INVALID_ARGUMENT, "name");
	strcpy(text + 9 + NAME_BYTES_MAX + 1, "\"}");
	refused_json(fixture, "node.create", text, ERROR_INVALID_ARGUMENT, "name");
	free(text);
}

static void bad_headers_are_named(void **state)
{
	struct fixture *fixture = *state;
	char long_key[IDEMPOTENCY_KEY_BYTES_MAX + 2];
	memset(long_key, 'k', sizeof(long_key));
	long_key[sizeof(long_key) - 1] = '\0';
	const char *const keys[] = {"two words", long_key, "caf\xc3\xa9"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct call call = {.owner = "alice",
				    .command = "node.create",
				    .text = "{\"name\":\"x\"}",
				    .key = keys[i],
				    .json = true};
		struct reply reply = call_make(&fixture->controllers, &call);
		reply_expect_error(&reply, ERROR_INVALID_ARGUMENT, "a bad idempotency key");
	}
}

struct heard {
	int count;
};

static void hear(void *context, const struct incoming *message)
{
	(void)message;
	((struct heard *)context)->count++;
}

/* Design 9: an answer must never land where its asker could not have published. */
static void a_forged_reply_subject_gets_no_answer_and_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct controllers *controllers = &fixture->controllers;
	struct connection *alice = controllers_connection(controllers, "alice");
	static const char *const replies[] = {
	    "roost.evt.bob.node.01J00000000000000000000000",
	    "_INBOX.bob.stolen",
	    "_INBOX.alice",
	    "_INBOX.alicia.x",
	    "roost.cmd.bob.node.create",
	    "$JS.API.STREAM.PURGE.ROOST_EVENTS",
	};
	uint64_t before = last_seq(fixture);
	struct heard heard[6] = {{0}};
	for (size_t i = 0; i < 6; i++)
		connection_subscribe(alice, replies[i], NULL, hear, &heard[i]);
	for (size_t i = 0; i < 6; i++) {
		const char text[] = "{\"name\":\"forged\"}";
		struct header header = {HEADER_CONTENT_TYPE, CONTENT_TYPE_JSON};
		struct outgoing message = {.subject = "roost.cmd.alice.node.create",
					   .reply = replies[i],
					   .data = {(const unsigned char *)text, sizeof(text) - 1},
					   .headers = &header,
					   .header_count = 1};
		assert_true(connection_publish(alice, &message, NULL));
	}
	/* What was published before is handled before what follows on the same connection. */
	assert_int_equal(last_seq(fixture), before);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(heard[i].count, 0);
	assert_non_null(strstr(controllers_log(controllers, 0), "reply subject is not their sender's"));
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(wrong_requests_name_the_field_and_change_nothing),
	    TEST(an_unknown_verb_or_resource_is_answered),
	    TEST(bytes_that_are_no_protobuf_are_refused),
	    TEST(names_of_a_mebibyte_and_large_requests_are_refused),
	    TEST(bad_headers_are_named),
	    TEST(a_forged_reply_subject_gets_no_answer_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
