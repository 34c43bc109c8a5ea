/* JSON text of a message (the first byte chooses which): whatever reads gives a text that reads to the
 * same, and bytes that unpack to the same. */
#include "bus/wire/json.h"
#include "bus/wire/message.h"
#include "command.pb-c.h"
#include "node.pb-c.h"
#include "record.pb-c.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const ProtobufCMessageDescriptor *const kinds[] = {
    &roost__record__descriptor,
    &roost__create_workspace_request__descriptor,
    &roost__heartbeat__descriptor,
    &roost__create_session_request__descriptor,
    &roost__list_events_response__descriptor,
    &roost__node_input_request__descriptor,
    &roost__error__descriptor,
    &roost__list_workspaces_request__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	struct error error = {0};
	const ProtobufCMessageDescriptor *kind = kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))];
	ProtobufCMessage *message = json_to_message(kind, (const char *)data + 1, size - 1, arena, &error);
	if (message == NULL) {
		must(error.code == ERROR_INVALID_ARGUMENT && error.message[0] != '\0');
		must(strpbrk(error.message, "\r\n\t\x1b") == NULL);
	} else {
		size_t length;
		char *text = json_from_message(message, arena, &length);
		ProtobufCMessage *again = json_to_message(kind, text, length, arena, &error);
		must(again != NULL && strcmp(json_from_message(again, arena, NULL), text) == 0);
		struct bytes packed = message_pack(message, arena);
		ProtobufCMessage *unpacked = message_unpack(kind, packed, arena, &error);
		must(unpacked != NULL && strcmp(json_from_message(unpacked, arena, NULL), text) == 0);
	}
	arena_free(arena);
	return 0;
}
