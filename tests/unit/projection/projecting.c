/* The helpers of the projection's tests. */
#include "tests/unit/projection/projecting.h"

#include "tests/unit/cmocka_all.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *make_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *folder;
	assert_true(asprintf(&folder, "%s/roost-projection-XXXXXX", base == NULL ? "/tmp" : base) > 0);
	assert_non_null(mkdtemp(folder));
	return folder;
}

void remove_folder(char *folder)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (entries != NULL)
		closedir(entries);
	rmdir(folder);
	free(folder);
}

struct projection *open_in(const char *folder, const char *name)
{
	char path[4096];
	struct error error = {0};
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	struct projection *projection = projection_open(path, &LIFETIMES, &error);
	if (projection == NULL)
		fail_msg("%s", error.message);
	return projection;
}

struct subject subject_of(const struct logged *logged, struct arena *arena)
{
	const Roost__Record *record = (const Roost__Record *)protobuf_c_message_unpack(
	    &roost__record__descriptor, arena_allocator(arena), logged->size, logged->data);
	if (record == NULL || record->owner == NULL || record->aggregate_id == NULL)
		return subject_event("alice", "node", "x");
	return subject_event(record->owner, record->kind == ROOST__RECORD__KIND__NODE ? "node" : "owner",
			     record->aggregate_id);
}

void feed(struct projection *projection, const struct world *world, size_t from, size_t to)
{
	struct projection_store store = projection_runner_store(projection);
	struct projection_position position = {.log_id = "01J00000000000000000000000", .log_epoch = 1};
	struct error error = {0};
	struct arena *arena = arena_new();
	assert_true(store.begin(store.context, &error));
	for (size_t i = from; i < to; i++) {
		const struct logged *logged = &world->log[i];
		const struct subject subject = subject_of(logged, arena);
		struct stored_record record = {.seq = logged->seq,
					       .subject = subject.text,
					       .record_id = logged->record_id,
					       .data = {logged->data, logged->size}};
		if (!store.apply(store.context, &record, &error))
			fail_msg("%s", error.message);
		position.applied_seq = logged->seq;
		memcpy(position.record_id, logged->record_id, sizeof(position.record_id));
	}
	arena_free(arena);
	if (!store.commit(store.context, &position, &error))
		fail_msg("%s", error.message);
}

struct collected {
	struct arena *arena;
	unsigned char *data;
	size_t size, room;
};

static void collect(struct collected *collected, const void *data, size_t size)
{
	if (collected->size + size > collected->room) {
		size_t room = (collected->size + size) * 2 + 4096;
		unsigned char *larger = arena_alloc(collected->arena, room);
		if (collected->size > 0)
			memcpy(larger, collected->data, collected->size);
		collected->data = larger;
		collected->room = room;
	}
	if (size > 0)
		memcpy(collected->data + collected->size, data, size);
	collected->size += size;
}

static void collect_text(struct collected *collected, const char *text)
{
	collect(collected, text == NULL ? "-" : text, text == NULL ? 1 : strlen(text));
}

static void collect_message(struct collected *collected, const ProtobufCMessage *message)
{
	if (message == NULL)
		return;
	struct bytes packed = message_pack(message, collected->arena);
	collect(collected, packed.data, packed.size);
}

static void collect_events(struct collected *collected, struct projection *projection, const char *owner,
			   struct event_filter filter)
{
	struct error error = {0};
	for (int ascending = 0; ascending < 2; ascending++) {
		const char *cursor = NULL;
		struct event_page page;
		filter.ascending = ascending;
		do {
			assert_true(projection_list_events(projection, owner, &filter, 7, cursor, collected->arena,
							   &page, &error));
			for (size_t i = 0; i < page.count; i++)
				collect_message(collected, &page.items[i]->base);
			collect_text(collected, page.next_cursor);
			cursor = page.next_cursor;
		} while (cursor != NULL && page.count > 0);
	}
}

static void collect_wanted(struct collected *collected, struct projection *projection, const char *node, uint64_t held)
{
	struct error error = {0};
	struct wanted_page page = {.next = {.held_version = held, .version = held}};
	do {
		struct wanted_cursor cursor = page.next;
		assert_true(projection_wanted(projection, node, &cursor, 500, collected->arena, &page, &error));
		for (size_t i = 0; i < page.workspace_count; i++)
			collect_message(collected, &page.workspaces[i]->base);
		for (size_t i = 0; i < page.session_count; i++)
			collect_message(collected, &page.sessions[i]->base);
		collect(collected, &page.to_version, sizeof(page.to_version));
	} while (page.more);
}

