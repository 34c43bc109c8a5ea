/* Buckets of packed entities, and lists of them by kind. */
#include "tests/simulation/store.h"

#include "controller/domain/wanted.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ProtobufCMessageDescriptor *const descriptors[ENTITY_KINDS] = {
    [ENTITY_OWNER] = &roost__owner_state__descriptor,
    [ENTITY_NODE] = &roost__node_state__descriptor,
    [ENTITY_WORKSPACE] = &roost__workspace_state__descriptor,
    [ENTITY_SESSION] = &roost__session_state__descriptor,
};

static unsigned bucket_of(enum entity_kind kind, const char *id)
{
	unsigned hash = 2166136261u + (unsigned)kind;
	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return hash % STORE_BUCKETS;
}

const struct entity *store_find(const struct store *store, enum entity_kind kind, const char *id)
{
	const struct entity *entity = store->buckets[bucket_of(kind, id)];
	while (entity != NULL && (entity->kind != kind || strcmp(entity->id, id) != 0))
		entity = entity->next_of_bucket;
	return entity;
}

static void *unpack(const struct entity *entity, struct arena *arena)
{
	return protobuf_c_message_unpack(descriptors[entity->kind], arena_allocator(arena), entity->size, entity->data);
}

static void *get(void *context, enum entity_kind kind, const char *id, struct arena *arena)
{
	const struct entity *entity = store_find(context, kind, id);
	return entity == NULL ? NULL : unpack(entity, arena);
}

static Roost__OwnerState *get_owner(void *context, const char *owner, struct arena *arena)
{
	return get(context, ENTITY_OWNER, owner, arena);
}

static Roost__NodeState *get_node(void *context, const char *id, struct arena *arena)
{
	return get(context, ENTITY_NODE, id, arena);
}

static Roost__WorkspaceState *get_workspace(void *context, const char *id, struct arena *arena)
{
	return get(context, ENTITY_WORKSPACE, id, arena);
}

static Roost__SessionState *get_session(void *context, const char *id, struct arena *arena)
{
	return get(context, ENTITY_SESSION, id, arena);
}

static int by_id(const void *left, const void *right)
{
	const Roost__WorkspaceState *const *a = left, *const *b = right;
	return strcmp((*a)->resource->id, (*b)->resource->id);
}

static struct workspace_states get_workspaces(void *context, const char *node_id, struct arena *arena)
{
	const struct store *store = context;
	struct workspace_states all = {0};
	size_t room = 0;
	for (const struct entity *entity = store->first[ENTITY_WORKSPACE]; entity != NULL; entity = entity->next)
		room++;
	all.items = arena_array_of(arena, Roost__WorkspaceState *, room + 1);
	for (const struct entity *entity = store->first[ENTITY_WORKSPACE]; entity != NULL; entity = entity->next)
		if (entity->status != ROOST__WORKSPACE__STATUS__DELETED && strcmp(entity->node_id, node_id) == 0)
			all.items[all.count++] = unpack(entity, arena);
	qsort(all.items, all.count, sizeof(*all.items), by_id);
	return all;
}

/* ---- putting ---- */

static struct entity *make(struct store *store, enum entity_kind kind, const char *id)
{
	struct entity *entity = arena_new_of(store->arena, struct entity);
	struct entity **bucket = &store->buckets[bucket_of(kind, id)];
	entity->kind = kind;
	snprintf(entity->id, sizeof(entity->id), "%s", id);
	entity->next_of_bucket = *bucket;
	*bucket = entity;
	*(store->last[kind] != NULL ? &store->last[kind]->next : &store->first[kind]) = entity;
	store->last[kind] = entity;
	return entity;
}

static struct entity *put(struct store *store, enum entity_kind kind, const char *id, const ProtobufCMessage *state,
			  struct entity *before)
{
	struct entity *entity = (struct entity *)store_find(store, kind, id);
	*before = entity != NULL ? *entity : (struct entity){.kind = kind};
	if (entity == NULL)
		entity = make(store, kind, id);
	entity->size = protobuf_c_message_get_packed_size(state);
	if (entity->size > entity->room) {
		entity->room = 2 * entity->size;
		entity->data = arena_alloc(store->arena, entity->room);
	}
	protobuf_c_message_pack(state, entity->data);
	return entity;
}

