/* A list of things of which some are children of others, in the order in which a tree is shown. Pure. */
#ifndef ROOST_CONTROLLER_CLI_TREE_H
#define ROOST_CONTROLLER_CLI_TREE_H

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct tree_item {
	const char *id;
	const char *parent_id; /* NULL, or one that is not in the list: it stands at the top */
	bool collapsed;	       /* its descendants are left out */
};

struct tree_row {
	size_t item; /* of the list */
	size_t depth;
	size_t hidden; /* descendants that are left out */
};

/* The rows to show, in the arena, parents before their children and both in the list's order; with `all` nothing
 * is left out. */
struct tree_row *tree_rows(const struct tree_item *items, size_t count, bool all, struct arena *arena,
			   size_t *row_count);

#endif
