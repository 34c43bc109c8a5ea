/* What the effects, timers and health checks of all owners ask. */
#include "controller/projection/database.h"

#include "bus/foundation/ulid.h"
#include <string.h>

bool projection_nodes(struct projection *projection, const char *after_id, uint32_t limit, struct arena *arena,
		      struct node_summaries *out, struct error *error)
{
	*out = (struct node_summaries){.items = arena_array_of(arena, struct node_summary, limit)};
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_NODES);
	bind_text(stmt, 1, after_id == NULL ? "" : after_id);
	if (stmt != NULL)
		sqlite3_bind_int64(stmt, 2, limit);
	while (stmt != NULL && out->count < limit && statement_row(projection, stmt)) {
		const Roost__NodeState *node =
		    column_message(projection, stmt, 1, &roost__node_state__descriptor, arena);
		if (node == NULL)
			break;
		out->items[out->count++] = (struct node_summary){
		    .id = node->resource->id,
		    .owner = node->owner,
		    .version = node->version,
		    .status = node->resource->status,
		    .announced_health =
			node->has_announced_health ? node->announced_health : ROOST__NODE__HEALTH__HEALTHY,
		    .silent_since_ms = node->has_silent_since_at ? node->silent_since_at : 0,
		    .has_reported = node->report_position != NULL,
		};
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return projection_sound(projection, error);
}

bool projection_next_deadline(struct projection *projection, struct arena *arena, struct next_deadline *out,
			      struct error *error)
{
	*out = (struct next_deadline){0};
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_NEXT_DEADLINE);
	if (stmt != NULL && statement_row(projection, stmt)) {
		const Roost__WorkspaceState *workspace =
		    column_message(projection, stmt, 0, &roost__workspace_state__descriptor, arena);
		if (workspace != NULL)
			*out = (struct next_deadline){
			    .owner = workspace->owner,
			    .node_id = workspace->resource->node_id,
			    .workspace_id = workspace->resource->id,
			    .generation = workspace->resource->generation,
			    .deadline_ms = workspace->deadline_at,
			};
		sqlite3_reset(stmt);
	}
	return projection_sound(projection, error);
}

/* The part of a ULID that tells its time. */
enum { ULID_TIME_LENGTH = 10 };

static void add_key(struct projection *projection, int64_t owner, struct pending_claim *claim, struct arena *arena)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_KEY_OF_ANSWER);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 1, owner);
	bind_text(stmt, 2, claim->node_id);
	sqlite3_bind_int64(stmt, 3, keys_floor(projection));
	if (!statement_row(projection, stmt))
		return;
	if (sqlite3_column_bytes(stmt, 1) == 32) {
		claim->idempotency_key = column_text(stmt, 0, arena);
		claim->request_hash = arena_copy(arena, sqlite3_column_blob(stmt, 1), 32);
	}
	sqlite3_reset(stmt);
}

static void claims_of(struct projection *projection, int64_t number, const Roost__OwnerState *owner, const char *before,
		      uint32_t limit, struct arena *arena, struct pending_claims *out)
{
	for (size_t i = 0; i < owner->n_nodes && out->count < limit; i++) {
		const char *node_id = owner->nodes[i]->node_id;
		if (strncmp(node_id, before, ULID_TIME_LENGTH) >= 0 ||
		    entities_number(projection, CACHE_NODE, node_id) != 0)
			continue;
		struct pending_claim *claim = &out->items[out->count++];
		*claim = (struct pending_claim){.owner = owner->owner, .node_id = node_id};
		add_key(projection, number, claim, arena);
	}
}

bool projection_pending_claims(struct projection *projection, int64_t before_ms, uint32_t limit, struct arena *arena,
			       struct pending_claims *out, struct error *error)
{
	*out = (struct pending_claims){.items = arena_array_of(arena, struct pending_claim, limit)};
	struct ulid before = ulid_new(before_ms);
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_OWNERS);
	while (stmt != NULL && out->count < limit && statement_row(projection, stmt)) {
		const Roost__OwnerState *owner =
		    column_message(projection, stmt, 1, &roost__owner_state__descriptor, arena);
		if (owner != NULL)
			claims_of(projection, sqlite3_column_int64(stmt, 0), owner, before.text, limit, arena, out);
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return projection_sound(projection, error);
}

static void unreleased_of(struct projection *projection, const Roost__OwnerState *owner, uint32_t limit,
			  struct arena *arena, struct deleted_nodes *out)
{
	for (size_t i = 0; i < owner->n_nodes && out->count < limit; i++) {
		const char *node_id = owner->nodes[i]->node_id;
		const Roost__NodeState *node = projection->entities.node(projection, node_id, arena);
		if (node != NULL && node->resource->status == ROOST__NODE__STATUS__DELETED)
			out->items[out->count++] = (struct deleted_node){.owner = owner->owner, .node_id = node_id};
	}
}

bool projection_unreleased(struct projection *projection, uint32_t limit, struct arena *arena,
			   struct deleted_nodes *out, struct error *error)
{
	*out = (struct deleted_nodes){.items = arena_array_of(arena, struct deleted_node, limit)};
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_OWNERS);
	while (stmt != NULL && out->count < limit && statement_row(projection, stmt)) {
		const Roost__OwnerState *owner =
		    column_message(projection, stmt, 1, &roost__owner_state__descriptor, arena);
		if (owner != NULL)
			unreleased_of(projection, owner, limit, arena, out);
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return projection_sound(projection, error);
}