static void tell(struct store *store, const struct entity *entity, const struct entity *before)
{
	if (store->changed != NULL)
		store->changed(store->context, entity, before);
}

static void put_owner(void *context, const Roost__OwnerState *state)
{
	struct entity before;
	struct entity *entity = put(context, ENTITY_OWNER, state->owner, &state->base, &before);
	tell(context, entity, &before);
}

static void put_node(void *context, const Roost__NodeState *state)
{
	struct entity before;
	struct entity *entity = put(context, ENTITY_NODE, state->resource->id, &state->base, &before);
	entity->status = (int)state->resource->status;
	entity->wanted_version = state->wanted_version;
	tell(context, entity, &before);
}

static void put_workspace(void *context, const Roost__WorkspaceState *state)
{
	struct entity before;
	struct entity *entity = put(context, ENTITY_WORKSPACE, state->resource->id, &state->base, &before);
	snprintf(entity->node_id, sizeof(entity->node_id), "%s", state->resource->node_id);
	entity->status = (int)state->resource->status;
	entity->generation = state->resource->generation;
	entity->wanted_version = state->wanted_version;
	entity->deadline_ms = state->has_deadline_at ? state->deadline_at : 0;
	tell(context, entity, &before);
}

static void put_session(void *context, const Roost__SessionState *state)
{
	struct entity before;
	struct entity *entity = put(context, ENTITY_SESSION, state->resource->id, &state->base, &before);
	snprintf(entity->node_id, sizeof(entity->node_id), "%s", state->node_id);
	snprintf(entity->workspace_id, sizeof(entity->workspace_id), "%s", state->resource->workspace_id);
	entity->status = (int)state->resource->status;
	entity->generation = state->generation;
	entity->wanted_version = state->wanted_version;
	tell(context, entity, &before);
}

/* ---- idempotency keys ---- */

static void *copy(const ProtobufCMessage *message, struct arena *arena)
{
	if (message == NULL)
		return NULL;
	size_t size = protobuf_c_message_get_packed_size(message);
	unsigned char *data = arena_alloc(arena, size + 1);
	protobuf_c_message_pack(message, data);
	return protobuf_c_message_unpack(message->descriptor, arena_allocator(arena), size, data);
}

static struct keyed_command keyed_copy(const struct keyed_command *keyed, struct arena *arena)
{
	return (struct keyed_command){
	    .request_hash = arena_copy(arena, keyed->request_hash, 32),
	    .recorded_at_ms = keyed->recorded_at_ms,
	    .answer_id = arena_strdup(arena, keyed->answer_id),
	    .node_id = arena_strdup(arena, keyed->node_id),
	    .answer.node = copy((const ProtobufCMessage *)keyed->answer.node, arena),
	    .answer.workspace = copy((const ProtobufCMessage *)keyed->answer.workspace, arena),
	    .answer.session = copy((const ProtobufCMessage *)keyed->answer.session, arena),
	};
}

static struct keyed_entity *find_keyed(const struct store *store, const char *owner, const char *key)
{
	struct keyed_entity *entity = store->keyed;
	while (entity != NULL && (strcmp(entity->key, key) != 0 || strcmp(entity->owner, owner) != 0))
		entity = entity->next;
	return entity;
}

static struct keyed_command *get_keyed(void *context, const char *owner, const char *key, struct arena *arena)
{
	const struct keyed_entity *entity = find_keyed(context, owner, key);
	if (entity == NULL)
		return NULL;
	struct keyed_command *keyed = arena_new_of(arena, struct keyed_command);
	*keyed = keyed_copy(&entity->keyed, arena);
	return keyed;
}

