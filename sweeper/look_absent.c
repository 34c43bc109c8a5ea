/* What should run on a node and is not there. */
#include "sweeper/run.h"

static void look_at_sessions(struct run *run, const struct pass *pass, const struct look *look,
			     const Roost__WorkspaceState *workspace)
{
	struct parts *parts = run_parts(run);
	const struct entity_store *store = projection_entities(parts->projection);
	for (size_t i = 0; i < workspace->n_live_sessions; i++) {
		const char *id = workspace->live_sessions[i];
		const Roost__SessionState *session = store->session(store->context, id, look->arena);
		if (session == NULL || inventory_has_session(look->inventory, id))
			continue;
		int64_t first_ms = sightings_see(look->sightings, pass->pass, id, look->proofs.asked_at_ms);
		run_found(run, pass,
			  &(struct found){
			      .judgement = judge_absent_session(&parts->rules, look->now_ms, &look->proofs, look->node,
								session, first_ms),
			      .owner = look->node->owner,
			      .node_id = look->node->resource->id,
			      .workspace_id = workspace->resource->id,
			      .session_id = id,
			  });
	}
}

static void look_at_workspace(struct run *run, const struct pass *pass, const struct look *look,
			      const Roost__WorkspaceState *workspace)
{
	struct parts *parts = run_parts(run);
	const char *id = workspace->resource->id;
	const Roost__InventoryResponse__Workspace *listed = inventory_workspace(look->inventory, id);
	if (workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING)
		return;
	if (listed != NULL && listed->running && listed->generation == workspace->resource->generation) {
		look_at_sessions(run, pass, look, workspace);
		return;
	}
	int64_t first_ms = sightings_see(look->sightings, pass->pass, id, look->proofs.asked_at_ms);
	run_found(run, pass,
		  &(struct found){
		      .judgement = judge_absent_workspace(&parts->rules, look->now_ms, &look->proofs, look->node,
							  workspace, listed, first_ms),
		      .owner = look->node->owner,
		      .node_id = look->node->resource->id,
		      .workspace_id = id,
		      .generation = workspace->resource->generation,
		  });
}

bool look_absent(struct run *run, const struct pass *pass, const struct look *look, struct error *error)
{
	struct parts *parts = run_parts(run);
	const struct entity_store *store = projection_entities(parts->projection);
	struct workspace_states all = store->workspaces(store->context, look->node->resource->id, look->arena);
	sightings_begin(look->sightings, pass->pass);
	for (size_t i = 0; i < all.count; i++)
		look_at_workspace(run, pass, look, all.items[run_place(run, i, all.count)]);
	sightings_end(look->sightings, pass->pass);
	if (projection_failure(parts->projection) == NULL)
		return true;
	*error = *projection_failure(parts->projection);
	return false;
}
