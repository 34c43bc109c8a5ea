/* Reads nodeagent.id and installation.json; what cannot be read counts as absent. */
#include "nodeagent/control/claim.h"

#include "bus/foundation/log.h"
#include "nodeagent/control/leftovers.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void path_of(const struct claim *claim, const char *name, char path[4096])
{
	snprintf(path, 4096, "%s/%s", claim->folder, name);
}

static void keep(char to[IDENTIFIER_LENGTH + 1], const char *id)
{
	snprintf(to, IDENTIFIER_LENGTH + 1, "%s", id != NULL && ulid_valid(id) ? id : "");
}

static void read_remembered(struct claim *claim)
{
	char path[4096];
	char id[IDENTIFIER_LENGTH + 2] = "";
	path_of(claim, "nodeagent.id", path);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(id, sizeof(id), file))
		id[strcspn(id, "\n")] = 0;
	fclose(file);
	keep(claim->remembered, id);
}

static void read_installation(struct claim *claim)
{
	char path[4096];
	path_of(claim, "installation.json", path);
	json_t *settings = json_load_file(path, 0, NULL);
	claim->has_installation = settings != NULL;
	keep(claim->of_installation, json_string_value(json_object_get(settings, "nodeId")));
	json_decref(settings);
}

void claim_read(struct claim *claim, const char *folder)
{
	*claim = (struct claim){.folder = folder};
	read_remembered(claim);
	read_installation(claim);
}

bool claim_check(const struct claim *claim, const char *node_id, struct error *error)
{
	const char *owner = claim->has_installation ? claim->of_installation : claim->remembered;
	if (strcmp(owner, node_id) == 0 || (!claim->has_installation && owner[0] == 0))
		return true;
	if (owner[0] == 0)
		return error_set(error, ERROR_CONFLICT,
				 "%s belongs to an installation that has no node now, not to node %s: give the agent a "
				 "data folder of its own (ROOST_DATA_DIR)",
				 claim->folder, node_id);
	return error_set(error, ERROR_CONFLICT,
			 "%s belongs to node %s, not %s: give the agent a data folder of its own (ROOST_DATA_DIR)",
			 claim->folder, owner, node_id);
}

/* Its files may stay: they are told of as unknown workspaces. What has no files here runs from elsewhere. */
static bool nothing_runs(const struct agent_settings *settings, const char *node_id, struct error *error)
{
	struct agent_settings of_node = *settings;
	struct runtime *runtime = NULL;
	struct runtime_found *found = NULL;
	struct arena *arena = arena_new();
	size_t count = 0;
	of_node.node_id = node_id;
	bool ok = agent_open_runtime(&of_node, &runtime, error) && runtime_list(runtime, arena, &found, &count, error);
	for (size_t i = 0; ok && i < count; i++)
		if (found[i].has_disk && (found[i].running || found[i].has_remains))
			ok = error_set(error, ERROR_CONFLICT,
				       "something of node %s still runs from %s (workspace %s): end it with roost down",
				       node_id, settings->folder, found[i].id);
	runtime_close(runtime);
	arena_free(arena);
	return ok;
}

bool claim_take(const struct claim *claim, const struct agent_settings *settings, struct error *error)
{
	char path[4096];
	if (claim->remembered[0] && strcmp(claim->remembered, settings->node_id) != 0) {
		if (!nothing_runs(settings, claim->remembered, error))
			return false;
		log_info("%s was node %s's; nothing of it runs any more", claim->folder, claim->remembered);
		leftovers_remove_database(settings->database);
	}
	path_of(claim, "nodeagent.id", path);
	return claim_write(path, settings->node_id, error);
}

size_t claim_nodes(const struct claim *claim, const char *node_id, const char *nodes[2])
{
	size_t count = 0;
	if (node_id[0])
		nodes[count++] = node_id;
	if (claim->remembered[0] && strcmp(claim->remembered, node_id) != 0)
		nodes[count++] = claim->remembered;
	return count;
}

bool claim_write(const char *path, const char *node_id, struct error *error)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return error_errno(error, errno, "write %s", path);
	fprintf(file, "%s\n", node_id);
	if (fclose(file) != 0)
		return error_errno(error, errno, "write %s", path);
	return true;
}
