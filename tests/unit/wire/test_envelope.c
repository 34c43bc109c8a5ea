/* Envelopes: content types, payloads both ways, and what users may read of an error (S4-05, S4-08). */
#include "bus/foundation/limits.h"
#include "bus/wire/envelope.h"
#include "command.pb-c.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static int new_arena(void **state)
{
	*state = arena_new();
	return 0;
}

static int free_arena(void **state)
{
	arena_free(*state);
	return 0;
}

static void json_is_told_by_its_content_type(void **state)
{
	(void)state;
	assert_true(envelope_is_json("application/json"));
	assert_true(envelope_is_json("Application/JSON; charset=utf-8"));
	assert_false(envelope_is_json("application/jsonp"));
	assert_false(envelope_is_json("application/protobuf"));
	assert_false(envelope_is_json("text/plain; application/json"));
	assert_false(envelope_is_json(""));
	assert_false(envelope_is_json(NULL));
}

static void a_payload_goes_both_ways_in_both_forms(void **state)
{
	for (int json = 0; json < 2; json++) {
		struct error error = {0};
		Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
		request.id = "x";
		struct bytes data = envelope_encode(&request.base, json, *state);
		const Roost__GetNodeRequest *again =
		    (const void *)envelope_decode(request.base.descriptor, data, json, *state, &error);
		assert_non_null(again);
		assert_string_equal(again->id, "x");
	}
}

static void an_empty_payload_is_a_request_without_fields(void **state)
{
	struct error error = {0};
	struct bytes nothing = {NULL, 0};
	assert_non_null(envelope_decode(&roost__list_nodes_request__descriptor, nothing, true, *state, &error));
	assert_non_null(envelope_decode(&roost__list_nodes_request__descriptor, nothing, false, *state, &error));
}

static void what_is_unknown_or_too_large_is_refused(void **state)
{
	struct error error = {0};
	static const unsigned char unknown[] = {0xf8, 0x01, 0x07};
	assert_null(
	    envelope_decode(&roost__get_node_request__descriptor, (struct bytes){unknown, 3}, false, *state, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	const char *status = "{\"status\":99}";
	assert_null(envelope_decode(&roost__list_workspaces_request__descriptor,
				    (struct bytes){(const unsigned char *)status, strlen(status)}, true, *state,
				    &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	struct bytes large = {arena_alloc(*state, MESSAGE_BYTES_MAX + 1), MESSAGE_BYTES_MAX + 1};
	assert_null(envelope_decode(&roost__get_node_request__descriptor, large, false, *state, &error));
	assert_int_equal(error.code, ERROR_PAYLOAD_TOO_LARGE);
}

static void error_comes_back(enum error_code code, const char *message, const char *expected)
{
	for (int json = 0; json < 2; json++) {
		struct arena *arena = arena_new();
		struct error out = {0};
		struct error error = {0};
		error_set(&error, code, "%s", message);
		envelope_decode_error(envelope_encode_error(&error, NULL, json, arena), json, &out);
		assert_int_equal(out.code, code);
		assert_string_equal(out.message, expected);
		arena_free(arena);
	}
}

static void a_refusal_keeps_its_sentence_and_a_failure_shows_only_the_tables(void **state)
{
	(void)state;
	error_comes_back(ERROR_NODE_AT_CAPACITY, "n1 has 50 of 50", "n1 has 50 of 50");
	error_comes_back(ERROR_PROVISIONING_FAILED, "clone: no such branch", "clone: no such branch");
	error_comes_back(ERROR_STOP_FAILED, "2 of 3 stopped", "2 of 3 stopped");
	error_comes_back(ERROR_INTERNAL, "SELECT secret", error_code_sentence(ERROR_INTERNAL));
	error_comes_back(ERROR_PLATFORM_UNAVAILABLE, "disk /x is full",
			 error_code_sentence(ERROR_PLATFORM_UNAVAILABLE));
	error_comes_back(ERROR_WORKSPACE_NOT_FOUND, "", error_code_sentence(ERROR_WORKSPACE_NOT_FOUND));
	error_comes_back(ERROR_INVALID_ARGUMENT, "name: \xff", "name: \xef\xbf\xbd");
}

static void the_correlation_id_is_in_the_details(void **state)
{
	struct error error = {ERROR_INTERNAL, "x"};
	struct bytes body = envelope_encode_error(&error, "01ARZ", true, *state);
	assert_non_null(strstr((const char *)body.data, "\"details\":{\"correlationId\":\"01ARZ\"}"));
}

/* D10: what a confirmation lists comes back as it was. */
static void details_go_both_ways(void **state)
{
	for (int json = 0; json < 2; json++) {
		Roost__Error__DetailsEntry entry = ROOST__ERROR__DETAILS_ENTRY__INIT;
		Roost__Error__DetailsEntry *details[] = {&entry};
		struct error error = {ERROR_CONFIRMATION_REQUIRED, "This ends 2 workspaces."}, out;
		size_t count;
		entry.key = "workspaces";
		entry.value = "api, web";
		struct bytes body = envelope_encode_error_details(&error, details, 1, json, *state);
		Roost__Error__DetailsEntry **read = envelope_decode_error_details(body, json, *state, &count, &out);
		assert_int_equal(out.code, ERROR_CONFIRMATION_REQUIRED);
		assert_int_equal(count, 1);
		assert_string_equal(read[0]->key, "workspaces");
		assert_string_equal(read[0]->value, "api, web");
	}
}

static void an_error_body_that_cannot_be_read_is_an_internal_error(void **state)
{
	(void)state;
	const char *bad[] = {"", "{}", "x", "{\"error\":7}", "{\"error\":\"no_such_code\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error error = {0};
		envelope_decode_error((struct bytes){(const unsigned char *)bad[i], strlen(bad[i])}, true, &error);
		assert_int_equal(error.code, ERROR_INTERNAL);
	}
}

#define IN_ARENA(test) cmocka_unit_test_setup_teardown(test, new_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_is_told_by_its_content_type),
	    IN_ARENA(a_payload_goes_both_ways_in_both_forms),
	    IN_ARENA(an_empty_payload_is_a_request_without_fields),
	    IN_ARENA(what_is_unknown_or_too_large_is_refused),
	    cmocka_unit_test(a_refusal_keeps_its_sentence_and_a_failure_shows_only_the_tables),
	    IN_ARENA(the_correlation_id_is_in_the_details),
	    IN_ARENA(details_go_both_ways),
	    cmocka_unit_test(an_error_body_that_cannot_be_read_is_an_internal_error),
	};
	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
