/* JSON by descriptor: every type both ways, the house rules, limits, and rubbish by its path. */
#include "bus/foundation/limits.h"
#include "bus/wire/json.h"
#include "bus/wire/message.h"
#include "command.pb-c.h"
#include "node.pb-c.h"
#include "record.pb-c.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
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

static ProtobufCMessage *read_text(const ProtobufCMessageDescriptor *descriptor, const char *text, struct arena *arena,
				   struct error *error)
{
	return json_to_message(descriptor, text, strlen(text), arena, error);
}

static void refuses(const ProtobufCMessageDescriptor *descriptor, const char *text, const char *says)
{
	struct arena *arena = arena_new();
	struct error error = {0};
	assert_null(read_text(descriptor, text, arena, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	if (strstr(error.message, says) == NULL)
		fail_msg("%s gave \"%s\", not \"%s\"", text, error.message, says);
	arena_free(arena);
}

/* Reads the text, writes it again, and expects exactly `out`. */
static void comes_back_as(const ProtobufCMessageDescriptor *descriptor, const char *in, const char *out)
{
	struct arena *arena = arena_new();
	struct error error = {0};
	ProtobufCMessage *message = read_text(descriptor, in, arena, &error);
	if (message == NULL)
		fail_msg("%s: %s", in, error.message);
	size_t length;
	const char *text = json_from_message(message, arena, &length);
	assert_string_equal(text, out);
	assert_int_equal(length, strlen(out));
	arena_free(arena);
}

static void absent_fields_are_null_and_empty_lists_and_maps_are_there(void **state)
{
	struct arena *arena = *state;
	Roost__WorkspaceSpec spec = ROOST__WORKSPACE_SPEC__INIT;
	assert_string_equal(json_from_message(&spec.base, arena, NULL),
			    "{\"repository\":null,\"branch\":null,\"image\":null,\"template\":null,\"env\":{}}");
	Roost__ListNodesResponse list = ROOST__LIST_NODES_RESPONSE__INIT;
	assert_string_equal(json_from_message(&list.base, arena, NULL), "{\"nodes\":[],\"nextCursor\":null}");
}

static void one_field_can_be_written_alone(void **state)
{
	struct arena *arena = *state;
	Roost__Node node = ROOST__NODE__INIT;
	Roost__Node *nodes[] = {&node};
	Roost__ListNodesResponse list = ROOST__LIST_NODES_RESPONSE__INIT;
	assert_string_equal(json_from_field(&list.base, "nodes", arena, NULL), "[]");
	assert_string_equal(json_from_field(&list.base, "next_cursor", arena, NULL), "null");
	node.id = "x";
	list.n_nodes = 1;
	list.nodes = nodes;
	size_t length;
	const char *text = json_from_field(&list.base, "nodes", arena, &length);
	assert_int_equal(length, strlen(text));
	assert_int_equal(strncmp(text, "[{\"id\":\"x\",\"name\":null,", 23), 0);
}

static void zero_is_told_from_absent(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *list = &roost__list_nodes_request__descriptor;
	comes_back_as(list, "{}", "{\"limit\":null,\"cursor\":null}");
	comes_back_as(list, "", "{\"limit\":null,\"cursor\":null}");
	comes_back_as(list, "{\"limit\":0,\"cursor\":\"\"}", "{\"limit\":0,\"cursor\":\"\"}");
	comes_back_as(list, "{\"limit\":null}", "{\"limit\":null,\"cursor\":null}");
}

static void every_type_comes_back(void **state)
{
	(void)state;
	comes_back_as(&roost__heartbeat__descriptor,
		      "{\"nodeId\":\"n\",\"agentEpoch\":18446744073709551,\"sentAt\":\"2026-01-31T12:34:56Z\","
		      "\"logEpoch\":\"18446744073709551615\",\"load1m\":0.1,\"workspacesRunning\":4294967295,"
		      "\"unknownWorkspaces\":[\"a\",\"b\"],\"degradedError\":null}",
		      "{\"nodeId\":\"n\",\"agentEpoch\":\"18446744073709551\","
		      "\"sentAt\":\"2026-01-31T12:34:56.000Z\",\"logId\":null,"
		      "\"logEpoch\":\"18446744073709551615\",\"heldVersion\":null,\"workspacesRunning\":4294967295,"
		      "\"sessionsRunning\":null,\"load1m\":0.1,\"memoryAvailableBytes\":null,"
		      "\"diskAvailableBytes\":null,\"reportsWaiting\":null,\"runtimeError\":null,"
		      "\"unknownWorkspaces\":[\"a\",\"b\"],\"degradedError\":null}");
	comes_back_as(&roost__session_ended__descriptor,
		      "{\"sessionId\":\"s\",\"reason\":\"workspace_stop\",\"exitCode\":\"-2147483648\"}",
		      "{\"sessionId\":\"s\",\"reason\":\"workspace_stop\",\"exitCode\":-2147483648}");
	comes_back_as(&roost__node_input_request__descriptor, "{\"data\":\"AP8=\"}",
		      "{\"sessionId\":null,\"inputId\":null,\"data\":\"AP8=\"}");
	comes_back_as(&roost__input_session_response__descriptor, "{\"success\":false}", "{\"success\":false}");
}

static void maps_are_objects_sorted_by_key(void **state)
{
	(void)state;
	comes_back_as(&roost__error__descriptor, "{\"details\":{\"b\":\"2\",\"\":\"0\",\"a\":\"1\"}}",
		      "{\"error\":null,\"message\":null,\"details\":{\"\":\"0\",\"a\":\"1\",\"b\":\"2\"}}");
	refuses(&roost__error__descriptor, "{\"details\":[]}", "details: expected an object");
	refuses(&roost__error__descriptor, "{\"details\":{\"a\":null}}", "details[\"a\"]: expected a string");
}

/* As the wire format demands; else one message could read as two things. */
static void of_a_key_that_is_there_twice_the_last_counts(void **state)
{
	Roost__Error__DetailsEntry first = ROOST__ERROR__DETAILS_ENTRY__INIT;
	Roost__Error__DetailsEntry second = ROOST__ERROR__DETAILS_ENTRY__INIT;
	first.key = second.key = "k";
	first.value = "1";
	second.value = "2";
	Roost__Error__DetailsEntry *entries[] = {&first, &second};
	Roost__Error error = ROOST__ERROR__INIT;
	error.n_details = 2;
	error.details = entries;
	assert_string_equal(json_from_message(&error.base, *state, NULL),
			    "{\"error\":null,\"message\":null,\"details\":{\"k\":\"2\"}}");
}

static void of_a_oneof_only_the_chosen_one_is_written_and_only_one_is_read(void **state)
{
	(void)state;
	comes_back_as(&roost__change__descriptor, "{\"nodeStopping\":{}}", "{\"nodeStopping\":{}}");
	comes_back_as(&roost__change__descriptor, "{\"nodeStopping\":null}", "{}");
	refuses(&roost__change__descriptor, "{\"nodeStopping\":{},\"nodeStopped\":{}}",
		"nodeStopped: only one of the alternatives");
}

/* S2-09: every value of every status has its word, and the word finds it. */
static void every_enum_value_is_its_lower_case_word(void **state)
{
	(void)state;
	const ProtobufCEnumDescriptor *enums[] = {
	    &roost__node__status__descriptor, &roost__workspace__status__descriptor,
	    &roost__agent_session__status__descriptor, &roost__agent_session__stop_reason__descriptor};
	assert_string_equal(json_enum_word(enums[0], ROOST__NODE__STATUS__RUNNING), "running");
	assert_string_equal(json_enum_word(enums[3], ROOST__AGENT_SESSION__STOP_REASON__USER_STOP), "user_stop");
	assert_null(json_enum_word(enums[0], 99));
	for (unsigned i = 0; i < enums[1]->n_values; i++) {
		char text[128];
		snprintf(text, sizeof(text), "{\"status\":\"%s\"}",
			 json_enum_word(enums[1], enums[1]->values[i].value));
		comes_back_as(&roost__stop_workspace_response__descriptor, text, text);
	}
	const ProtobufCMessageDescriptor *stop = &roost__stop_workspace_response__descriptor;
	comes_back_as(stop, "{\"status\":99}", "{\"status\":99}");
	refuses(stop, "{\"status\":\"RUNNING\"}", "status: expected one of: creating, running, stopping");
	refuses(stop, "{\"status\":\"runn\"}", "status: expected one of");
	refuses(stop, "{\"status\":4294967296}", "status: expected one of");
}

static void times_go_both_ways_over_ten_thousand_years(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {-1, "1969-12-31T23:59:59.999Z"},
	    {951782400000, "2000-02-29T00:00:00.000Z"},
	    {1769862896789, "2026-01-31T12:34:56.789Z"},
	    {4107542399999, "2100-02-28T23:59:59.999Z"},
	    {-62167219200000, "0000-01-01T00:00:00.000Z"},
	    {253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	const ProtobufCMessageDescriptor *descriptor = &roost__heartbeat__descriptor;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];
		char json[64];
		struct error error = {0};
		struct arena *arena = arena_new();
		json_time(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
		snprintf(json, sizeof(json), "{\"sentAt\":\"%s\"}", text);
		const Roost__Heartbeat *beat = (const void *)read_text(descriptor, json, arena, &error);
		assert_non_null(beat);
		assert_true(beat->has_sent_at && beat->sent_at == cases[i].ms);
		arena_free(arena);
	}
	char text[32];
	json_time(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	json_time(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	const char *bad[] = {"2026-02-30T00:00:00Z",
			     "2026-13-01T00:00:00Z",
			     "2026-00-01T00:00:00Z",
			     "2026-01-00T00:00:00Z",
			     "2026-01-01T24:00:00Z",
			     "2026-01-01T00:60:00Z",
			     "2026-01-01T00:00:60Z",
			     "2026-01-01T00:00:00",
			     "2026-01-01 00:00:00Z",
			     "2026-01-01T00:00:00+01:00",
			     "2026-01-01",
			     "2026-01-01T00:00:00.Z",
			     "2026-01-01T00:00:00.1234567890Z",
			     "2100-02-29T00:00:00Z",
			     "-001-01-01T00:00:00Z",
			     " 2026-01-01T00:00:00Z",
			     "2026-01-01T00:00:00z",
			     "",
			     "now",
			     "1769862896789"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char json[128];
		snprintf(json, sizeof(json), "{\"sentAt\":\"%s\"}", bad[i]);
		refuses(&roost__heartbeat__descriptor, json, "sentAt: expected a time such as");
	}
	refuses(&roost__heartbeat__descriptor, "{\"sentAt\":1769862896789}", "sentAt: expected a time");
}

static void numbers_out_of_range_or_of_another_kind_are_refused(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *beat = &roost__heartbeat__descriptor;
	const char *bad_uint32[] = {"-1",     "4294967296", "1.5",    "true", "\"\"", "\"0x1\"",
				    "\" 1\"", "\"1 \"",	    "\"+1\"", "[]",   "{}"};
	for (size_t i = 0; i < sizeof(bad_uint32) / sizeof(bad_uint32[0]); i++) {
		char json[128];
		snprintf(json, sizeof(json), "{\"workspacesRunning\":%s}", bad_uint32[i]);
		refuses(beat, json, "workspacesRunning: expected a whole number of 32 bits that is not negative");
	}
	refuses(beat, "{\"logEpoch\":\"18446744073709551616\"}", "logEpoch: expected a whole number of 64 bits");
	refuses(beat, "{\"logEpoch\":99999999999999999999}", "The text is not JSON");
	refuses(beat, "{\"load1m\":\"0.5\"}", "load1m: expected a number");
	const ProtobufCMessageDescriptor *ended = &roost__session_ended__descriptor;
	refuses(ended, "{\"exitCode\":2147483648}", "exitCode: expected a whole number of 32 bits");
	refuses(ended, "{\"exitCode\":\"-2147483649\"}", "exitCode: expected a whole number of 32 bits");
	refuses(ended, "{\"exitCode\":\"-\"}", "exitCode: expected a whole number of 32 bits");
	refuses(&roost__input_session_response__descriptor, "{\"success\":1}", "success: expected true or false");
}

static void odd_doubles_come_back(void **state)
{
	struct arena *arena = *state;
	const double values[] = {0.0, 0.1, -1.5, 1e308, 5e-324, 1.0 / 3.0, 123456789012345680.0};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct error error = {0};
		Roost__Heartbeat beat = ROOST__HEARTBEAT__INIT;
		beat.has_load_1m = 1;
		beat.load_1m = values[i];
		char *text = json_from_message(&beat.base, arena, NULL);
		const Roost__Heartbeat *again = (const void *)read_text(beat.base.descriptor, text, arena, &error);
		assert_non_null(again);
		assert_true(again->load_1m == values[i]);
	}
	const ProtobufCMessageDescriptor *descriptor = &roost__heartbeat__descriptor;
	for (size_t i = 0; i < 3; i++) {
		const char *words[] = {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};
		struct error error = {0};
		char json[64];
		snprintf(json, sizeof(json), "{\"load1m\":%s}", words[i]);
		ProtobufCMessage *message = read_text(descriptor, json, arena, &error);
		assert_non_null(message);
		assert_non_null(strstr(json_from_message(message, arena, NULL), words[i]));
	}
}

static void bytes_are_base64_with_one_spelling(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *input = &roost__node_input_request__descriptor;
	const char *good[] = {"", "AA==", "AAA=", "AAAA", "+/+/"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char json[64];
		char out[128];
		snprintf(json, sizeof(json), "{\"data\":\"%s\"}", good[i]);
		snprintf(out, sizeof(out), "{\"sessionId\":null,\"inputId\":null,\"data\":\"%s\"}", good[i]);
		comes_back_as(input, json, out);
	}
	const char *bad[] = {"A", "AA", "AAA", "A===", "====", "AA=A", "AB==", "AAB=", "AA-_", "A\\nAA", "AAAA="};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char json[64];
		snprintf(json, sizeof(json), "{\"data\":\"%s\"}", bad[i]);
		refuses(input, json, "data: expected base64");
	}
}

static void strings_are_escaped_and_stay_utf8(void **state)
{
	struct arena *arena = *state;
	const ProtobufCMessageDescriptor *output = &roost__output_session_response__descriptor;
	comes_back_as(output, "{\"text\":\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\\/\\u20ac\\ud83d\\ude00\"}",
		      "{\"text\":\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\xe2\x82\xac\xf0\x9f\x98\x80\"}");
	Roost__OutputSessionResponse screen = ROOST__OUTPUT_SESSION_RESPONSE__INIT;
	screen.text = "a\xff\xc3(\xed\xa0\x80z";
	assert_string_equal(json_from_message(&screen.base, arena, NULL),
			    "{\"text\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"}");
	refuses(output, "{\"text\":\"a\\u0000b\"}", "The text is not JSON");
	refuses(output, "{\"text\":\"\xff\"}", "The text is not JSON");
	refuses(output, "{\"text\":\"\\ud800\"}", "The text is not JSON");
	struct error error = {0};
	assert_null(json_to_message(output, "{\"text\":\"a\0b\"}", 14, arena, &error));
}

static void what_is_not_one_json_object_is_refused(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *list = &roost__list_nodes_request__descriptor;
	const char *bad[] = {"{",
			     "}",
			     "{}x",
			     "{} {}",
			     "{\"limit\":}",
			     "{limit:1}",
			     "{'limit':1}",
			     "{\"limit\":01}",
			     "\xef\xbb\xbf{}",
			     "nul",
			     " ",
			     "{\"limit\":1,\"limit\":1}",
			     "{\"limit\":1,}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(list, bad[i], "The text is not JSON");
	refuses(list, "[]", "expected an object");
	refuses(list, "[{}]", "expected an object");
}

static void an_unknown_field_is_named_by_its_path(void **state)
{
	(void)state;
	refuses(&roost__list_nodes_request__descriptor, "{\"limits\":1}", "limits: is not a field of ListNodesRequest");
	refuses(&roost__list_nodes_request__descriptor, "{\"Limit\":1}", "Limit: is not a field");
	refuses(&roost__list_nodes_request__descriptor, "{\"\":1}", "[\"\"]: is not a field");
	refuses(&roost__list_nodes_request__descriptor, "{\"a\\r\\n\":1}", "a??: is not a field");
	refuses(&roost__create_workspace_request__descriptor, "{\"node_id\":\"x\"}", "node_id: is not a field");
	refuses(&roost__list_workspaces_response__descriptor, "{\"workspaces\":[{},{},{\"displayName\":7}]}",
		"workspaces[2].displayName: expected a string");
	refuses(&roost__list_workspaces_response__descriptor, "{\"workspaces\":[null]}",
		"workspaces[0]: expected an object");
	refuses(&roost__record__descriptor, "{\"changes\":[{\"workspaceCreated\":{\"spec\":{\"env\":{\"A\":1}}}}]}",
		"changes[0].workspaceCreated.spec.env[\"A\"]: expected a string");
	refuses(&roost__create_session_request__descriptor, "{\"command\":\"sh\"}", "command: expected an array");
}

static void a_name_of_a_megabyte_is_refused_in_a_short_sentence(void **state)
{
	struct arena *arena = *state;
	size_t size = 1024 * 1024;
	char *json = arena_alloc(arena, size + 16);
	memset(json, 'a', size);
	json[0] = '{';
	json[1] = '"';
	snprintf(json + size - 4, 5, "\":1}");
	struct error error = {0};
	assert_null(read_text(&roost__list_nodes_request__descriptor, json, arena, &error));
	assert_true(strlen(error.message) < 200);
}

static void deep_nesting_is_refused_before_it_costs_anything(void **state)
{
	struct arena *arena = *state;
	size_t size = 200000;
	const char *openings[] = {"[", "{\"a\":"};
	for (size_t kind = 0; kind < 2; kind++) {
		size_t length = strlen(openings[kind]);
		char *json = arena_alloc(arena, size * length + 1);
		for (size_t i = 0; i < size; i++)
			for (size_t n = 0; n < length; n++)
				json[i * length + n] = openings[kind][n];
		struct error error = {0};
		assert_null(read_text(&roost__list_nodes_request__descriptor, json, arena, &error));
		assert_non_null(strstr(error.message, "nests deeper than"));
	}
	comes_back_as(&roost__output_session_response__descriptor,
		      "{\"text\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\"}",
		      "{\"text\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\"}");
}

#define IN_ARENA(test) cmocka_unit_test_setup_teardown(test, new_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_ARENA(absent_fields_are_null_and_empty_lists_and_maps_are_there),
	    IN_ARENA(one_field_can_be_written_alone),
	    cmocka_unit_test(zero_is_told_from_absent),
	    cmocka_unit_test(every_type_comes_back),
	    cmocka_unit_test(maps_are_objects_sorted_by_key),
	    IN_ARENA(of_a_key_that_is_there_twice_the_last_counts),
	    cmocka_unit_test(of_a_oneof_only_the_chosen_one_is_written_and_only_one_is_read),
	    cmocka_unit_test(every_enum_value_is_its_lower_case_word),
	    cmocka_unit_test(times_go_both_ways_over_ten_thousand_years),
	    cmocka_unit_test(what_is_no_time_is_refused),
	    cmocka_unit_test(numbers_out_of_range_or_of_another_kind_are_refused),
	    IN_ARENA(odd_doubles_come_back),
	    cmocka_unit_test(bytes_are_base64_with_one_spelling),
	    IN_ARENA(strings_are_escaped_and_stay_utf8),
	    cmocka_unit_test(what_is_not_one_json_object_is_refused),
	    cmocka_unit_test(an_unknown_field_is_named_by_its_path),
	    IN_ARENA(a_name_of_a_megabyte_is_refused_in_a_short_sentence),
	    IN_ARENA(deep_nesting_is_refused_before_it_costs_anything),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
