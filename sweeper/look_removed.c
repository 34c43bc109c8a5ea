/* What a node has though the log says that it was deleted, stopped or ended. */
#include "sweeper/run.h"

#include "bus/foundation/ulid.h"

static void look_at_workspace(struct run *run, const struct pass *pass, const struct look *look,
			      const Roost__InventoryResponse__Workspace *listed)
{
	struct parts *parts = run_parts(run);
	const struct entity_store *store = projection_entities(parts->projection);
	const Roost__WorkspaceState *workspace = store->workspace(store->context, listed->id, look->arena);
	if (workspace == NULL)
		return;
	run_found(run, pass,
		  &(struct found){
		      .judgement = judge_removed_workspace(&parts->rules, look->now_ms, &look->proofs, look->node,
							   workspace, listed),
		      .owner = look->node->owner,
		      .node_id = look->node->resource->id,
		      .workspace_id = listed->id,
		      .generation = workspace->resource->generation,
		  });
}

static void look_at_session(struct run *run, const struct pass *pass, const struct look *look, const char *id)
{
	struct parts *parts = run_parts(run);
	const struct entity_store *store = projection_entities(parts->projection);
	const Roost__SessionState *session = store->session(store->context, id, look->arena);
	if (session == NULL)
		return;
	run_found(
	    run, pass,
	    &(struct found){
		.judgement = judge_removed_session(&parts->rules, look->now_ms, &look->proofs, look->node, session),
		.owner = look->node->owner,
		.node_id = look->node->resource->id,
		.workspace_id = session->resource->workspace_id,
		.session_id = id,
	    });
}

bool look_removed(struct run *run, const struct pass *pass, const struct look *look, struct error *error)
{
	const struct inventory *inventory = look->inventory;
	for (size_t i = 0; i < inventory->workspace_count && !run_is_spent(run, pass); i++) {
		size_t place = run_place(run, i, inventory->workspace_count);
		if (ulid_valid(inventory->workspaces[place]->id))
			look_at_workspace(run, pass, look, inventory->workspaces[place]);
	}
	for (size_t i = 0; i < inventory->session_count && !run_is_spent(run, pass); i++)
		if (ulid_valid(inventory->sessions[i]))
			look_at_session(run, pass, look, inventory->sessions[i]);
	if (projection_failure(run_parts(run)->projection) == NULL)
		return true;
	*error = *projection_failure(run_parts(run)->projection);
	return false;
}
