/* The entity store over SQLite: reads come from the cache, or fill it; writes go to the cache and are
 * written when the transaction ends or a query needs them. */
#include "controller/projection/database.h"

#include "bus/foundation/log.h"
#include "controller/domain/states.h"
#include <stdlib.h>
#include <string.h>

static const ProtobufCMessageDescriptor *const descriptors[CACHE_KINDS] = {
    [CACHE_OWNER] = &roost__owner_state__descriptor,
    [CACHE_NODE] = &roost__node_state__descriptor,
    [CACHE_WORKSPACE] = &roost__workspace_state__descriptor,
    [CACHE_SESSION] = &roost__session_state__descriptor,
};

/* ---- reading ---- */

static struct cached *load(struct projection *projection, enum cache_kind kind, const char *id)
{
	static const enum statement loads[CACHE_KINDS] = {
	    [CACHE_OWNER] = STATEMENT_LOAD_OWNER,
	    [CACHE_NODE] = STATEMENT_LOAD_NODE,
	    [CACHE_WORKSPACE] = STATEMENT_LOAD_WORKSPACE,
	    [CACHE_SESSION] = STATEMENT_LOAD_SESSION,
	};
	sqlite3_stmt *stmt = statement(projection, loads[kind]);
	bind_text(stmt, 1, id);
	if (!statement_row(projection, stmt))
		return NULL;
	if (cache_is_large(&projection->cache) && projection->cache.first_dirty == NULL)
		cache_clear(&projection->cache);
	struct cached *entry = cache_add(&projection->cache, kind, id);
	entry->number = sqlite3_column_int64(stmt, 0);
	if (sqlite3_column_type(stmt, 1) != SQLITE_NULL)
		cache_set_packed(&projection->cache, entry, sqlite3_column_blob(stmt, 1),
				 (size_t)sqlite3_column_bytes(stmt, 1));
	if (kind != CACHE_OWNER)
		entry->owner = sqlite3_column_int64(stmt, 2);
	if (kind == CACHE_WORKSPACE || kind == CACHE_SESSION)
		entry->node = sqlite3_column_int64(stmt, 3);
	if (kind == CACHE_WORKSPACE)
		cache_set_name_key(entry, (const char *)sqlite3_column_text(stmt, 4));
	entry->stored = true;
	entry->renamed = false;
	sqlite3_reset(stmt);
	return entry;
}

static struct cached *find(struct projection *projection, enum cache_kind kind, const char *id)
{
	struct cached *entry = cache_find(&projection->cache, kind, id);
	if (entry != NULL || (projection->missed.kind == kind && strcmp(projection->missed.id, id) == 0))
		return entry;
	entry = load(projection, kind, id);
	size_t size = strlen(id) + 1;
	if (entry == NULL && size <= sizeof(projection->missed.id)) {
		projection->missed.kind = kind;
		memcpy(projection->missed.id, id, size);
	}
	return entry;
}

static void *get(struct projection *projection, enum cache_kind kind, const char *id, struct arena *arena)
{
	const struct cached *entry = projection->failed ? NULL : find(projection, kind, id);
	if (entry == NULL || !entry->has_state)
		return NULL;
	void *state = protobuf_c_message_unpack(descriptors[kind], arena_allocator(arena), entry->size, entry->data);
	if (state == NULL) {
		projection_fail(projection, "a stored state does not decode");
		projection->corrupt = true;
	}
	return state;
}

static Roost__OwnerState *get_owner(void *context, const char *owner, struct arena *arena)
{
	return get(context, CACHE_OWNER, owner, arena);
}

static Roost__NodeState *get_node(void *context, const char *id, struct arena *arena)
{
	return get(context, CACHE_NODE, id, arena);
}

static Roost__WorkspaceState *get_workspace(void *context, const char *id, struct arena *arena)
{
	return get(context, CACHE_WORKSPACE, id, arena);
}

static Roost__SessionState *get_session(void *context, const char *id, struct arena *arena)
{
	return get(context, CACHE_SESSION, id, arena);
}

static int by_id(const void *left, const void *right)
{
	const Roost__WorkspaceState *const *a = left, *const *b = right;
	return strcmp((*a)->resource->id, (*b)->resource->id);
}

static struct workspace_states get_workspaces(void *context, const char *node_id, struct arena *arena)
{
	struct projection *projection = context;
	struct workspace_states all = {0};
	int64_t node = entities_number(projection, CACHE_NODE, node_id);
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_WORKSPACES_OF_NODE);
	sqlite3_bind_int64(stmt, 1, node);
	while (node != 0 && statement_row(projection, stmt)) {
		Roost__WorkspaceState *state = column_message(projection, stmt, 0, descriptors[CACHE_WORKSPACE], arena);
		if (state == NULL)
			break;
		all.items = array_for_one_more(arena, all.items, all.count);
		all.items[all.count++] = state;
	}
	if (all.count > 1) /* cheaper here than with the rows in SQLite's sorter */
		qsort(all.items, all.count, sizeof(Roost__WorkspaceState *), by_id);
	return all;
}

static const struct error *failure(void *context)
{
	return projection_failure(context);
}

