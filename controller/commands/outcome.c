/* A stop or delete is under way while the status says so and nothing is left behind. What is left behind
 * counts as a failure at once, although the node goes on trying: whoever waits wants to know (S4-26). Deleted
 * is only what says so: what is not there at all is in a log that went back, since a tombstone outlasts every
 * wait. */
#include "controller/commands/outcome.h"

#include <string.h>

const struct goal goal_node_stopped = {"stopped", true, true, ROOST__NODE__STATUS__STOPPING};
const struct goal goal_node_deleted = {"deleted", true, true, ROOST__NODE__STATUS__DELETING};
const struct goal goal_workspace_stopped = {"stopped", false, false, ROOST__WORKSPACE__STATUS__STOPPING};
const struct goal goal_workspace_deleted = {"deleted", false, true, ROOST__WORKSPACE__STATUS__DELETING};

enum { NAMES_MAX = 20, DETAILS_MAX = 8 };

static bool is_watched(const struct watched *watched, const char *id)
{
	for (size_t i = 0; i < watched->workspace_count; i++)
		if (strcmp(watched->workspaces[i], id) == 0)
			return true;
	return false;
}

/* Adds what is below those that are watched already, level by level. */
static void watch_descendants(struct watched *watched, const struct workspace_states *all)
{
	for (size_t before = 0; before < watched->workspace_count;) {
		before = watched->workspace_count;
		for (size_t i = 0; i < all->count; i++) {
			const Roost__Workspace *workspace = all->items[i]->resource;
			if (workspace->parent_id != NULL && is_watched(watched, workspace->parent_id) &&
			    !is_watched(watched, workspace->id))
				watched->workspaces[watched->workspace_count++] = workspace->id;
		}
	}
}

struct watched *outcome_watch(const struct entity_store *store, const struct goal *goal, const struct answer *answer,
			      struct arena *arena)
{
	struct watched *watched = arena_new_of(arena, struct watched);
	watched->goal = goal;
	watched->answer = *answer;
	watched->node_id = goal->of_node ? answer->node->id : answer->workspace->node_id;
	struct workspace_states all = {0};
	if (goal->cascades)
		all = store->workspaces(store->context, watched->node_id, arena);
	watched->workspaces = arena_array_of(arena, const char *, all.count + 1);
	if (!goal->of_node) {
		watched->workspaces[watched->workspace_count++] = answer->workspace->id;
		watch_descendants(watched, &all);
	} else {
		for (size_t i = 0; i < all.count; i++)
			watched->workspaces[watched->workspace_count++] = all.items[i]->resource->id;
	}
	return watched;
}

/* What is found in one look. */
struct sum {
	unsigned removed, failures, open;
	struct {
		unsigned processes, mounts, workspaces;
		bool files;
	} left;
	const char *names;  /* of those that failed */
	const char *reason; /* the first one's */
};

static void add_left(struct sum *sum, const Roost__LeftBehind *left)
{
	sum->left.processes += left->processes;
	sum->left.mounts += left->mounts;
	sum->left.workspaces += left->workspaces;
	sum->left.files = sum->left.files || left->files;
}

static void add_failure(struct sum *sum, const char *name, const char *reason, struct arena *arena)
{
	if (sum->failures < NAMES_MAX)
		sum->names =
		    sum->failures == 0 ? name : arena_printf(arena, "%s, %s", sum->names, name == NULL ? "" : name);
	else if (sum->failures == NAMES_MAX)
		sum->names = arena_printf(arena, "%s and more", sum->names);
	if (sum->reason == NULL)
		sum->reason = reason;
	sum->failures++;
}

static void look_at_workspace(const struct watched *watched, const Roost__WorkspaceState *workspace, struct sum *sum,
			      struct arena *arena)
{
	if (workspace == NULL) {
		sum->open++;
		return;
	}
	if (workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED) {
		sum->removed++;
		return;
	}
	bool under_way = (int)workspace->resource->status == watched->goal->under_way;
	if (workspace->left != NULL ||
	    (!watched->goal->of_node && !under_way && workspace->resource->status == ROOST__WORKSPACE__STATUS__ERROR)) {
		add_failure(sum, workspace->resource->display_name, workspace->resource->error_message, arena);
		if (workspace->left != NULL)
			add_left(sum, workspace->left);
	} else if (under_way) {
		sum->open++;
	}
}

static void add_detail(struct outcome *outcome, const char *name, const char *value)
{
	outcome->details[outcome->detail_count++] = (struct refusal_detail){name, value};
}

static void fail(const struct watched *watched, const struct sum *sum, struct arena *arena, struct outcome *outcome)
{
	outcome->failed = true;
	outcome->details = arena_array_of(arena, struct refusal_detail, DETAILS_MAX);
	add_detail(outcome, "removedCount", arena_printf(arena, "%u", sum->removed));
	add_detail(outcome, "stopFailures", arena_printf(arena, "%u", sum->failures));
	add_detail(outcome, "processes", arena_printf(arena, "%u", sum->left.processes));
	add_detail(outcome, "mounts", arena_printf(arena, "%u", sum->left.mounts));
	add_detail(outcome, "workspaces", arena_printf(arena, "%u", sum->left.workspaces));
	add_detail(outcome, "files", sum->left.files ? "true" : "false");
	if (sum->names != NULL)
		add_detail(outcome, "failed", sum->names);
	error_set(&outcome->refusal, ERROR_STOP_FAILED, "Not everything could be %s; it is tried again. %s",
		  watched->goal->verb, sum->reason == NULL ? "" : sum->reason);
}

/* The node's own word counts what is on the whole machine, so it stands for what its workspaces tell. */
static void look_at_node(const struct watched *watched, const Roost__NodeState *node, struct sum *sum,
			 struct arena *arena, struct outcome *outcome)
{
	arena_message(arena, outcome->answer.node, roost__node__init);
	*outcome->answer.node = node != NULL ? *node->resource : *watched->answer.node;
	int status = (int)outcome->answer.node->status;
	bool under_way = status == watched->goal->under_way;
	bool left = node != NULL && node->left != NULL && status != ROOST__NODE__STATUS__DELETED;
	outcome->settled = !under_way || left;
	if (node == NULL || (!left && status != ROOST__NODE__STATUS__ERROR))
		return;
	memset(&sum->left, 0, sizeof(sum->left));
	if (left)
		add_left(sum, node->left);
	sum->reason = node->resource->error_message;
	if (sum->failures == 0)
		sum->failures = 1;
	fail(watched, sum, arena, outcome);
}

void outcome_look(const struct entity_store *store, const struct watched *watched, struct arena *arena,
		  struct outcome *outcome)
{
	struct sum sum = {0};
	*outcome = (struct outcome){0};
	for (size_t i = 0; i < watched->workspace_count; i++) {
		Roost__WorkspaceState *workspace = store->workspace(store->context, watched->workspaces[i], arena);
		look_at_workspace(watched, workspace, &sum, arena);
		if (i > 0 || watched->goal->of_node)
			continue;
		arena_message(arena, outcome->answer.workspace, roost__workspace__init);
		*outcome->answer.workspace = workspace != NULL ? *workspace->resource : *watched->answer.workspace;
	}
	if (watched->goal->of_node) {
		look_at_node(watched, store->node(store->context, watched->node_id, arena), &sum, arena, outcome);
		return;
	}
	outcome->settled = sum.open == 0;
	if (outcome->settled && sum.failures > 0)
		fail(watched, &sum, arena, outcome);
}
