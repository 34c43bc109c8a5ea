/* The frames between node agent and session host: requests or answers, the first byte chooses. Whatever
 * the pieces in which bytes arrive, the same messages come out, and packed again they read the same. */
#include "bus/foundation/limits.h"
#include "nodeagent/session/frame.h"
#include "sessionhost.pb-c.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Reads all frames from `data`, arriving `piece` bytes at a time, and appends them, packed again, to
 * `again`. Returns how it ended. */
static enum frame_result read_all(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
				  size_t piece, struct frame_writer *again)
{
	struct frame_reader reader = {0};
	struct arena *arena = arena_new();
	enum frame_result result = FRAME_MORE;
	for (size_t at = 0; at < size && result != FRAME_BROKEN; at += piece) {
		ProtobufCMessage *message;
		frame_reader_add(&reader, data + at, size - at < piece ? size - at : piece);
		while ((result = frame_reader_next(&reader, type, arena, &message)) == FRAME_READY)
			frame_writer_add(again, message);
		must(reader.used - reader.consumed <= SESSIONHOST_FRAME_MAX + FRAME_HEADER_BYTES + size);
	}
	arena_free(arena);
	frame_reader_free(&reader);
	return result;
}

static void same(const struct frame_writer *one, const struct frame_writer *two)
{
	must(one->used == two->used);
	must(one->used == 0 || memcmp(one->data, two->data, one->used) == 0);
}

static void check_frames(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size)
{
	struct frame_writer whole = {0}, pieces = {0}, again = {0};
	enum frame_result result = read_all(type, data, size, size > 0 ? size : 1, &whole);
	must(read_all(type, data, size, 3, &pieces) == result);
	same(&whole, &pieces);
	if (whole.used > 0)
		must(read_all(type, whole.data, whole.used, whole.used, &again) == FRAME_MORE);
	same(&whole, &again);
	frame_writer_free(&whole);
	frame_writer_free(&pieces);
	frame_writer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		check_frames(data[0] % 2 == 0 ? &roost__host_request__descriptor : &roost__host_answer__descriptor,
			     data + 1, size - 1);
	return 0;
}