static void put_keyed(void *context, const char *owner, const char *key, const struct keyed_command *keyed)
{
	struct store *store = context;
	struct keyed_entity *entity = find_keyed(store, owner, key);
	if (entity == NULL) {
		entity = arena_new_of(store->arena, struct keyed_entity);
		snprintf(entity->owner, sizeof(entity->owner), "%s", owner);
		snprintf(entity->key, sizeof(entity->key), "%s", key);
		entity->next = store->keyed;
		store->keyed = entity;
	}
	entity->keyed = keyed_copy(keyed, store->arena);
}

const struct keyed_entity *store_key_of(const struct store *store, const char *owner, const char *answer_id)
{
	const struct keyed_entity *entity = store->keyed;
	while (entity != NULL && (entity->keyed.answer_id == NULL || strcmp(entity->keyed.answer_id, answer_id) != 0 ||
				  strcmp(entity->owner, owner) != 0))
		entity = entity->next;
	return entity;
}

/* ---- the whole ---- */

struct store *store_new(struct arena *arena)
{
	struct store *store = arena_new_of(arena, struct store);
	store->arena = arena;
	store->entities = (struct entity_store){
	    .owner = get_owner,
	    .node = get_node,
	    .workspace = get_workspace,
	    .session = get_session,
	    .workspaces = get_workspaces,
	    .keyed = get_keyed,
	    .put_owner = put_owner,
	    .put_node = put_node,
	    .put_workspace = put_workspace,
	    .put_session = put_session,
	    .put_keyed = put_keyed,
	    .context = store,
	};
	return store;
}

static size_t count_keyed(const struct store *store)
{
	size_t count = 0;
	for (const struct keyed_entity *entity = store->keyed; entity != NULL; entity = entity->next)
		count++;
	return count;
}

static bool same_message(const void *left, const void *right, struct arena *arena)
{
	const ProtobufCMessage *a = left, *b = right;
	if (a == NULL || b == NULL)
		return a == b;
	size_t size = protobuf_c_message_get_packed_size(a);
	if (a->descriptor != b->descriptor || size != protobuf_c_message_get_packed_size(b))
		return false;
	unsigned char *packed = arena_alloc(arena, 2 * size + 1);
	protobuf_c_message_pack(a, packed);
	protobuf_c_message_pack(b, packed + size);
	return memcmp(packed, packed + size, size) == 0;
}

static bool same_keyed(const struct keyed_entity *left, const struct keyed_entity *right, struct arena *arena)
{
	const struct keyed_command *a = &left->keyed, *b = &right->keyed;
	return a->recorded_at_ms == b->recorded_at_ms && memcmp(a->request_hash, b->request_hash, 32) == 0 &&
	       same_message(a->answer.node, b->answer.node, arena) &&
	       same_message(a->answer.workspace, b->answer.workspace, arena) &&
	       same_message(a->answer.session, b->answer.session, arena);
}

const char *stores_differ(const struct store *left, const struct store *right, struct arena *arena)
{
	for (int kind = 0; kind < ENTITY_KINDS; kind++) {
		size_t balance = 0;
		for (const struct entity *one = left->first[kind]; one != NULL; one = one->next, balance++) {
			const struct entity *other = store_find(right, kind, one->id);
			if (other == NULL || other->size != one->size || memcmp(other->data, one->data, one->size) != 0)
				return one->id;
		}
		for (const struct entity *one = right->first[kind]; one != NULL; one = one->next, balance--)
			if (store_find(left, kind, one->id) == NULL)
				return one->id;
	}
	for (const struct keyed_entity *one = left->keyed; one != NULL; one = one->next) {
		const struct keyed_entity *other = find_keyed(right, one->owner, one->key);
		if (other == NULL || !same_keyed(one, other, arena))
			return one->key;
	}
	return count_keyed(left) == count_keyed(right) ? NULL : "a key";
}

/* ---- what the projection's queries give ---- */

