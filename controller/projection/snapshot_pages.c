/* A snapshot's pages out of the rows, one after the other: the aggregate itself, its workspaces, sessions,
 * keys and events. Where a page ends the cursor knows what comes next; between two pages nothing of the
 * aggregate may change. */
#include "controller/projection/database.h"

#include "bus/wire/message.h"
#include "controller/domain/snapshot.h"
#include <stdio.h>
#include <string.h>

enum { ROSTER_PER_PAGE = 500 };

struct making {
	struct projection *projection;
	struct snapshot_packer packer;
	struct snapshot_cursor *cursor;
	const char *owner, *node_id;
	int64_t owner_number, node;
};

/* Each section gives true when all of it is in the pages. */
typedef bool section(struct making *making);

static bool add_node(struct making *making)
{
	const struct entity_store *store = &making->projection->entities;
	const Roost__NodeState *node = store->node(store->context, making->node_id, making->packer.arena);
	if (node == NULL)
		return true;
	struct bytes packed = message_pack(&node->base, making->packer.arena);
	return snapshot_add_state(&making->packer, SNAPSHOT_NODE, packed.data, packed.size);
}

/* The roster in parts: it may be larger than a page. */
static bool add_owner(struct making *making)
{
	const struct entity_store *store = &making->projection->entities;
	Roost__OwnerState *owner = store->owner(store->context, making->owner, making->packer.arena);
	if (owner == NULL)
		return true;
	size_t from = (size_t)making->cursor->number, all = owner->n_nodes;
	size_t count = all - from > ROSTER_PER_PAGE ? ROSTER_PER_PAGE : all - from;
	owner->nodes += from;
	owner->n_nodes = count;
	struct bytes packed = message_pack(&owner->base, making->packer.arena);
	if (making->packer.page->has_owner ||
	    !snapshot_add_state(&making->packer, SNAPSHOT_OWNER, packed.data, packed.size))
		return false;
	making->cursor->number += (int64_t)count;
	return from + count == all;
}

/* Rows of (number, state). */
static bool add_states(struct making *making, enum statement which, enum snapshot_item kind)
{
	struct projection *projection = making->projection;
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL)
		return true;
	sqlite3_bind_int64(stmt, 1, making->node);
	sqlite3_bind_int64(stmt, 2, making->cursor->number);
	bool room = true;
	while (room && statement_row(projection, stmt)) {
		size_t size = (size_t)sqlite3_column_bytes(stmt, 1);
		const void *data = arena_copy(making->packer.arena, sqlite3_column_blob(stmt, 1), size);
		room = snapshot_add_state(&making->packer, kind, data, size);
		if (room)
			making->cursor->number = sqlite3_column_int64(stmt, 0);
	}
	sqlite3_reset(stmt);
	return room;
}

static bool add_workspaces(struct making *making)
{
	return add_states(making, STATEMENT_SNAPSHOT_WORKSPACES, SNAPSHOT_WORKSPACE);
}

static bool add_sessions(struct making *making)
{
	return add_states(making, STATEMENT_SNAPSHOT_SESSIONS, SNAPSHOT_SESSION);
}

static ProtobufCBinaryData column_bytes(sqlite3_stmt *stmt, int column, struct arena *arena)
{
	size_t size = (size_t)sqlite3_column_bytes(stmt, column);
	return (ProtobufCBinaryData){.len = size, .data = arena_copy(arena, sqlite3_column_blob(stmt, column), size)};
}

