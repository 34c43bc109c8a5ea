/* Protobuf bytes of a record or a batch of reports (the first byte chooses): whatever unpacks packs to
 * bytes that unpack to the same, and has a JSON form that reads back. */
#include "bus/wire/json.h"
#include "bus/wire/message.h"
#include "node.pb-c.h"
#include "record.pb-c.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_json(const ProtobufCMessage *message, struct arena *arena)
{
	struct error error = {0};
	size_t length;
	char *text = json_from_message(message, arena, &length);
	ProtobufCMessage *again = json_to_message(message->descriptor, text, length, arena, &error);
	if (again == NULL)
		fprintf(stderr, "%s: %s\n", text, error.message);
	must(again != NULL);
	must(strcmp(json_from_message(again, arena, NULL), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ProtobufCMessageDescriptor *const kinds[] = {
	    &roost__record__descriptor, &roost__report_batch__descriptor, &roost__apply_request__descriptor};
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	struct error error = {0};
	struct bytes bytes = {data + 1, size - 1};
	ProtobufCMessage *message = message_unpack(kinds[data[0] % 3], bytes, arena, &error);
	if (message == NULL) {
		must(error.code == ERROR_INVALID_ARGUMENT);
	} else {
		struct bytes packed = message_pack(message, arena);
		ProtobufCMessage *again = message_unpack(message->descriptor, packed, arena, &error);
		must(again != NULL);
		struct bytes twice = message_pack(again, arena);
		must(twice.size == packed.size && memcmp(twice.data, packed.data, packed.size) == 0);
		message_refuse_unknown_fields(message, &error);
		check_json(message, arena);
	}
	arena_free(arena);
	return 0;
}
