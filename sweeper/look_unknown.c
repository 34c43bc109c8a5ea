/* What carries our label and is in no log (D16). An id that is none of ours is not even looked up. */
#include "sweeper/run.h"

#include "bus/foundation/ulid.h"

static void look_at_workspace(struct run *run, const struct pass *pass, const struct look *look,
			      const Roost__InventoryResponse__Workspace *listed)
{
	struct parts *parts = run_parts(run);
	const struct entity_store *store = projection_entities(parts->projection);
	if (store->workspace(store->context, listed->id, look->arena) != NULL ||
	    projection_failure(parts->projection) != NULL)
		return;
	int64_t first_ms = sightings_see(look->sightings, pass->pass, listed->id, look->proofs.asked_at_ms);
	run_found(
	    run, pass,
	    &(struct found){
		.judgement = judge_unknown(&parts->rules, look->now_ms, &look->proofs, look->node, listed, first_ms),
		.owner = look->node->owner,
		.node_id = look->node->resource->id,
		.workspace_id = listed->id,
		.generation = listed->generation,
	    });
}

bool look_unknown(struct run *run, const struct pass *pass, const struct look *look, struct error *error)
{
	const struct inventory *inventory = look->inventory;
	struct parts *parts = run_parts(run);
	sightings_begin(look->sightings, pass->pass);
	for (size_t i = 0; i < inventory->workspace_count; i++) {
		size_t place = run_place(run, i, inventory->workspace_count);
		if (ulid_valid(inventory->workspaces[place]->id))
			look_at_workspace(run, pass, look, inventory->workspaces[place]);
	}
	sightings_end(look->sightings, pass->pass);
	if (projection_failure(parts->projection) == NULL)
		return true;
	*error = *projection_failure(parts->projection);
	return false;
}
