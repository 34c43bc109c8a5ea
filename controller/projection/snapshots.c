/* Snapshots in the projection: pages are made of its rows, kept until the last one has come, and take the
 * place of its rows. The rules are in controller/domain/snapshot.h. */
#include "controller/projection/database.h"

#include "bus/wire/message.h"
#include "controller/domain/snapshot.h"
#include <stdio.h>
#include <string.h>

/* ---- pages that wait ---- */

static sqlite3_stmt *of_aggregate(struct projection *projection, enum statement which, const Roost__Record *of)
{
	sqlite3_stmt *stmt = statement(projection, which);
	if (stmt == NULL)
		return NULL;
	sqlite3_bind_int(stmt, 1, (int)of->kind);
	bind_text(stmt, 2, of->aggregate_id);
	return stmt;
}

static struct snapshot_progress get_progress(void *context, const Roost__Record *of)
{
	struct projection *projection = context;
	struct snapshot_progress progress = {0};
	sqlite3_stmt *stmt = projection->pages == 0 ? NULL : of_aggregate(projection, STATEMENT_LAST_PAGE, of);
	if (stmt == NULL || !statement_row(projection, stmt))
		return progress;
	progress.next_page = (uint32_t)sqlite3_column_int64(stmt, 0) + 1;
	snprintf(progress.snapshot_id, sizeof(progress.snapshot_id), "%s", (const char *)sqlite3_column_text(stmt, 1));
	progress.first_seq = (uint64_t)sqlite3_column_int64(stmt, 2);
	progress.known = sqlite3_column_int(stmt, 3) != 0;
	sqlite3_reset(stmt);
	return progress;
}

static void drop_pages(void *context, const Roost__Record *of)
{
	struct projection *projection = context;
	if (projection->pages == 0)
		return;
	statement_run(projection, of_aggregate(projection, STATEMENT_DROP_PAGES, of));
	if (!projection->failed)
		projection->pages -= sqlite3_changes(projection->db);
}

static void keep_page(void *context, const Roost__Record *of, const struct snapshot_progress *progress,
		      const Roost__Snapshot *page)
{
	struct projection *projection = context;
	if (progress->next_page == 1)
		drop_pages(projection, of); /* of one that was begun before */
	struct bytes data = page == NULL ? (struct bytes){(const unsigned char *)"", 0}
					 : message_pack(&page->base, projection->scratch);
	sqlite3_stmt *stmt = of_aggregate(projection, STATEMENT_KEEP_PAGE, of);
	if (stmt == NULL)
		return;
	sqlite3_bind_int64(stmt, 3, progress->next_page - 1);
	bind_text(stmt, 4, progress->snapshot_id);
	sqlite3_bind_int64(stmt, 5, (int64_t)progress->first_seq);
	sqlite3_bind_int(stmt, 6, progress->known);
	bind_bytes(stmt, 7, data.data, data.size);
	statement_run(projection, stmt);
	projection->pages++;
}

static Roost__Snapshot *get_page(void *context, const Roost__Record *of, uint32_t number, struct arena *arena)
{
	struct projection *projection = context;
	sqlite3_stmt *stmt = of_aggregate(projection, STATEMENT_LOAD_PAGE, of);
	if (stmt == NULL)
		return NULL;
	sqlite3_bind_int64(stmt, 3, number);
	if (!statement_row(projection, stmt))
		return NULL;
	Roost__Snapshot *page = column_message(projection, stmt, 0, &roost__snapshot__descriptor, arena);
	sqlite3_reset(stmt);
	return page;
}

/* ---- taking the place of rows ---- */

static void forget(void *context, const Roost__Record *of)
{
	struct projection *projection = context;
	int64_t owner = entities_owner_number(projection, of->owner), node = 0;
	if (of->kind == ROOST__RECORD__KIND__NODE &&
	    (node = entities_number(projection, CACHE_NODE, of->aggregate_id)) == 0)
		return;
	entities_flush(projection);
	statement_run_with(projection, STATEMENT_EMPTY_KEYS, owner, node);
	if (node == 0) {
		statement_run_with(projection, STATEMENT_EMPTY_EVENTS_OF_OWNER, owner, 0);
		return;
	}
	statement_run_with(projection, STATEMENT_EMPTY_WORKSPACES, node, 0);
	statement_run_with(projection, STATEMENT_EMPTY_SESSIONS, node, 0);
	statement_run_with(projection, STATEMENT_EMPTY_EVENTS_OF_NODE, node, 0);
	entities_forget_cached(projection);
}

static void *unpacked(const ProtobufCMessageDescriptor *descriptor, bool present, ProtobufCBinaryData packed,
		      struct arena *arena)
{
	return present ? protobuf_c_message_unpack(descriptor, arena_allocator(arena), packed.len, packed.data) : NULL;
}

static void put_key(void *context, const Roost__Record *of, const Roost__Snapshot__Key *key, struct arena *arena)
{
	struct projection *projection = context;
	if (key->key == NULL || !key->has_request_hash || key->request_hash.len != 32 ||
	    key->recorded_at < keys_floor(projection))
		return;
	const struct keyed_command keyed = {
	    .request_hash = key->request_hash.data,
	    .recorded_at_ms = key->recorded_at,
	    .answer_id = key->answer_id,
	    .node_id = key->node_id,
	    .of_node = of->kind == ROOST__RECORD__KIND__NODE ? of->aggregate_id : NULL,
	    .answer.node = unpacked(&roost__node__descriptor, key->has_node, key->node, arena),
	    .answer.workspace = unpacked(&roost__workspace__descriptor, key->has_workspace, key->workspace, arena),
	    .answer.session = unpacked(&roost__agent_session__descriptor, key->has_session, key->session, arena),
	};
	const struct keyed_command *held = keys_get(projection, of->owner, key->key, arena);
	bool answers = key->has_node || key->has_workspace || key->has_session;
	if (answers || held == NULL ||
	    (held->answer.node == NULL && held->answer.workspace == NULL && held->answer.session == NULL))
		keys_put_in(projection, of->owner, key->key, &keyed, arena);
}

static void put_event(void *context, const Roost__Record *of, uint64_t place, const Roost__Event *event,
		      struct arena *arena)
{
	struct projection *projection = context;
	if (event->created_at >= events_floor(projection))
		events_put(projection, of, (int64_t)place, event, arena);
}

const struct snapshot_store projection_snapshots = {
    .progress = get_progress,
    .keep = keep_page,
    .page = get_page,
    .drop = drop_pages,
    .forget = forget,
    .put_key = put_key,
    .put_event = put_event,
};

void snapshots_read_pages(struct projection *projection)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_COUNT_PAGES);
	projection->pages = 0;
	if (stmt == NULL || !statement_row(projection, stmt))
		return;
	projection->pages = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
}
