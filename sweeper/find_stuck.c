/* Nodes, workspaces and sessions that are on their way for too long. Each kind is gone through page by
 * page; a run that is spent before the end leaves the rest to the next, which begins there. */
#include "sweeper/run.h"

#include <stdio.h>

enum { ROWS_PER_PAGE = 100, ROWS_PER_RUN = 1000, ROWS_FOR_ONE_OWNER = 20000 };

/* Judges one page after `last`, which becomes the last id that was judged, "" at the end of all. */
typedef bool judge_page(struct run *run, const struct pass *pass, char last[27], struct arena *arena,
			struct error *error);

/* A run that is spent goes on behind this row in the next one. */
static bool ends_with(struct run *run, const struct pass *pass, char last[27], const char *id)
{
	snprintf(last, 27, "%s", id);
	return run_is_spent(run, pass);
}

static bool judge_nodes(struct run *run, const struct pass *pass, char last[27], struct arena *arena,
			struct error *error)
{
	struct parts *parts = run_parts(run);
	struct node_page page;
	if (!projection_all_nodes(parts->projection, last, ROWS_PER_PAGE, arena, &page, error))
		return false;
	for (size_t i = 0; i < page.count; i++) {
		const Roost__NodeState *node = page.items[i];
		struct sweep_heard heard = witness_heard(parts->witness, node->resource->id);
		struct found found = {
		    .judgement = judge_stuck_node(&parts->rules, server_clock_now_ms(parts->clock), &heard, node),
		    .owner = node->owner,
		    .node_id = node->resource->id,
		};
		if (run_is_about(run, node->owner))
			run_found(run, pass, &found);
		if (ends_with(run, pass, last, node->resource->id))
			return true;
	}
	if (page.next_cursor == NULL)
		last[0] = '\0';
	return true;
}

static bool judge_workspaces(struct run *run, const struct pass *pass, char last[27], struct arena *arena,
			     struct error *error)
{
	struct parts *parts = run_parts(run);
	struct workspace_page page;
	if (!projection_moving_workspaces(parts->projection, last, ROWS_PER_PAGE, arena, &page, error))
		return false;
	for (size_t i = 0; i < page.count; i++) {
		const Roost__WorkspaceState *workspace = page.items[i];
		struct sweep_heard heard = witness_heard(parts->witness, workspace->resource->node_id);
		struct found found = {
		    .judgement =
			judge_stuck_workspace(&parts->rules, server_clock_now_ms(parts->clock), &heard, workspace),
		    .owner = workspace->owner,
		    .node_id = workspace->resource->node_id,
		    .workspace_id = workspace->resource->id,
		    .generation = workspace->resource->generation,
		};
		if (run_is_about(run, workspace->owner))
			run_found(run, pass, &found);
		if (ends_with(run, pass, last, workspace->resource->id))
			return true;
	}
	if (page.next_cursor == NULL)
		last[0] = '\0';
	return true;
}

static bool judge_sessions(struct run *run, const struct pass *pass, char last[27], struct arena *arena,
			   struct error *error)
{
	struct parts *parts = run_parts(run);
	struct session_page page;
	if (!projection_moving_sessions(parts->projection, last, ROWS_PER_PAGE, arena, &page, error))
		return false;
	for (size_t i = 0; i < page.count; i++) {
		const Roost__SessionState *session = page.items[i];
		struct sweep_heard heard = witness_heard(parts->witness, session->node_id);
		struct found found = {
		    .judgement = judge_stuck_session(&parts->rules, server_clock_now_ms(parts->clock), &heard, session),
		    .owner = session->owner,
		    .node_id = session->node_id,
		    .workspace_id = session->resource->workspace_id,
		    .session_id = session->resource->id,
		};
		if (run_is_about(run, session->owner))
			run_found(run, pass, &found);
		if (ends_with(run, pass, last, session->resource->id))
			return true;
	}
	if (page.next_cursor == NULL)
		last[0] = '\0';
	return true;
}

/* From where the last run for everybody ended, as far as one run goes. */
static bool go_through(struct run *run, const struct pass *pass, judge_page *judge, char place[27], struct error *error)
{
	struct arena *arena = arena_new();
	char own_place[27] = "";
	char *last = run_owner(run) == NULL ? place : own_place;
	int rows = run_owner(run) == NULL ? ROWS_PER_RUN : ROWS_FOR_ONE_OWNER;
	bool good = true;
	do {
		arena_reset(arena);
		good = judge(run, pass, last, arena, error);
		rows -= ROWS_PER_PAGE;
	} while (good && last[0] != '\0' && rows > 0 && !run_is_spent(run, pass));
	arena_free(arena);
	return good;
}

bool find_stuck(struct run *run, const struct pass *pass, struct error *error)
{
	struct stuck_places *places = &run_parts(run)->stuck;
	return go_through(run, pass, judge_workspaces, places->workspace, error) &&
	       go_through(run, pass, judge_sessions, places->session, error) &&
	       go_through(run, pass, judge_nodes, places->node, error);
}