int64_t entities_find_owner(struct projection *projection, const char *owner)
{
	return entities_number(projection, CACHE_OWNER, owner);
}

int64_t entities_number(struct projection *projection, enum cache_kind kind, const char *id)
{
	const struct cached *entry = projection->failed ? NULL : find(projection, kind, id);
	return entry == NULL ? 0 : entry->number;
}

int64_t entities_owner_of(struct projection *projection, enum cache_kind kind, const char *id)
{
	const struct cached *entry = projection->failed ? NULL : find(projection, kind, id);
	return entry == NULL ? 0 : entry->owner;
}

/* ---- writing ---- */

static sqlite3_stmt *begin_writing(struct projection *projection, const struct cached *entry, enum statement which)
{
	sqlite3_stmt *stmt = statement(projection, which);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_bytes(stmt, 2, entry->data, entry->size);
	return stmt;
}

static void write_owner(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt =
	    begin_writing(projection, entry, entry->stored ? STATEMENT_SET_OWNER : STATEMENT_MAKE_OWNER);
	if (!entry->stored)
		bind_text(stmt, 3, entry->id);
	statement_run(projection, stmt);
}

static void bind_time(sqlite3_stmt *stmt, int place, int64_t at)
{
	if (stmt != NULL && at != 0)
		sqlite3_bind_int64(stmt, place, at);
}

static void write_node(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = begin_writing(projection, entry, entry->stored ? STATEMENT_SET_NODE : STATEMENT_MAKE_NODE);
	bind_text(stmt, 3, entry->status);
	bind_time(stmt, 4, entry->ended_at);
	if (!entry->stored) {
		bind_text(stmt, 5, entry->id);
		sqlite3_bind_int64(stmt, 6, entry->owner);
	}
	statement_run(projection, stmt);
}

/* The name that the row has is free from now on. */
static bool gives_up_its_name(const struct cached *entry)
{
	return entry->stored && (entry->renamed || entry->gone);
}

static void write_workspace(struct projection *projection, const struct cached *entry)
{
	enum statement which = !entry->stored		  ? STATEMENT_MAKE_WORKSPACE
			       : gives_up_its_name(entry) ? STATEMENT_SET_WORKSPACE_NAME
							  : STATEMENT_SET_WORKSPACE;
	sqlite3_stmt *stmt = begin_writing(projection, entry, which);
	bind_text(stmt, 3, entry->status);
	sqlite3_bind_int64(stmt, 4, entry->wanted_version);
	bind_time(stmt, 5, entry->deadline_at);
	bind_time(stmt, 6, entry->ended_at);
	if (which != STATEMENT_SET_WORKSPACE)
		bind_text(stmt, 7, entry->name_key);
	if (which == STATEMENT_MAKE_WORKSPACE) {
		bind_text(stmt, 8, entry->id);
		sqlite3_bind_int64(stmt, 9, entry->owner);
		sqlite3_bind_int64(stmt, 10, entry->node);
	}
	if (statement_run_unless_taken(projection, stmt))
		return;
	/* No decision makes such a record, but if one got into the log, nothing may stop at it. */
	log_error("workspace %s has the name of another one of its node", entry->id);
	if (stmt != NULL)
		sqlite3_bind_null(stmt, 7);
	statement_run(projection, stmt);
}

static void write_session(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt =
	    begin_writing(projection, entry, entry->stored ? STATEMENT_SET_SESSION : STATEMENT_MAKE_SESSION);
	bind_text(stmt, 3, entry->status);
	sqlite3_bind_int64(stmt, 4, entry->wanted_version);
	bind_time(stmt, 5, entry->ended_at);
	if (!entry->stored) {
		bind_text(stmt, 6, entry->id);
		sqlite3_bind_int64(stmt, 7, entry->owner);
		sqlite3_bind_int64(stmt, 8, entry->node);
		sqlite3_bind_int64(stmt, 9, entry->workspace);
	}
	statement_run(projection, stmt);
}

/* Names that workspaces no longer have are freed first: another one of the same transaction, written
 * earlier, may have them now, and two may even have changed places. */
static void free_names(struct projection *projection)
{
	for (const struct cached *entry = projection->cache.first_dirty; entry != NULL; entry = entry->next_dirty) {
		if (entry->kind != CACHE_WORKSPACE || !gives_up_its_name(entry))
			continue;
		sqlite3_stmt *stmt = statement(projection, STATEMENT_FREE_NAME);
		sqlite3_bind_int64(stmt, 1, entry->number);
		statement_run(projection, stmt);
	}
}

void entities_flush(struct projection *projection)
{
	static void (*const write[CACHE_KINDS])(struct projection * projection, const struct cached *entry) = {
	    [CACHE_OWNER] = write_owner,
	    [CACHE_NODE] = write_node,
	    [CACHE_WORKSPACE] = write_workspace,
	    [CACHE_SESSION] = write_session,
	};
	struct cached *entry;
	free_names(projection);
	while ((entry = cache_take_dirty(&projection->cache)) != NULL) {
		write[entry->kind](projection, entry);
		entry->stored = true;
		entry->renamed = false;
	}
}

