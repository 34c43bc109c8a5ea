/* roost workspace list */
#include "bus/foundation/clock.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/cli/tree.h"

#include <string.h>

/* The names of the nodes, since people think in names. */
static const Roost__ListNodesResponse *read_nodes(struct invocation *invocation, uint64_t *seq, struct error *error)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	return (const Roost__ListNodesResponse *)api_list(invocation->client, API_list_nodes, &request.base,
							  invocation->arena, seq, error);
}

static const char *node_name(const Roost__ListNodesResponse *nodes, const char *id)
{
	for (size_t i = 0; i < nodes->n_nodes; i++)
		if (strcmp(nodes->nodes[i]->id, id) == 0)
			return nodes->nodes[i]->name;
	return id;
}

static const char *status(const Roost__Workspace *workspace, struct arena *arena)
{
	const char *word = status_word(&workspace->base, arena);
	return workspace->status_uncertain_since == NULL ? word : arena_printf(arena, "%s?", word);
}

/* Why it is not as it should be, and since when nobody knows. */
static const char *note(const Roost__Workspace *workspace, struct arena *arena)
{
	const char *since = workspace->status_uncertain_since;
	const char *message = workspace->error_message == NULL ? "" : workspace->error_message;
	if (since == NULL)
		return message;
	return arena_printf(arena, "unknown since %s%s%s", since, message[0] == '\0' ? "" : "; ", message);
}

static struct tree_row *rows_of(const Roost__ListWorkspacesResponse *list, bool all, struct arena *arena, size_t *count)
{
	struct tree_item *items = arena_array_of(arena, struct tree_item, list->n_workspaces + 1);
	for (size_t i = 0; i < list->n_workspaces; i++) {
		const Roost__Workspace *workspace = list->workspaces[i];
		items[i] = (struct tree_item){workspace->id, workspace->parent_id, workspace->collapsed};
	}
	return tree_rows(items, list->n_workspaces, all, arena, count);
}

static const char *name_in_row(const Roost__Workspace *workspace, const struct tree_row *row, struct arena *arena)
{
	const char *name = arena_printf(arena, "%*s%s", 2 * (int)row->depth, "", workspace->display_name);
	return row->hidden == 0 ? name : arena_printf(arena, "%s (%zu hidden)", name, row->hidden);
}

static void print(const Roost__ListWorkspacesResponse *list, const Roost__ListNodesResponse *nodes, bool all,
		  struct arena *arena)
{
	static const char *const headings[] = {"NAME",	 "ID",	"NODE", "STATUS", "REPOSITORY",
					       "BRANCH", "AGE", "NOTE", NULL};
	struct table *table = table_new(headings, arena);
	const char **ids = arena_array_of(arena, const char *, list->n_workspaces + 1);
	for (size_t i = 0; i < list->n_workspaces; i++)
		ids[i] = list->workspaces[i]->id;
	const char **short_ids = show_short_ids(ids, list->n_workspaces, arena);
	int64_t now = clock_wall_ms();
	size_t row_count;
	const struct tree_row *rows = rows_of(list, all, arena, &row_count);
	for (size_t i = 0; i < row_count; i++) {
		const Roost__Workspace *workspace = list->workspaces[rows[i].item];
		table_row(table, (const char *[]){name_in_row(workspace, &rows[i], arena), short_ids[rows[i].item],
						  node_name(nodes, workspace->node_id), status(workspace, arena),
						  workspace->repository, workspace->branch,
						  text_age(workspace->created_at, now, arena), note(workspace, arena)});
	}
	table_print(table, "There is no workspace. Make one with: roost workspace create <name>");
}

static int run(struct invocation *invocation)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	uint64_t seq = 0;
	struct error error;
	if (!option_id(invocation, "node", KIND_NODE, &request.node_id, &seq, &error))
		return verb_failed(&error);
	const ProtobufCMessage *list =
	    api_list(invocation->client, API_list_workspaces, &request.base, invocation->arena, &seq, &error);
	if (list == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_list_workspaces, list);
	const Roost__ListNodesResponse *nodes = read_nodes(invocation, &seq, &error);
	if (nodes == NULL)
		return verb_failed(&error);
	print((const Roost__ListWorkspacesResponse *)list, nodes, invocation_has(invocation, "all"), invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"node", "node", "Only those of one node."},
    {"all", NULL, "Those too that are below a collapsed one."},
    OPTION_END,
};

const struct verb verb_workspace_list = {
    .noun = "workspace",
    .name = "list",
    .arguments = "",
    .sentence = "Show your workspaces, children below their parents. A status with ? is the last known one of a node "
		"that is silent.",
    .options = options,
    .run = run,
};
