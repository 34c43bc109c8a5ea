/* Writes a new generation of samples for every message whose present shape has none yet. Files that
 * are there are never changed: they stand for what older programs wrote. See schemas/README.md. */
#include "bus/wire/json.h"
#include "tests/unit/wire/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_file(const char *path, const void *data, size_t size, const char *after)
{
	FILE *file = fopen(path, "wbx");
	if (file == NULL || fwrite(data, 1, size, file) != size || fputs(after, file) < 0 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
	printf("%s\n", path);
}

static void write_sample(const ProtobufCMessageDescriptor *kind)
{
	struct arena *arena = arena_new();
	int newest = golden_newest(kind, arena);
	const ProtobufCMessage *sample = golden_sample(kind, arena);
	struct bytes packed = message_pack(sample, arena);
	struct bytes before = golden_read(golden_path(kind, newest, "bin", arena), arena);
	bool same =
	    before.data != NULL && before.size == packed.size && memcmp(before.data, packed.data, packed.size) == 0;
	if (!same) {
		size_t length;
		const char *json = json_from_message(sample, arena, &length);
		write_file(golden_path(kind, newest + 1, "bin", arena), packed.data, packed.size, "");
		write_file(golden_path(kind, newest + 1, "json", arena), json, length, "\n");
	}
	arena_free(arena);
}

int main(void)
{
	for (size_t i = 0; golden_kinds[i] != NULL; i++)
		write_sample(golden_kinds[i]);
	return 0;
}