void entities_forget_cached(struct projection *projection)
{
	cache_clear(&projection->cache);
	projection->missed.id[0] = '\0';
}

/* A new entry with the next row number of its kind; it becomes a row with the next flush. */
static struct cached *make(struct projection *projection, enum cache_kind kind, const char *id)
{
	struct cached *entry = cache_add(&projection->cache, kind, id);
	entry->number = ++projection->last_numbers[kind];
	projection->missed.id[0] = '\0';
	cache_mark_dirty(&projection->cache, entry);
	return entry;
}

int64_t entities_owner_number(struct projection *projection, const char *owner)
{
	if (projection->failed)
		return 0;
	struct cached *entry = find(projection, CACHE_OWNER, owner);
	if (entry == NULL)
		entry = make(projection, CACHE_OWNER, owner);
	return entry->number;
}

static void put(struct projection *projection, struct cached *entry, const ProtobufCMessage *state)
{
	cache_set_state(&projection->cache, entry, state);
	cache_mark_dirty(&projection->cache, entry);
}

static void put_owner(void *context, const Roost__OwnerState *state)
{
	struct projection *projection = context;
	if (entities_owner_number(projection, state->owner) != 0)
		put(projection, cache_find(&projection->cache, CACHE_OWNER, state->owner), &state->base);
}

int64_t node_ended_ms(const Roost__NodeState *state)
{
	if (state->resource->status != ROOST__NODE__STATUS__DELETED)
		return 0;
	return state->has_status_since_at ? state->status_since_at : state->resource->updated_at;
}

static int64_t workspace_ended_ms(const Roost__WorkspaceState *state)
{
	if (state->resource->status != ROOST__WORKSPACE__STATUS__DELETED)
		return 0;
	return state->has_status_since_at ? state->status_since_at : state->resource->updated_at;
}

static void put_node(void *context, const Roost__NodeState *state)
{
	struct projection *projection = context;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_NODE, state->resource->id);
	if (entry == NULL) {
		int64_t owner = entities_owner_number(projection, state->owner);
		entry = make(projection, CACHE_NODE, state->resource->id);
		entry->owner = owner;
	}
	entry->status = node_status_word(state->resource->status);
	entry->ended_at = node_ended_ms(state);
	put(projection, entry, &state->base);
}

static void put_workspace(void *context, const Roost__WorkspaceState *state)
{
	struct projection *projection = context;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_WORKSPACE, state->resource->id);
	if (entry == NULL) {
		int64_t owner = entities_owner_number(projection, state->owner);
		int64_t node = entities_number(projection, CACHE_NODE, state->resource->node_id);
		entry = make(projection, CACHE_WORKSPACE, state->resource->id);
		entry->owner = owner;
		entry->node = node;
	}
	entry->status = workspace_status_word(state->resource->status);
	entry->gone = state->resource->status == ROOST__WORKSPACE__STATUS__DELETED;
	entry->wanted_version = (int64_t)state->wanted_version;
	entry->deadline_at = state->has_deadline_at ? state->deadline_at : 0;
	entry->ended_at = workspace_ended_ms(state);
	expiry_watch(projection, entry->ended_at);
	cache_set_name_key(entry, state->name_key);
	put(projection, entry, &state->base);
}

static void put_session(void *context, const Roost__SessionState *state)
{
	struct projection *projection = context;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_SESSION, state->resource->id);
	if (entry == NULL) {
		int64_t owner = entities_owner_number(projection, state->owner);
		int64_t node = entities_number(projection, CACHE_NODE, state->node_id);
		int64_t workspace = entities_number(projection, CACHE_WORKSPACE, state->resource->workspace_id);
		entry = make(projection, CACHE_SESSION, state->resource->id);
		entry->owner = owner;
		entry->node = node;
		entry->workspace = workspace;
	}
	entry->status = session_status_word(state->resource->status);
	entry->wanted_version = (int64_t)state->wanted_version;
	entry->ended_at = session_is_live(state->resource->status) ? 0 : state->resource->stopped_at;
	expiry_watch(projection, entry->ended_at);
	put(projection, entry, &state->base);
}

bool entities_read_numbers(struct projection *projection)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_LAST_NUMBERS);
	if (!statement_row(projection, stmt))
		return false;
	for (int kind = 0; kind < CACHE_KINDS; kind++)
		projection->last_numbers[kind] = sqlite3_column_int64(stmt, kind);
	sqlite3_reset(stmt);
	return true;
}

void entities_open(struct projection *projection)
{
	projection->entities = (struct entity_store){
	    .owner = get_owner,
	    .node = get_node,
	    .workspace = get_workspace,
	    .session = get_session,
	    .workspaces = get_workspaces,
	    .keyed = keys_get,
	    .failure = failure,
	    .context = projection,
	};
	projection->writing = projection->entities;
	projection->writing.put_owner = put_owner;
	projection->writing.put_node = put_node;
	projection->writing.put_workspace = put_workspace;
	projection->writing.put_session = put_session;
	projection->writing.put_keyed = keys_put;
	projection->writing.snapshots = &projection_snapshots;
}
