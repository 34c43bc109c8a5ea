/* What older programs wrote stays readable, in both forms, and means the same (the committed files in
 * schemas/golden). Fields that came later may only show as absent. */
#include "bus/wire/json.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/wire/golden.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool is_absent(const json_t *value)
{
	return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

/* True when `now` says what `then` said, and nothing else but absent fields. */
static bool says_the_same(const json_t *then, const json_t *now)
{
	if (json_is_array(then)) {
		if (!json_is_array(now) || json_array_size(then) != json_array_size(now))
			return false;
		for (size_t i = 0; i < json_array_size(then); i++)
			if (!says_the_same(json_array_get(then, i), json_array_get(now, i)))
				return false;
		return true;
	}
	if (!json_is_object(then) || !json_is_object(now))
		return json_equal(then, now);
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)then, name,
			    value) if (!says_the_same(value, json_object_get(now, name))) return false;
	json_object_foreach((json_t *)now, name,
			    value) if (json_object_get(then, name) == NULL && !is_absent(value)) return false;
	return true;
}

static void check_json(const ProtobufCMessage *message, struct bytes golden, const char *path, struct arena *arena)
{
	json_error_t problem;
	json_t *then = json_loadb((const char *)golden.data, golden.size, 0, &problem);
	json_t *now = json_loads(json_from_message(message, arena, NULL), 0, &problem);
	assert_non_null(then);
	assert_non_null(now);
	if (!says_the_same(then, now))
		fail_msg("%s reads as something else now: %s", path, json_from_message(message, arena, NULL));
	json_decref(then);
	json_decref(now);
}

static void check_sample(const ProtobufCMessageDescriptor *kind, int generation)
{
	struct arena *arena = arena_new();
	struct error error = {0};
	const char *path = golden_path(kind, generation, "bin", arena);
	struct bytes binary = golden_read(path, arena);
	struct bytes text = golden_read(golden_path(kind, generation, "json", arena), arena);
	assert_non_null(text.data);
	ProtobufCMessage *message = message_unpack(kind, binary, arena, &error);
	if (message == NULL || !message_refuse_unknown_fields(message, &error))
		fail_msg("%s: %s", path, error.message);
	struct bytes again = message_pack(message, arena);
	assert_int_equal(again.size, binary.size);
	assert_memory_equal(again.data, binary.data, binary.size);
	check_json(message, text, path, arena);
	ProtobufCMessage *from_json = json_to_message(kind, (const char *)text.data, text.size, arena, &error);
	if (from_json == NULL)
		fail_msg("%s: %s", path, error.message);
	struct bytes third = message_pack(from_json, arena);
	assert_int_equal(third.size, binary.size);
	assert_memory_equal(third.data, binary.data, binary.size);
	arena_free(arena);
}

static void every_golden_sample_is_read_and_written_as_it_was(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	for (size_t i = 0; golden_kinds[i] != NULL; i++)
		for (int n = 1; n <= golden_newest(golden_kinds[i], arena); n++)
			check_sample(golden_kinds[i], n);
	arena_free(arena);
}

static void every_message_has_a_sample_of_its_present_shape(void **state)
{
	(void)state;
	for (size_t i = 0; golden_kinds[i] != NULL; i++) {
		struct arena *arena = arena_new();
		int newest = golden_newest(golden_kinds[i], arena);
		struct bytes there = golden_read(golden_path(golden_kinds[i], newest, "bin", arena), arena);
		struct bytes now = message_pack(golden_sample(golden_kinds[i], arena), arena);
		if (newest == 0 || there.size != now.size || memcmp(there.data, now.data, now.size) != 0)
			fail_msg("%s has a new shape: run golden_write and commit schemas/golden",
				 golden_kinds[i]->short_name);
		arena_free(arena);
	}
}

static void every_file_belongs_to_a_message(void **state)
{
	(void)state;
	DIR *folder = opendir(GOLDEN_DIR);
	assert_non_null(folder);
	size_t count = 0;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		char kind[128] = "";
		int generation = 0;
		char ending[8] = "";
		if (entry->d_name[0] == '.')
			continue;
		assert_int_equal(sscanf(entry->d_name, "%127[A-Za-z].%d.%7s", kind, &generation, ending), 3);
		assert_non_null(golden_kind(kind));
		count++;
	}
	closedir(folder);
	assert_true(count >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_golden_sample_is_read_and_written_as_it_was),
	    cmocka_unit_test(every_message_has_a_sample_of_its_present_shape),
	    cmocka_unit_test(every_file_belongs_to_a_message),
	};
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
