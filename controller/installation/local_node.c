/* The mark is a file with the node's id, so that one of an earlier node says nothing about the present one. */
#include "controller/installation/local_node.h"

#include "controller/installation/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char mark[] = "nodeagent.deleted";

bool local_node_was_deleted(const struct installation *installation)
{
	struct arena *arena = arena_new();
	const char *text = file_read(installation_path(installation, arena, mark), arena, NULL);
	size_t length = strlen(installation->node_id);
	bool deleted = text != NULL && length > 0 && strncmp(text, installation->node_id, length) == 0;
	arena_free(arena);
	return deleted;
}

bool local_node_forget(struct installation *installation, struct error *error)
{
	struct installation changed = *installation;
	struct arena *arena = arena_new();
	snprintf(changed.former_node_id, sizeof(changed.former_node_id), "%s", installation->node_id);
	changed.node_id[0] = '\0';
	bool saved = installation_save(&changed, error);
	if (saved) {
		*installation = changed;
		unlink(installation_path(installation, arena, mark));
	}
	arena_free(arena);
	return saved;
}

char *local_node_key(const struct installation *installation, struct arena *arena)
{
	if (installation->former_node_id[0] == '\0')
		return arena_printf(arena, "installation-%s", installation->id);
	return arena_printf(arena, "installation-%s-after-%s", installation->id, installation->former_node_id);
}
