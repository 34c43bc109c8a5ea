/* Each thing is taken once, whatever its parents say. */
#include "controller/cli/tree.h"

#include <string.h>

struct tree {
	const struct tree_item *items;
	size_t count;
	bool all;
	bool *taken;
	struct tree_row *rows;
	size_t row_count;
};

static bool is_child(const struct tree *tree, size_t item, const char *parent_id)
{
	const char *own = tree->items[item].parent_id;
	return !tree->taken[item] && own != NULL && strcmp(own, parent_id) == 0;
}

static bool is_root(const struct tree *tree, size_t item)
{
	const char *parent = tree->items[item].parent_id;
	for (size_t i = 0; parent != NULL && i < tree->count; i++)
		if (strcmp(tree->items[i].id, parent) == 0)
			return false;
	return true;
}

/* Takes the descendants without showing them; how many they are. */
static size_t hide(struct tree *tree, const char *parent_id)
{
	size_t hidden = 0;
	for (size_t i = 0; i < tree->count; i++) {
		if (!is_child(tree, i, parent_id))
			continue;
		tree->taken[i] = true;
		hidden += 1 + hide(tree, tree->items[i].id);
	}
	return hidden;
}

static void show(struct tree *tree, size_t item, size_t depth)
{
	const struct tree_item *shown = &tree->items[item];
	struct tree_row *row = &tree->rows[tree->row_count++];
	*row = (struct tree_row){.item = item, .depth = depth};
	tree->taken[item] = true;
	if (shown->collapsed && !tree->all) {
		row->hidden = hide(tree, shown->id);
		return;
	}
	for (size_t i = 0; i < tree->count; i++)
		if (is_child(tree, i, shown->id))
			show(tree, i, depth + 1);
}

struct tree_row *tree_rows(const struct tree_item *items, size_t count, bool all, struct arena *arena,
			   size_t *row_count)
{
	struct tree tree = {.items = items,
			    .count = count,
			    .all = all,
			    .taken = arena_array_of(arena, bool, count + 1),
			    .rows = arena_array_of(arena, struct tree_row, count + 1)};
	for (size_t i = 0; i < count; i++)
		tree.taken[i] = false;
	for (size_t i = 0; i < count; i++)
		if (!tree.taken[i] && is_root(&tree, i))
			show(&tree, i, 0);
	*row_count = tree.row_count;
	return tree.rows;
}
