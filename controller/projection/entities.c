/* The entity store over SQLite: reads come from the cache, or fill it; writes go to the cache and are
 * written when the transaction ends or a query needs them. A new row, a new name, and what frees a name
 * are written at once, so that the unique index sees names come and go in the order of the log. */
#include "controller/projection/database.h"

#include "controller/domain/states.h"
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
	sqlite3_reset(stmt);
	return entry;
}

static struct cached *find(struct projection *projection, enum cache_kind kind, const char *id)
{
	struct cached *entry = cache_find(&projection->cache, kind, id);
	return entry != NULL ? entry : load(projection, kind, id);
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

static struct workspace_states get_workspaces(void *context, const char *node_id, struct arena *arena)
{
	enum { ROOM_AT_FIRST = 32 };
	struct projection *projection = context;
	struct workspace_states all = {0};
	size_t room = 0;
	int64_t node = entities_number(projection, CACHE_NODE, node_id);
	entities_flush(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_WORKSPACES_OF_NODE);
	sqlite3_bind_int64(stmt, 1, node);
	while (node != 0 && statement_row(projection, stmt)) {
		if (all.count == room) {
			room = room == 0 ? ROOM_AT_FIRST : room * 2;
			Roost__WorkspaceState **items = arena_array_of(arena, Roost__WorkspaceState *, room);
			for (size_t i = 0; i < all.count; i++)
				items[i] = all.items[i];
			all.items = items;
		}
		Roost__WorkspaceState *state = column_message(projection, stmt, 0, descriptors[CACHE_WORKSPACE], arena);
		if (state != NULL)
			all.items[all.count++] = state;
	}
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

static void bind_state(sqlite3_stmt *stmt, int place, const struct cached *entry)
{
	bind_bytes(stmt, place, entry->data, entry->size);
}

static void bind_workspace_columns(sqlite3_stmt *stmt, int place, const struct cached *entry)
{
	sqlite3_bind_int64(stmt, place, entry->wanted_version);
	if (entry->deadline_at != 0)
		sqlite3_bind_int64(stmt, place + 1, entry->deadline_at);
}

static void write_owner(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_OWNER);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_state(stmt, 2, entry);
	statement_run(projection, stmt);
}

static void write_node(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_NODE);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_state(stmt, 2, entry);
	bind_text(stmt, 3, entry->status);
	statement_run(projection, stmt);
}

static void write_workspace(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_WORKSPACE);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_state(stmt, 2, entry);
	bind_text(stmt, 3, entry->status);
	bind_workspace_columns(stmt, 4, entry);
	statement_run(projection, stmt);
}

static void write_workspace_name(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_WORKSPACE_NAME);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_state(stmt, 2, entry);
	bind_text(stmt, 3, entry->status);
	bind_workspace_columns(stmt, 4, entry);
	bind_text(stmt, 6, entry->name_key);
	statement_run(projection, stmt);
}

static void write_session(struct projection *projection, const struct cached *entry)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_SESSION);
	sqlite3_bind_int64(stmt, 1, entry->number);
	bind_state(stmt, 2, entry);
	bind_text(stmt, 3, entry->status);
	sqlite3_bind_int64(stmt, 4, entry->wanted_version);
	statement_run(projection, stmt);
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
	while ((entry = cache_take_dirty(&projection->cache)) != NULL)
		write[entry->kind](projection, entry);
}

/* The row that has just been made, as an entry. */
static struct cached *made(struct projection *projection, struct cached *entry, sqlite3_stmt *stmt)
{
	statement_run(projection, stmt);
	entry->number = sqlite3_last_insert_rowid(projection->db);
	return entry;
}

static struct cached *make_owner(struct projection *projection, const char *name)
{
	struct cached *entry = cache_add(&projection->cache, CACHE_OWNER, name);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_MAKE_OWNER);
	bind_text(stmt, 1, name);
	return made(projection, entry, stmt);
}

int64_t entities_owner_number(struct projection *projection, const char *owner)
{
	struct cached *entry = projection->failed ? NULL : find(projection, CACHE_OWNER, owner);
	if (entry == NULL && !projection->failed)
		entry = make_owner(projection, owner);
	return entry == NULL ? 0 : entry->number;
}

static void put_owner(void *context, const Roost__OwnerState *state)
{
	struct projection *projection = context;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_OWNER, state->owner);
	if (entry == NULL && !projection->failed)
		entry = make_owner(projection, state->owner);
	if (entry == NULL)
		return;
	cache_set_state(&projection->cache, entry, &state->base);
	cache_mark_dirty(&projection->cache, entry);
}

