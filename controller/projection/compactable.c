/* What compaction asks of the projection, aggregate by aggregate. */
#include "controller/projection/database.h"

#include "controller/domain/roster.h"
#include <string.h>

enum { LOOKED_AT_ONCE = 500 };

int64_t projection_time(const struct projection *projection)
{
	return projection->newest_record_ms;
}

static struct compactable of_node(struct projection *projection, const Roost__NodeState *node, int64_t purged,
				  struct arena *arena)
{
	bool deleted = node->resource->status == ROOST__NODE__STATUS__DELETED;
	const Roost__OwnerState *owner = deleted ? projection->entities.owner(projection, node->owner, arena) : NULL;
	return (struct compactable){
	    .owner = node->owner,
	    .node_id = node->resource->id,
	    .facts = {.last_seq = node->last_seq,
		      .snapshot = node->snapshot,
		      .purged_seq = (uint64_t)purged,
		      .deleted = deleted,
		      .deleted_ms = node_ended_ms(node),
		      .in_roster = roster_entry(owner, node->resource->id) != NULL},
	};
}

static struct compactable of_owner(const Roost__OwnerState *owner, int64_t purged)
{
	return (struct compactable){
	    .owner = owner->owner,
	    .facts = {.last_seq = owner->last_seq, .snapshot = owner->snapshot, .purged_seq = (uint64_t)purged},
	};
}

static int64_t purged_of(struct projection *projection, enum statement which, int64_t number)
{
	sqlite3_stmt *stmt = statement(projection, which);
	int64_t purged = 0;
	if (stmt == NULL)
		return 0;
	sqlite3_bind_int64(stmt, 1, number);
	if (statement_row(projection, stmt)) {
		purged = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return purged;
}

bool projection_compactable(struct projection *projection, const char *owner, const char *node_id, struct arena *arena,
			    struct compactable *out, struct error *error)
{
	*out = (struct compactable){0};
	entities_flush(projection);
	if (node_id != NULL) {
		const Roost__NodeState *node = projection->entities.node(projection, node_id, arena);
		int64_t number = entities_number(projection, CACHE_NODE, node_id);
		if (node != NULL && strcmp(node->owner, owner) == 0)
			*out = of_node(projection, node, purged_of(projection, STATEMENT_PURGED_NODE, number), arena);
	} else {
		const Roost__OwnerState *state = projection->entities.owner(projection, owner, arena);
		int64_t number = entities_find_owner(projection, owner);
		if (state != NULL)
			*out = of_owner(state, purged_of(projection, STATEMENT_PURGED_OWNER, number));
	}
	return projection_sound(projection, error);
}

struct looking {
	struct projection *projection;
	const struct compaction_limits *limits;
	uint32_t limit;
	struct arena *arena, *passing;
	struct compactables *out;
};

static void judge(struct looking *looking, const struct compactable *found)
{
	int64_t now_ms = looking->projection->newest_record_ms;
	if (looking->out->count == looking->limit ||
	    compaction_judge(&found->facts, looking->limits, now_ms, UINT64_MAX).kind == COMPACTION_NOTHING)
		return;
	struct compactable *item = &looking->out->items[looking->out->count++];
	*item = *found;
	item->owner = arena_strdup(looking->arena, found->owner);
	item->node_id = arena_strdup(looking->arena, found->node_id);
	item->facts.snapshot = NULL; /* of the passing arena */
}

/* One batch of rows (number, state, purged) after *number; false at the end. */
static bool look(struct looking *looking, enum statement which, const ProtobufCMessageDescriptor *descriptor,
		 int64_t *number)
{
	struct projection *projection = looking->projection;
	void *states[LOOKED_AT_ONCE];
	int64_t purged[LOOKED_AT_ONCE];
	size_t count = 0;
	sqlite3_stmt *stmt = statement(projection, which);
	arena_reset(looking->passing);
	if (stmt == NULL)
		return false;
	sqlite3_bind_int64(stmt, 1, *number);
	sqlite3_bind_int64(stmt, 2, LOOKED_AT_ONCE);
	while (count < LOOKED_AT_ONCE && statement_row(projection, stmt)) {
		*number = sqlite3_column_int64(stmt, 0);
		states[count] = column_message(projection, stmt, 1, descriptor, looking->passing);
		purged[count] = sqlite3_column_int64(stmt, 2);
		count += states[count] != NULL;
	}
	sqlite3_reset(stmt);
	for (size_t i = 0; i < count; i++) {
		struct compactable found = which == STATEMENT_NODES_TO_COMPACT
					       ? of_node(projection, states[i], purged[i], looking->passing)
					       : of_owner(states[i], purged[i]);
		judge(looking, &found);
	}
	return count == LOOKED_AT_ONCE && looking->out->count < looking->limit;
}

bool projection_compaction_due(struct projection *projection, const struct compaction_limits *limits, uint32_t limit,
			       struct arena *arena, struct compactables *out, struct error *error)
{
	*out = (struct compactables){.items = arena_array_of(arena, struct compactable, limit)};
	struct looking looking = {projection, limits, limit, arena, arena_new(), out};
	int64_t node = 0, owner = 0;
	entities_flush(projection);
	while (look(&looking, STATEMENT_NODES_TO_COMPACT, &roost__node_state__descriptor, &node))
		;
	while (look(&looking, STATEMENT_OWNERS_TO_COMPACT, &roost__owner_state__descriptor, &owner))
		;
	arena_free(looking.passing);
	return projection_sound(projection, error);
}

bool projection_note_purged(struct projection *projection, const char *owner, const char *node_id, uint64_t below_seq,
			    struct error *error)
{
	int64_t number =
	    node_id == NULL ? entities_find_owner(projection, owner) : entities_number(projection, CACHE_NODE, node_id);
	entities_flush(projection);
	sqlite3_stmt *stmt =
	    statement(projection, node_id == NULL ? STATEMENT_NOTE_OWNER_PURGED : STATEMENT_NOTE_NODE_PURGED);
	if (stmt != NULL) {
		sqlite3_bind_int64(stmt, 1, number);
		sqlite3_bind_int64(stmt, 2, (int64_t)below_seq);
		statement_run(projection, stmt);
	}
	return projection_sound(projection, error);
}