static void collect_node(struct collected *collected, struct projection *projection, const char *owner,
			 const Roost__NodeState *node)
{
	struct error error = {0};
	struct workspace_page page;
	const char *id = node->resource->id, *cursor = NULL;
	const struct workspace_filter of_node = {.node_id = id};
	collect_message(collected, &projection_node(projection, owner, id, collected->arena, &error)->base);
	do {
		assert_true(projection_list_workspaces(projection, owner, &of_node, 2, cursor, collected->arena, &page,
						       &error));
		for (size_t i = 0; i < page.count; i++)
			collect_message(collected, &page.items[i]->base);
		cursor = page.next_cursor;
	} while (cursor != NULL);
	collect_events(collected, projection, owner, (struct event_filter){.node_id = id});
	for (uint64_t held = 0; held < node->version; held += 5)
		collect_wanted(collected, projection, id, held);
}

static void collect_workspaces(struct collected *collected, struct projection *projection, const char *owner)
{
	struct error error = {0};
	struct workspace_page page;
	const char *cursor = NULL;
	const struct workspace_filter any = {0};
	do {
		assert_true(
		    projection_list_workspaces(projection, owner, &any, 3, cursor, collected->arena, &page, &error));
		for (size_t i = 0; i < page.count; i++) {
			const char *id = page.items[i]->resource->id;
			struct session_page sessions;
			collect_message(collected, &page.items[i]->base);
			collect_message(collected,
					&projection_workspace(projection, owner, id, collected->arena, &error)->base);
			assert_true(projection_list_sessions(projection, owner, id, 500, NULL, collected->arena,
							     &sessions, &error));
			for (size_t j = 0; j < sessions.count; j++)
				collect_message(collected, &sessions.items[j]->base);
			collect_events(collected, projection, owner, (struct event_filter){.workspace_id = id});
		}
		cursor = page.next_cursor;
	} while (cursor != NULL);
}

static void collect_sessions(struct collected *collected, struct projection *projection, const char *owner)
{
	struct error error = {0};
	struct session_page page;
	const char *cursor = NULL;
	do {
		assert_true(
		    projection_list_sessions(projection, owner, NULL, 4, cursor, collected->arena, &page, &error));
		for (size_t i = 0; i < page.count; i++) {
			collect_message(collected, &page.items[i]->base);
			collect_events(collected, projection, owner,
				       (struct event_filter){.session_id = page.items[i]->resource->id});
		}
		cursor = page.next_cursor;
	} while (cursor != NULL);
}

static void collect_keys(struct collected *collected, struct projection *projection, const char *owner)
{
	const struct entity_store *store = projection_entities(projection);
	for (int i = 0; i < 64; i++) {
		char key[16];
		snprintf(key, sizeof(key), "key-%d", i);
		const struct keyed_command *keyed = store->keyed(store->context, owner, key, collected->arena);
		if (keyed == NULL)
			continue;
		collect(collected, keyed->request_hash, 32);
		collect_text(collected, keyed->answer_id);
		collect_text(collected, keyed->node_id);
		collect_message(collected, (const ProtobufCMessage *)keyed->answer.node);
		collect_message(collected, (const ProtobufCMessage *)keyed->answer.workspace);
		collect_message(collected, (const ProtobufCMessage *)keyed->answer.session);
	}
}

static void collect_answers(struct collected *collected, struct projection *projection, const char *owner)
{
	struct arena *arena = collected->arena;
	struct error error = {0};
	struct node_page nodes;
	struct next_deadline deadline;
	assert_true(projection_list_nodes(projection, owner, 500, NULL, arena, &nodes, &error));
	for (size_t i = 0; i < nodes.count; i++)
		collect_node(collected, projection, owner, nodes.items[i]);
	collect_workspaces(collected, projection, owner);
	collect_sessions(collected, projection, owner);
	collect_events(collected, projection, owner, (struct event_filter){0});
	collect_keys(collected, projection, owner);
	assert_true(projection_next_deadline(projection, arena, &deadline, &error));
	collect_text(collected, deadline.workspace_id);
}

static void collect_counts(struct collected *collected, struct projection *projection, bool of_records)
{
	struct projection_counts counts;
	struct error error = {0};
	assert_true(projection_counts(projection, &counts, &error));
	if (!of_records)
		counts.records = counts.undecodable = counts.skipped = 0;
	collect(collected, &counts, sizeof(counts));
}

struct bytes answers(struct projection *projection, const char *owner, struct arena *arena)
{
	struct collected collected = {.arena = arena};
	collect_answers(&collected, projection, owner);
	collect_counts(&collected, projection, false);
	return (struct bytes){collected.data, collected.size};
}

struct bytes everything(struct projection *projection, const char *owner, struct arena *arena)
{
	struct collected collected = {.arena = arena};
	collect_answers(&collected, projection, owner);
	collect_counts(&collected, projection, true);
	return (struct bytes){collected.data, collected.size};
}