static void put_node(void *context, const Roost__NodeState *state)
{
	struct projection *projection = context;
	const Roost__Node *node = state->resource;
	struct cached *entry = projection->failed ? NULL : find(projection, CACHE_NODE, node->id);
	if (projection->failed)
		return;
	bool known = entry != NULL;
	int64_t owner = known ? entry->owner : entities_owner_number(projection, state->owner);
	if (!known)
		entry = cache_add(&projection->cache, CACHE_NODE, node->id);
	entry->owner = owner;
	entry->status = node_status_word(node->status);
	cache_set_state(&projection->cache, entry, &state->base);
	if (known) {
		cache_mark_dirty(&projection->cache, entry);
		return;
	}
	sqlite3_stmt *stmt = statement(projection, STATEMENT_MAKE_NODE);
	bind_text(stmt, 1, node->id);
	sqlite3_bind_int64(stmt, 2, entry->owner);
	bind_text(stmt, 3, entry->status);
	bind_state(stmt, 4, entry);
	made(projection, entry, stmt);
}

static void make_workspace(struct projection *projection, struct cached *entry, const Roost__WorkspaceState *state)
{
	cache_set_name_key(entry, state->name_key);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_MAKE_WORKSPACE);
	bind_text(stmt, 1, entry->id);
	sqlite3_bind_int64(stmt, 2, entry->owner);
	sqlite3_bind_int64(stmt, 3, entry->node);
	bind_text(stmt, 4, entry->status);
	bind_text(stmt, 5, entry->name_key);
	bind_workspace_columns(stmt, 6, entry);
	bind_state(stmt, 8, entry);
	made(projection, entry, stmt);
}

static void put_workspace(void *context, const Roost__WorkspaceState *state)
{
	struct projection *projection = context;
	const Roost__Workspace *workspace = state->resource;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_WORKSPACE, workspace->id);
	bool known = entry != NULL;
	int64_t owner = known ? entry->owner : entities_owner_number(projection, state->owner);
	int64_t node = known ? entry->node : entities_number(projection, CACHE_NODE, workspace->node_id);
	if (!known)
		entry = cache_add(&projection->cache, CACHE_WORKSPACE, workspace->id);
	entry->owner = owner;
	entry->node = node;
	entry->status = workspace_status_word(workspace->status);
	entry->wanted_version = (int64_t)state->wanted_version;
	entry->deadline_at = state->has_deadline_at ? state->deadline_at : 0;
	cache_set_state(&projection->cache, entry, &state->base);
	if (!known) {
		make_workspace(projection, entry, state);
	} else if (strcmp(entry->name_key, state->name_key) != 0 ||
		   workspace->status == ROOST__WORKSPACE__STATUS__DELETED) {
		cache_set_name_key(entry, state->name_key);
		write_workspace_name(projection, entry);
	} else {
		cache_mark_dirty(&projection->cache, entry);
	}
}

static void put_session(void *context, const Roost__SessionState *state)
{
	struct projection *projection = context;
	const Roost__AgentSession *session = state->resource;
	if (projection->failed)
		return;
	struct cached *entry = find(projection, CACHE_SESSION, session->id);
	bool known = entry != NULL;
	int64_t owner = known ? entry->owner : entities_owner_number(projection, state->owner);
	int64_t node = known ? entry->node : entities_number(projection, CACHE_NODE, state->node_id);
	int64_t workspace = known ? 0 : entities_number(projection, CACHE_WORKSPACE, session->workspace_id);
	if (!known)
		entry = cache_add(&projection->cache, CACHE_SESSION, session->id);
	entry->owner = owner;
	entry->node = node;
	entry->status = session_status_word(session->status);
	entry->wanted_version = (int64_t)state->wanted_version;
	cache_set_state(&projection->cache, entry, &state->base);
	if (known) {
		cache_mark_dirty(&projection->cache, entry);
		return;
	}
	sqlite3_stmt *stmt = statement(projection, STATEMENT_MAKE_SESSION);
	bind_text(stmt, 1, entry->id);
	sqlite3_bind_int64(stmt, 2, entry->owner);
	sqlite3_bind_int64(stmt, 3, entry->node);
	sqlite3_bind_int64(stmt, 4, workspace);
	bind_text(stmt, 5, entry->status);
	sqlite3_bind_int64(stmt, 6, entry->wanted_version);
	bind_state(stmt, 7, entry);
	made(projection, entry, stmt);
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
}
