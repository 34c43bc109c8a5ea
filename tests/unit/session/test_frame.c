/* Frames: whole messages from pieces of any size, and an end to every conversation that breaks the
 * rules. */
#include "nodeagent/session/frame.h"

#include "bus/foundation/limits.h"
#include "sessionhost.pb-c.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static const ProtobufCMessageDescriptor *const request_type = &roost__host_request__descriptor;

static void add_input(struct frame_writer *writer, uint64_t id, const char *text)
{
	Roost__HostInput input = ROOST__HOST_INPUT__INIT;
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	input.input_id = "an id";
	input.has_data = true;
	input.data = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
	request.has_id = true;
	request.id = id;
	request.request_case = ROOST__HOST_REQUEST__REQUEST_INPUT;
	request.input = &input;
	assert_true(frame_writer_add(writer, &request.base));
}

static void messages_arrive_whole_whatever_the_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		struct frame_writer writer = {0};
		struct frame_reader reader = {0};
		struct arena *arena = arena_new();
		for (uint64_t id = 1; id <= 20; id++)
			add_input(&writer, id, "typed");
		uint64_t next = 1;
		size_t size;
		const unsigned char *data;
		while (data = frame_writer_pending(&writer, &size), size > 0) {
			size_t part = size < piece ? size : piece;
			frame_reader_add(&reader, data, part);
			frame_writer_sent(&writer, part);
			ProtobufCMessage *message;
			while (frame_reader_next(&reader, request_type, arena, &message) == FRAME_READY) {
				const Roost__HostRequest *request = (const Roost__HostRequest *)message;
				assert_int_equal(request->id, next++);
				assert_memory_equal(request->input->data.data, "typed", 5);
			}
		}
		assert_int_equal(next, 21);
		arena_free(arena);
		frame_reader_free(&reader);
		frame_writer_free(&writer);
	}
}

static enum frame_result read_bytes(const void *data, size_t size)
{
	struct frame_reader reader = {0};
	struct arena *arena = arena_new();
	ProtobufCMessage *message;
	frame_reader_add(&reader, data, size);
	enum frame_result result = frame_reader_next(&reader, request_type, arena, &message);
	arena_free(arena);
	frame_reader_free(&reader);
	return result;
}

static void a_length_of_nothing_or_beyond_the_limit_is_broken(void **state)
{
	(void)state;
	unsigned char nothing[4] = {0, 0, 0, 0};
	unsigned char most[4] = {SESSIONHOST_FRAME_MAX & 0xFF, SESSIONHOST_FRAME_MAX >> 8 & 0xFF,
				 SESSIONHOST_FRAME_MAX >> 16, 0};
	unsigned char beyond[4] = {1, 0, 4, 0};
	unsigned char everything[4] = {0xFF, 0xFF, 0xFF, 0xFF};
	assert_int_equal(read_bytes(nothing, 4), FRAME_BROKEN);
	assert_int_equal(read_bytes(most, 4), FRAME_MORE);
	assert_int_equal(read_bytes(beyond, 4), FRAME_BROKEN);
	assert_int_equal(read_bytes(everything, 4), FRAME_BROKEN);
	assert_int_equal(read_bytes(everything, 3), FRAME_MORE);
}

static void what_does_not_decode_or_is_no_text_is_broken(void **state)
{
	(void)state;
	assert_int_equal(read_bytes("\x03\0\0\0\xff\xff\xff", 7), FRAME_BROKEN);
	/* an input whose id is not UTF-8: field 3 {field 1: "\xc0\x80"} */
	assert_int_equal(read_bytes("\x06\0\0\0\x1a\x04\x0a\x02\xc0\x80", 10), FRAME_BROKEN);
	assert_int_equal(read_bytes("\x06\0\0\0\x1a\x04\x0a\x02\xc3\xa9", 10), FRAME_READY);
}

static void text_is_valid_only_as_the_standard_says(void **state)
{
	(void)state;
	assert_true(frame_text_valid("", 0));
	assert_true(frame_text_valid("a\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x91\x8d", 10));
	static const char *const bad[] = {"\x80",
					  "\xc0\xaf",
					  "\xc3",
					  "\xe0\x80\xaf",
					  "\xed\xa0\x80",
					  "\xe6\xbc",
					  "\xf0\x80\x80\xaf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(frame_text_valid(bad[i], strlen(bad[i])));
	assert_false(frame_text_valid("a\0b", 3));
}

static void a_message_beyond_the_limit_is_not_sent(void **state)
{
	(void)state;
	struct frame_writer writer = {0};
	Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
	char *text = malloc(SESSIONHOST_FRAME_MAX + 1);
	memset(text, 'x', SESSIONHOST_FRAME_MAX);
	text[SESSIONHOST_FRAME_MAX] = '\0';
	answer.text = text;
	assert_false(frame_writer_add(&writer, &answer.base));
	size_t size;
	frame_writer_pending(&writer, &size);
	assert_int_equal(size, 0);
	text[SESSIONHOST_FRAME_MAX - 16] = '\0';
	assert_true(frame_writer_add(&writer, &answer.base));
	free(text);
	frame_writer_free(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_arrive_whole_whatever_the_pieces),
	    cmocka_unit_test(a_length_of_nothing_or_beyond_the_limit_is_broken),
	    cmocka_unit_test(what_does_not_decode_or_is_no_text_is_broken),
	    cmocka_unit_test(text_is_valid_only_as_the_standard_says),
	    cmocka_unit_test(a_message_beyond_the_limit_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
