/* Each pass over the node's workspaces finds one more level; there are at most WORKSPACE_DEPTH_MAX. */
#include "controller/domain/family.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int compare_id(const void *id, const void *item)
{
	const Roost__WorkspaceState *const *workspace = item;
	return strcmp(id, (*workspace)->resource->id);
}

static bool is_marked(const char *id, const struct workspace_states *all, const bool *marked)
{
	Roost__WorkspaceState **item = bsearch(id, all->items, all->count, sizeof(all->items[0]), compare_id);
	return item != NULL && marked[item - all->items];
}

/* Marks those whose parent is `id` or marked; false when there was none left. */
static bool mark_children(const char *id, const struct workspace_states *all, bool *marked)
{
	bool any = false;
	for (size_t i = 0; i < all->count; i++) {
		const char *parent = all->items[i]->resource->parent_id;
		if (marked[i] || parent == NULL || strcmp(all->items[i]->resource->id, id) == 0)
			continue;
		marked[i] = strcmp(parent, id) == 0 || is_marked(parent, all, marked);
		any = any || marked[i];
	}
	return any;
}

struct workspace_states descendants_of(const Roost__WorkspaceState *workspace, const struct entity_store *store,
				       struct arena *arena)
{
	const char *id = workspace->resource->id;
	struct workspace_states below = {0};
	if (!workspace->is_parent)
		return below;
	struct workspace_states all = store->workspaces(store->context, workspace->resource->node_id, arena);
	bool *marked = arena_array_of(arena, bool, all.count + 1);
	while (mark_children(id, &all, marked))
		;
	below.items = arena_array_of(arena, Roost__WorkspaceState *, all.count + 1);
	for (size_t i = 0; i < all.count; i++)
		if (marked[i])
			below.items[below.count++] = all.items[i];
	return below;
}

unsigned depth_of(const Roost__WorkspaceState *workspace, const struct entity_store *store, struct arena *arena)
{
	unsigned depth = 1;
	while (workspace->resource->parent_id != NULL && depth < UINT8_MAX) {
		workspace = store->workspace(store->context, workspace->resource->parent_id, arena);
		if (workspace == NULL)
			break;
		depth++;
	}
	return depth;
}