static Roost__Snapshot__Key *column_key(sqlite3_stmt *stmt, struct arena *arena)
{
	Roost__Snapshot__Key *key;
	arena_message(arena, key, roost__snapshot__key__init);
	key->key = column_text(stmt, 0, arena);
	key->has_request_hash = key->has_recorded_at = true;
	key->request_hash = column_bytes(stmt, 1, arena);
	key->recorded_at = sqlite3_column_int64(stmt, 2);
	key->answer_id = column_text(stmt, 3, arena);
	key->node_id = column_text(stmt, 4, arena);
	int kind = sqlite3_column_int(stmt, 5);
	ProtobufCBinaryData answer = kind == ANSWER_NONE ? (ProtobufCBinaryData){0} : column_bytes(stmt, 6, arena);
	key->has_node = kind == ANSWER_NODE;
	key->has_workspace = kind == ANSWER_WORKSPACE;
	key->has_session = kind == ANSWER_SESSION;
	*(key->has_node ? &key->node : key->has_workspace ? &key->workspace : &key->session) = answer;
	return key;
}

static bool add_keys(struct making *making)
{
	struct projection *projection = making->projection;
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SNAPSHOT_KEYS);
	if (stmt == NULL)
		return true;
	sqlite3_bind_int64(stmt, 1, making->owner_number);
	sqlite3_bind_int64(stmt, 2, making->node);
	char after[sizeof(making->cursor->key)];
	memcpy(after, making->cursor->key, sizeof(after));
	bind_text(stmt, 3, after);
	sqlite3_bind_int64(stmt, 4, keys_floor(projection));
	bool room = true;
	while (room && statement_row(projection, stmt)) {
		Roost__Snapshot__Key *key = column_key(stmt, making->packer.arena);
		room = snapshot_add_key(&making->packer, key);
		if (room)
			snprintf(making->cursor->key, sizeof(making->cursor->key), "%s", key->key);
	}
	sqlite3_reset(stmt);
	return room;
}

static bool add_events(struct making *making)
{
	struct projection *projection = making->projection;
	struct arena *arena = making->packer.arena;
	sqlite3_stmt *stmt = statement(projection, making->node_id == NULL ? STATEMENT_SNAPSHOT_EVENTS_OF_OWNER
									   : STATEMENT_SNAPSHOT_EVENTS_OF_NODE);
	if (stmt == NULL)
		return true;
	sqlite3_bind_int64(stmt, 1, making->node_id == NULL ? making->owner_number : making->node);
	sqlite3_bind_int64(stmt, 2, making->cursor->number);
	sqlite3_bind_int64(stmt, 3, events_floor(projection));
	bool room = true;
	while (room && statement_row(projection, stmt)) {
		Roost__Snapshot__Row *row;
		arena_message(arena, row, roost__snapshot__row__init);
		row->has_place = row->has_event = true;
		row->place = (uint64_t)sqlite3_column_int64(stmt, 0);
		row->event = column_bytes(stmt, 1, arena);
		room = snapshot_add_event(&making->packer, row);
		if (room)
			making->cursor->number = (int64_t)row->place;
	}
	sqlite3_reset(stmt);
	return room;
}

Roost__Snapshot *projection_snapshot_page(struct projection *projection, const char *owner, const char *node_id,
					  struct snapshot_cursor *cursor, size_t bytes_max, struct arena *arena,
					  struct error *error)
{
	static section *const of_node[] = {add_node, add_workspaces, add_sessions, add_keys, add_events, NULL};
	static section *const of_owner[] = {add_owner, add_keys, add_events, NULL};
	section *const *sections = node_id == NULL ? of_owner : of_node;
	struct making making = {.projection = projection, .cursor = cursor, .owner = owner, .node_id = node_id};
	making.owner_number = entities_find_owner(projection, owner);
	making.node = node_id == NULL ? 0 : entities_number(projection, CACHE_NODE, node_id);
	entities_flush(projection);
	snapshot_begin(&making.packer, bytes_max, arena);
	while (sections[cursor->section] != NULL && sections[cursor->section](&making)) {
		cursor->section++;
		cursor->number = 0;
	}
	making.packer.page->has_last = true;
	making.packer.page->last = sections[cursor->section] == NULL;
	return projection_sound(projection, error) ? making.packer.page : NULL;
}
