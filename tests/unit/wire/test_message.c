/* Packing and unpacking: what a reader must refuse, and hashes that tell requests apart. */
#include "bus/foundation/limits.h"
#include "bus/wire/message.h"
#include "command.pb-c.h"
#include "record.pb-c.h"
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

static struct bytes raw(const char *data, size_t size)
{
	return (struct bytes){(const unsigned char *)data, size};
}

#define RAW(literal) raw(literal, sizeof(literal) - 1)

static void a_message_comes_back_from_its_bytes(void **state)
{
	struct error error;
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.id = "x";
	request.display_name = "caf\xc3\xa9";
	struct bytes packed = message_pack(&request.base, *state);
	const Roost__RenameWorkspaceRequest *again =
	    (const void *)message_unpack(request.base.descriptor, packed, *state, &error);
	assert_non_null(again);
	assert_string_equal(again->id, "x");
	assert_string_equal(again->display_name, "caf\xc3\xa9");
}

static void rubbish_is_refused_with_the_message_and_field_named(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		const char *says;
	} cases[] = {
	    {"\xff", 1, "RenameWorkspaceRequest: is not a protobuf message"},
	    {"\x0a", 1, "is not a protobuf message"},
	    {"\x0a\x05xx", 4, "is not a protobuf message"},
	    {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "is not a protobuf message"},
	    {"\x0b\x0c", 2, "is not a protobuf message"},
	    {"\x00\x01", 2, "is not a protobuf message"},
	    {"\x0f", 1, "is not a protobuf message"},
	    {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, "is not a protobuf message"},
	    {"\x12\x02\xc3\x28", 4, "display_name: is not UTF-8"},
	    {"\x12\x03\xed\xa0\x80", 5, "display_name: is not UTF-8"},
	    {"\x12\x02\xc0\x80", 4, "display_name: is not UTF-8"},
	    {"\x12\x03"
	     "a\0b",
	     5, "display_name: is not UTF-8, or holds a zero byte"},
	    {"\x08\x01", 2, "is not a protobuf message"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		assert_null(message_unpack(&roost__rename_workspace_request__descriptor,
					   raw(cases[i].data, cases[i].size), *state, &error));
		assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
		assert_non_null(strstr(error.message, cases[i].says));
	}
}

static void a_bad_string_deep_inside_is_named_by_its_path(void **state)
{
	struct error error = {0};
	/* changes { node_failed { message: 0xff } } */
	assert_null(message_unpack(&roost__record__descriptor, RAW("\x72\x05\x72\x03\x0a\x01\xff"), *state, &error));
	assert_non_null(strstr(error.message, "Record: changes: node_failed: message"));
}

static void every_cut_of_a_message_is_refused_or_read_but_never_overrun(void **state)
{
	Roost__WorkspaceStep step = ROOST__WORKSPACE_STEP__INIT;
	step.workspace_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
	step.has_generation = 1;
	step.generation = 300;
	step.message = "cloning";
	struct bytes packed = message_pack(&step.base, *state);
	for (size_t size = 0; size < packed.size; size++) {
		/* A copy of exactly this size, so that the address sanitizer sees an overrun. */
		struct error error = {0};
		struct arena *arena = arena_new();
		unsigned char *cut = arena_alloc(arena, size + 1);
		memcpy(cut, packed.data, size);
		ProtobufCMessage *message =
		    message_unpack(step.base.descriptor, (struct bytes){cut, size}, arena, &error);
		assert_true(message != NULL || error.code == ERROR_INVALID_ARGUMENT);
		arena_free(arena);
	}
}

