/* Nodes that have fallen silent: told of once for each silence, and nothing else (D3). */
#include "sweeper/run.h"

#include <stdio.h>

enum { NODES_PER_PAGE = 100 };

static void look_at(struct run *run, const struct pass *pass, const Roost__NodeState *node)
{
	struct parts *parts = run_parts(run);
	struct sweep_heard heard = witness_heard(parts->witness, node->resource->id);
	struct found found = {
	    .judgement = judge_silent_node(&parts->rules, &heard, node),
	    .owner = node->owner,
	    .node_id = node->resource->id,
	};
	if (run_is_about(run, node->owner))
		run_found(run, pass, &found);
}

bool find_silent(struct run *run, const struct pass *pass, struct error *error)
{
	struct arena *arena = arena_new();
	struct node_page page;
	char after[27] = "";
	bool good;
	do {
		arena_reset(arena);
		good = projection_all_nodes(run_parts(run)->projection, after, NODES_PER_PAGE, arena, &page, error);
		for (size_t i = 0; good && i < page.count; i++)
			look_at(run, pass, page.items[i]);
		snprintf(after, sizeof(after), "%s", !good || page.next_cursor == NULL ? "" : page.next_cursor);
	} while (after[0] != '\0' && !run_is_spent(run, pass));
	arena_free(arena);
	return good;
}
