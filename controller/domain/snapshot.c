/* Packing pages: items are added until the next one does not fit. And the records that carry them. */
#include "controller/domain/snapshot.h"

#include <string.h>

enum { FRAMING_BYTES = 8 }; /* tag and length of an item */

void snapshot_begin(struct snapshot_packer *packer, size_t bytes_max, struct arena *arena)
{
	*packer = (struct snapshot_packer){.arena = arena, .bytes_max = bytes_max};
	arena_message(arena, packer->page, roost__snapshot__init);
}

static bool has_room(struct snapshot_packer *packer, size_t size)
{
	if (packer->bytes > 0 && packer->bytes + size + FRAMING_BYTES > packer->bytes_max)
		return false;
	packer->bytes += size + FRAMING_BYTES;
	return true;
}

/* The array with room for one more behind its `count` items of `size` bytes. */
static void *grown(struct snapshot_packer *packer, enum snapshot_item kind, void *items, size_t count, size_t size)
{
	if (count < packer->rooms[kind])
		return items;
	size_t room = count == 0 ? 16 : count * 2;
	void *larger = arena_alloc(packer->arena, room * size);
	if (count > 0)
		memcpy(larger, items, count * size);
	packer->rooms[kind] = room;
	return larger;
}

bool snapshot_add_state(struct snapshot_packer *packer, enum snapshot_item kind, const void *data, size_t size)
{
	Roost__Snapshot *page = packer->page;
	ProtobufCBinaryData state = {.len = size, .data = (uint8_t *)data};
	if (!has_room(packer, size))
		return false;
	if (kind == SNAPSHOT_OWNER) {
		page->has_owner = true;
		page->owner = state;
	} else if (kind == SNAPSHOT_NODE) {
		page->has_node = true;
		page->node = state;
	} else if (kind == SNAPSHOT_WORKSPACE) {
		page->workspaces = grown(packer, kind, page->workspaces, page->n_workspaces, sizeof(state));
		page->workspaces[page->n_workspaces++] = state;
	} else {
		page->sessions = grown(packer, kind, page->sessions, page->n_sessions, sizeof(state));
		page->sessions[page->n_sessions++] = state;
	}
	return true;
}

bool snapshot_add_key(struct snapshot_packer *packer, Roost__Snapshot__Key *key)
{
	Roost__Snapshot *page = packer->page;
	if (!has_room(packer, protobuf_c_message_get_packed_size(&key->base)))
		return false;
	page->keys = grown(packer, SNAPSHOT_KEY, page->keys, page->n_keys, sizeof(key));
	page->keys[page->n_keys++] = key;
	return true;
}

bool snapshot_add_event(struct snapshot_packer *packer, Roost__Snapshot__Row *row)
{
	Roost__Snapshot *page = packer->page;
	if (!has_room(packer, protobuf_c_message_get_packed_size(&row->base)))
		return false;
	page->events = grown(packer, SNAPSHOT_EVENT, page->events, page->n_events, sizeof(row));
	page->events[page->n_events++] = row;
	return true;
}

const Roost__Snapshot *snapshot_of_record(const Roost__Record *record)
{
	return record->n_changes == 1 && record->changes[0]->change_case == ROOST__CHANGE__CHANGE_SNAPSHOT
		   ? record->changes[0]->snapshot
		   : NULL;
}

Roost__Record *snapshot_record(const struct decision_inputs *inputs, const char *owner, const char *node_id,
			       uint64_t version, int64_t log_ms, Roost__Snapshot *page)
{
	Roost__Record *record;
	Roost__Change *change;
	arena_message(inputs->arena, record, roost__record__init);
	arena_message(inputs->arena, change, roost__change__init);
	change->change_case = ROOST__CHANGE__CHANGE_SNAPSHOT;
	change->snapshot = page;
	record->id = inputs->record_id;
	record->owner = owner;
	record->has_kind = record->has_version = record->has_recorded_at = true;
	record->kind = node_id == NULL ? ROOST__RECORD__KIND__OWNER : ROOST__RECORD__KIND__NODE;
	record->aggregate_id = node_id == NULL ? owner : node_id;
	record->version = version;
	record->recorded_at = inputs->now_ms > log_ms ? inputs->now_ms : log_ms;
	record->cause = inputs->cause;
	record->actor = inputs->actor;
	record->changes = arena_new_of(inputs->arena, Roost__Change *);
	record->changes[record->n_changes++] = change;
	return record;
}