static void unknown_fields_are_kept_in_records_and_refused_in_requests(void **state)
{
	struct error error = {0};
	struct bytes data = RAW("\x0a\x01x\xf8\x01\x07\xfa\x3e\x00");
	ProtobufCMessage *message = message_unpack(&roost__get_node_request__descriptor, data, *state, &error);
	assert_non_null(message);
	struct bytes again = message_pack(message, *state);
	assert_int_equal(again.size, data.size);
	assert_memory_equal(again.data, data.data, data.size);
	assert_false(message_refuse_unknown_fields(message, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	assert_string_equal(error.message, "GetNodeRequest: has unknown fields: 31, 1007");
}

static void an_unknown_field_or_enum_value_inside_is_found_too(void **state)
{
	struct error error = {0};
	/* changes { node_stopped { 15: 1 } } */
	ProtobufCMessage *message =
	    message_unpack(&roost__record__descriptor, RAW("\x72\x04\x6a\x02\x78\x01"), *state, &error);
	assert_non_null(message);
	assert_false(message_refuse_unknown_fields(message, &error));
	assert_string_equal(error.message, "NodeStopped: has unknown fields: 15");
	message = message_unpack(&roost__list_workspaces_request__descriptor, RAW("\x10\x63"), *state, &error);
	assert_non_null(message);
	assert_false(message_refuse_unknown_fields(message, &error));
	assert_string_equal(error.message, "status: 99 is not one of its values");
}

/* S0-29: the sentence stays readable however many fields are unknown. */
static void very_many_unknown_fields_do_not_overrun_the_sentence(void **state)
{
	struct error error = {0};
	static const unsigned char field[] = {0xf8, 0x3f, 0x01};
	unsigned char data[3 * 1000];
	for (size_t i = 0; i < 1000; i++)
		memcpy(data + 3 * i, field, sizeof(field));
	ProtobufCMessage *message =
	    message_unpack(&roost__get_node_request__descriptor, (struct bytes){data, sizeof(data)}, *state, &error);
	assert_non_null(message);
	assert_false(message_refuse_unknown_fields(message, &error));
	assert_true(strlen(error.message) < 400);
}

static void a_copy_is_deep_and_keeps_unknown_fields(void **state)
{
	struct error error;
	char name[] = "before";
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.display_name = name;
	const Roost__RenameWorkspaceRequest *copy = (const void *)message_copy(&request.base, *state);
	name[0] = 'x';
	assert_string_equal(copy->display_name, "before");
	ProtobufCMessage *unknown =
	    message_unpack(&roost__get_node_request__descriptor, RAW("\xf8\x01\x07"), *state, &error);
	assert_int_equal(message_copy(unknown, *state)->n_unknown_fields, 1);
}

/* D5: the same request gives the same hash whatever the order of its environment, another one another. */
static void a_request_hash_tells_requests_apart_and_nothing_else(void **state)
{
	(void)state;
	unsigned char first[32];
	unsigned char second[32];
	Roost__CreateWorkspaceRequest__EnvEntry a = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	Roost__CreateWorkspaceRequest__EnvEntry b = ROOST__CREATE_WORKSPACE_REQUEST__ENV_ENTRY__INIT;
	a.key = "A";
	a.value = "1";
	b.key = "B";
	b.value = "2";
	Roost__CreateWorkspaceRequest__EnvEntry *forward[] = {&a, &b};
	Roost__CreateWorkspaceRequest__EnvEntry *backward[] = {&b, &a};
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "api";
	request.n_env = 2;
	request.env = forward;
	message_request_hash("workspace.create", &request.base, first);
	request.env = backward;
	message_request_hash("workspace.create", &request.base, second);
	assert_memory_equal(first, second, 32);
	assert_ptr_equal(request.env, backward);
	message_request_hash("workspace.creat", &request.base, second);
	assert_memory_not_equal(first, second, 32);
	request.name = "apj";
	message_request_hash("workspace.create", &request.base, second);
	assert_memory_not_equal(first, second, 32);
	request.name = NULL;
	message_request_hash("workspace.create", &request.base, first);
	request.name = "";
	message_request_hash("workspace.create", &request.base, second);
	assert_memory_not_equal(first, second, 32);
}

static void the_request_hash_is_sha256_of_name_zero_and_bytes(void **state)
{
	(void)state;
	static const unsigned char expected[32] = {0x42, 0x5b, 0x1c, 0xd9};
	unsigned char hash[32];
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	message_request_hash("node.list", &request.base, hash);
	assert_memory_equal(hash, expected, 4);
}

#define IN_ARENA(test) cmocka_unit_test_setup_teardown(test, new_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_ARENA(a_message_comes_back_from_its_bytes),
	    IN_ARENA(rubbish_is_refused_with_the_message_and_field_named),
	    IN_ARENA(a_bad_string_deep_inside_is_named_by_its_path),
	    IN_ARENA(every_cut_of_a_message_is_refused_or_read_but_never_overrun),
	    IN_ARENA(unknown_fields_are_kept_in_records_and_refused_in_requests),
	    IN_ARENA(an_unknown_field_or_enum_value_inside_is_found_too),
	    IN_ARENA(very_many_unknown_fields_do_not_overrun_the_sentence),
	    IN_ARENA(a_copy_is_deep_and_keeps_unknown_fields),
	    cmocka_unit_test(a_request_hash_tells_requests_apart_and_nothing_else),
	    cmocka_unit_test(the_request_hash_is_sha256_of_name_zero_and_bytes),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