const struct entity *store_next_deadline(const struct store *store)
{
	const struct entity *next = NULL;
	for (const struct entity *entity = store->first[ENTITY_WORKSPACE]; entity != NULL; entity = entity->next)
		if (entity->deadline_ms != 0 && (next == NULL || entity->deadline_ms < next->deadline_ms))
			next = entity;
	return next;
}

struct wanted_row {
	const struct entity *entity;
	char row[ID_SIZE + 1];
};

static int by_version(const void *left, const void *right)
{
	const struct wanted_row *a = left, *b = right;
	if (a->entity->wanted_version != b->entity->wanted_version)
		return a->entity->wanted_version < b->entity->wanted_version ? -1 : 1;
	return strcmp(a->row, b->row);
}

/* To an agent that holds nothing, what has ended says nothing. */
static bool is_final(const struct entity *entity)
{
	if (entity->kind == ENTITY_WORKSPACE)
		return entity->status == ROOST__WORKSPACE__STATUS__DELETED;
	return entity->status == ROOST__AGENT_SESSION__STATUS__STOPPED ||
	       entity->status == ROOST__AGENT_SESSION__STATUS__ERROR;
}

static size_t collect(const struct store *store, enum entity_kind kind, const char *node_id,
		      const struct store_cursor *cursor, struct wanted_row *rows)
{
	size_t count = 0;
	for (const struct entity *entity = store->first[kind]; entity != NULL; entity = entity->next) {
		if (entity->wanted_version < cursor->version || strcmp(entity->node_id, node_id) != 0 ||
		    (cursor->held_version == 0 && is_final(entity)))
			continue;
		struct wanted_row row = {.entity = entity};
		snprintf(row.row, sizeof(row.row), "%d%s", kind == ENTITY_SESSION, entity->id);
		const char *from = cursor->row[0] == '\0' ? "~" : cursor->row;
		if (entity->wanted_version > cursor->version || strcmp(row.row, from) > 0)
			rows[count++] = row;
	}
	return count;
}

static size_t count_of(const struct store *store, enum entity_kind kind)
{
	size_t count = 0;
	for (const struct entity *entity = store->first[kind]; entity != NULL; entity = entity->next)
		count++;
	return count;
}

void store_wanted(const struct store *store, const char *node_id, const struct store_cursor *cursor, size_t rows_max,
		  struct arena *arena, struct store_page *page)
{
	*page = (struct store_page){.to_version = cursor->held_version, .next = *cursor};
	const Roost__NodeState *node = get_node((void *)store, node_id, arena);
	if (node == NULL)
		return;
	page->to_version = node->version;
	page->log_epoch = node->log_epoch;
	if (node->wanted_version > cursor->held_version)
		page->node = wanted_node(node, arena);
	if (node->resource->status == ROOST__NODE__STATUS__DELETED)
		return;
	size_t room = count_of(store, ENTITY_WORKSPACE) + count_of(store, ENTITY_SESSION) + 1;
	struct wanted_row *rows = arena_array_of(arena, struct wanted_row, room);
	size_t count = collect(store, ENTITY_WORKSPACE, node_id, cursor, rows);
	count += collect(store, ENTITY_SESSION, node_id, cursor, rows + count);
	qsort(rows, count, sizeof(*rows), by_version);
	page->workspaces = arena_array_of(arena, Roost__WantedWorkspace *, count + 1);
	page->sessions = arena_array_of(arena, Roost__WantedSession *, count + 1);
	for (size_t i = 0; i < count; i++) {
		const struct entity *entity = rows[i].entity;
		if (i == rows_max) {
			page->more = true;
			page->to_version = entity->wanted_version - 1;
			return;
		}
		if (entity->kind == ENTITY_WORKSPACE)
			page->workspaces[page->workspace_count++] = wanted_workspace(unpack(entity, arena), arena);
		else
			page->sessions[page->session_count++] = wanted_session(unpack(entity, arena), arena);
		page->next.version = entity->wanted_version;
		snprintf(page->next.row, sizeof(page->next.row), "%s", rows[i].row);
	}
}
