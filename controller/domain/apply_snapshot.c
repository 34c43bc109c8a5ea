/* A page of a snapshot on its way into a store. What is out of order (a page that does not follow the
 * last one) voids what came before it; the log has everything still. */
#include "controller/domain/changes.h"
#include "controller/domain/snapshot.h"

#include <stdio.h>
#include <string.h>

/* Whether every record before this one has been applied. */
static bool saw_everything(const struct applying *applying)
{
	const Roost__SnapshotState *snapshot = applying->node != NULL	 ? applying->node->snapshot
					       : applying->owner != NULL ? applying->owner->snapshot
									 : NULL;
	return snapshot != NULL && !snapshot->incomplete;
}

/* False when the page follows nothing. */
static bool take_page(const struct applying *applying, const Roost__Snapshot *page, struct snapshot_progress *progress)
{
	const char *id = page->snapshot_id == NULL ? "" : page->snapshot_id;
	if (page->page == 0) {
		*progress = (struct snapshot_progress){
		    .first_seq = applying->seq,
		    .known = saw_everything(applying),
		};
		snprintf(progress->snapshot_id, sizeof(progress->snapshot_id), "%s", id);
	} else if (page->page != progress->next_page || strcmp(id, progress->snapshot_id) != 0) {
		return false;
	}
	progress->next_page = page->page + 1;
	return true;
}

static void *unpacked(const ProtobufCMessageDescriptor *descriptor, ProtobufCBinaryData packed, struct arena *arena)
{
	return protobuf_c_message_unpack(descriptor, arena_allocator(arena), packed.len, packed.data);
}

/* A roster may be spread over pages. */
static void add_owner(struct applying *applying, ProtobufCBinaryData packed)
{
	Roost__OwnerState *part = unpacked(&roost__owner_state__descriptor, packed, applying->arena);
	Roost__OwnerState *owner = applying->owner;
	if (part == NULL)
		return;
	if (owner == NULL) {
		applying->owner = part;
		return;
	}
	Roost__OwnerNodeClaimed **nodes =
	    arena_array_of(applying->arena, Roost__OwnerNodeClaimed *, owner->n_nodes + part->n_nodes);
	for (size_t i = 0; i < owner->n_nodes; i++)
		nodes[i] = owner->nodes[i];
	for (size_t i = 0; i < part->n_nodes; i++)
		nodes[owner->n_nodes + i] = part->nodes[i];
	owner->nodes = nodes;
	owner->n_nodes += part->n_nodes;
}

static void add_aggregate(struct applying *applying, const Roost__Snapshot *page)
{
	const struct entity_store *store = applying->store;
	if (page->has_owner && applying->record->kind == ROOST__RECORD__KIND__OWNER)
		add_owner(applying, page->owner);
	if (!page->has_node || applying->record->kind != ROOST__RECORD__KIND__NODE)
		return;
	Roost__NodeState *node = unpacked(&roost__node_state__descriptor, page->node, applying->arena);
	if (node == NULL || node->resource == NULL)
		return;
	applying->node = node;
	store->put_node(store->context, node); /* before anything that is on it */
}

static void add_rows(const struct applying *applying, const Roost__Snapshot *page, struct arena *arena)
{
	const struct entity_store *store = applying->store;
	const struct snapshot_store *snapshots = store->snapshots;
	for (size_t i = 0; i < page->n_workspaces; i++) {
		const Roost__WorkspaceState *workspace =
		    unpacked(&roost__workspace_state__descriptor, page->workspaces[i], arena);
		if (workspace != NULL && workspace->resource != NULL)
			store->put_workspace(store->context, workspace);
	}
	for (size_t i = 0; i < page->n_sessions; i++) {
		const Roost__SessionState *session =
		    unpacked(&roost__session_state__descriptor, page->sessions[i], arena);
		if (session != NULL && session->resource != NULL)
			store->put_session(store->context, session);
	}
	for (size_t i = 0; i < page->n_keys; i++)
		snapshots->put_key(store->context, applying->record, page->keys[i], arena);
	for (size_t i = 0; i < page->n_events; i++) {
		const Roost__Event *event = unpacked(&roost__event__descriptor, page->events[i]->event, arena);
		if (event != NULL)
			snapshots->put_event(store->context, applying->record, page->events[i]->place, event, arena);
	}
}

static void replace(struct applying *applying, uint32_t kept, const Roost__Snapshot *last)
{
	const struct entity_store *store = applying->store;
	store->snapshots->forget(store->context, applying->record);
	applying->owner = NULL;
	applying->node = NULL;
	for (uint32_t number = 0; number <= kept; number++) {
		struct arena *arena = arena_new(); /* a full node's pages are many */
		const Roost__Snapshot *page =
		    number == kept ? last : store->snapshots->page(store->context, applying->record, number, arena);
		if (page != NULL) {
			add_aggregate(applying, page);
			add_rows(applying, page, arena);
		}
		arena_free(arena);
	}
}

static void note(struct applying *applying, const struct snapshot_progress *progress)
{
	Roost__SnapshotState *snapshot;
	arena_message(applying->arena, snapshot, roost__snapshot_state__init);
	snapshot->has_first_seq = snapshot->has_taken_at = snapshot->has_records_since = snapshot->has_pages = true;
	snapshot->first_seq = progress->first_seq;
	snapshot->taken_at = applying->record->recorded_at;
	snapshot->pages = progress->next_page;
	if (applying->node != NULL)
		applying->node->snapshot = snapshot;
	if (applying->owner != NULL)
		applying->owner->snapshot = snapshot;
}

bool apply_snapshot(struct applying *applying, const Roost__Change *change)
{
	const Roost__Snapshot *page = change->snapshot;
	const struct entity_store *store = applying->store;
	const struct snapshot_store *snapshots = store->snapshots;
	if (snapshots == NULL)
		return true;
	struct snapshot_progress progress = snapshots->progress(store->context, applying->record);
	if (!take_page(applying, page, &progress)) {
		snapshots->drop(store->context, applying->record);
		return false;
	}
	if (!page->last) {
		snapshots->keep(store->context, applying->record, &progress, progress.known ? NULL : page);
		return true;
	}
	if (!progress.known)
		replace(applying, page->page, page);
	snapshots->drop(store->context, applying->record);
	note(applying, &progress);
	return true;
}
