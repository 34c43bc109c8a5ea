/* An overlay keeps what is put packed, in lists by kind; it lives for one decision or one test, so a
 * walk over a list is all the index there is. */
#include "controller/domain/overlay.h"

#include <stdlib.h>
#include <string.h>

enum kind { OWNER, NODE, WORKSPACE, SESSION, KINDS };

static const ProtobufCMessageDescriptor *const descriptors[KINDS] = {
    &roost__owner_state__descriptor,
    &roost__node_state__descriptor,
    &roost__workspace_state__descriptor,
    &roost__session_state__descriptor,
};

struct entry {
	struct entry *next;
	const char *id;
	const char *node_id; /* of a workspace */
	bool deleted;	     /* workspaces */
	unsigned char *data;
	size_t size;
};

struct keyed_entry {
	struct keyed_entry *next;
	const char *owner, *key;
	struct keyed_command keyed;
};

struct overlay {
	struct entity_store store;
	const struct entity_store *base;
	struct arena *arena;
	struct entry *entries[KINDS];
	struct keyed_entry *keyed;
};

static struct entry *find(const struct overlay *overlay, enum kind kind, const char *id)
{
	struct entry *entry = overlay->entries[kind];
	while (entry != NULL && strcmp(entry->id, id) != 0)
		entry = entry->next;
	return entry;
}

static void *unpack(enum kind kind, const struct entry *entry, struct arena *arena)
{
	return protobuf_c_message_unpack(descriptors[kind], arena_allocator(arena), entry->size, entry->data);
}

static struct entry *put(struct overlay *overlay, enum kind kind, const char *id, const ProtobufCMessage *state)
{
	struct entry *entry = find(overlay, kind, id);
	if (entry == NULL) {
		entry = arena_new_of(overlay->arena, struct entry);
		entry->id = arena_strdup(overlay->arena, id);
		entry->next = overlay->entries[kind];
		overlay->entries[kind] = entry;
	}
	entry->size = protobuf_c_message_get_packed_size(state);
	entry->data = arena_alloc(overlay->arena, entry->size + 1);
	protobuf_c_message_pack(state, entry->data);
	return entry;
}

static Roost__OwnerState *get_owner(void *context, const char *owner, struct arena *arena)
{
	const struct overlay *overlay = context;
	const struct entry *entry = find(overlay, OWNER, owner);
	if (entry != NULL)
		return unpack(OWNER, entry, arena);
	return overlay->base == NULL ? NULL : overlay->base->owner(overlay->base->context, owner, arena);
}

static Roost__NodeState *get_node(void *context, const char *id, struct arena *arena)
{
	const struct overlay *overlay = context;
	const struct entry *entry = find(overlay, NODE, id);
	if (entry != NULL)
		return unpack(NODE, entry, arena);
	return overlay->base == NULL ? NULL : overlay->base->node(overlay->base->context, id, arena);
}

static Roost__WorkspaceState *get_workspace(void *context, const char *id, struct arena *arena)
{
	const struct overlay *overlay = context;
	const struct entry *entry = find(overlay, WORKSPACE, id);
	if (entry != NULL)
		return unpack(WORKSPACE, entry, arena);
	return overlay->base == NULL ? NULL : overlay->base->workspace(overlay->base->context, id, arena);
}

static Roost__SessionState *get_session(void *context, const char *id, struct arena *arena)
{
	const struct overlay *overlay = context;
	const struct entry *entry = find(overlay, SESSION, id);
	if (entry != NULL)
		return unpack(SESSION, entry, arena);
	return overlay->base == NULL ? NULL : overlay->base->session(overlay->base->context, id, arena);
}

static int by_id(const void *left, const void *right)
{
	const Roost__WorkspaceState *const *a = left, *const *b = right;
	return strcmp((*a)->resource->id, (*b)->resource->id);
}

static struct workspace_states get_workspaces(void *context, const char *node_id, struct arena *arena)
{
	const struct overlay *overlay = context;
	struct workspace_states below = {0};
	if (overlay->base != NULL)
		below = overlay->base->workspaces(overlay->base->context, node_id, arena);
	size_t own = 0;
	for (const struct entry *entry = overlay->entries[WORKSPACE]; entry != NULL; entry = entry->next)
		own++;
	if (own == 0)
		return below;
	struct workspace_states all = {.items = arena_array_of(arena, Roost__WorkspaceState *, below.count + own)};
	for (size_t i = 0; i < below.count; i++)
		if (find(overlay, WORKSPACE, below.items[i]->resource->id) == NULL)
			all.items[all.count++] = below.items[i];
	for (const struct entry *entry = overlay->entries[WORKSPACE]; entry != NULL; entry = entry->next)
		if (!entry->deleted && strcmp(entry->node_id, node_id) == 0)
			all.items[all.count++] = unpack(WORKSPACE, entry, arena);
	qsort(all.items, all.count, sizeof(Roost__WorkspaceState *), by_id);
	return all;
}

static void put_owner(void *context, const Roost__OwnerState *state)
{
	put(context, OWNER, state->owner, &state->base);
}

static void put_node(void *context, const Roost__NodeState *state)
{
	put(context, NODE, state->resource->id, &state->base);
}

static void put_workspace(void *context, const Roost__WorkspaceState *state)
{
	struct overlay *overlay = context;
	struct entry *entry = put(overlay, WORKSPACE, state->resource->id, &state->base);
	entry->node_id = arena_strdup(overlay->arena, state->resource->node_id);
	entry->deleted = state->resource->status == ROOST__WORKSPACE__STATUS__DELETED;
}

static void put_session(void *context, const Roost__SessionState *state)
{
	put(context, SESSION, state->resource->id, &state->base);
}

static const ProtobufCMessage *copy(const ProtobufCMessage *message, struct arena *arena)
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
	const struct answer *answer = &keyed->answer;
	return (struct keyed_command){
	    .request_hash = arena_copy(arena, keyed->request_hash, 32),
	    .recorded_at_ms = keyed->recorded_at_ms,
	    .answer_id = arena_strdup(arena, keyed->answer_id),
	    .node_id = arena_strdup(arena, keyed->node_id),
	    .answer.node = (Roost__Node *)copy((const ProtobufCMessage *)answer->node, arena),
	    .answer.workspace = (Roost__Workspace *)copy((const ProtobufCMessage *)answer->workspace, arena),
	    .answer.session = (Roost__AgentSession *)copy((const ProtobufCMessage *)answer->session, arena),
	};
}

static struct keyed_command *get_keyed(void *context, const char *owner, const char *key, struct arena *arena)
{
	const struct overlay *overlay = context;
	for (const struct keyed_entry *entry = overlay->keyed; entry != NULL; entry = entry->next) {
		if (strcmp(entry->owner, owner) != 0 || strcmp(entry->key, key) != 0)
			continue;
		struct keyed_command *keyed = arena_new_of(arena, struct keyed_command);
		*keyed = keyed_copy(&entry->keyed, arena);
		return keyed;
	}
	return overlay->base == NULL ? NULL : overlay->base->keyed(overlay->base->context, owner, key, arena);
}

/* The newest is found first. */
static void put_keyed(void *context, const char *owner, const char *key, const struct keyed_command *keyed)
{
	struct overlay *overlay = context;
	struct keyed_entry *entry = arena_new_of(overlay->arena, struct keyed_entry);
	entry->owner = arena_strdup(overlay->arena, owner);
	entry->key = arena_strdup(overlay->arena, key);
	entry->keyed = keyed_copy(keyed, overlay->arena);
	entry->next = overlay->keyed;
	overlay->keyed = entry;
}

static const struct error *failure(void *context)
{
	const struct overlay *overlay = context;
	if (overlay->base == NULL || overlay->base->failure == NULL)
		return NULL;
	return overlay->base->failure(overlay->base->context);
}

struct entity_store *overlay_new(const struct entity_store *base, struct arena *arena)
{
	struct overlay *overlay = arena_new_of(arena, struct overlay);
	overlay->base = base;
	overlay->arena = arena;
	overlay->store = (struct entity_store){
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
	    .failure = failure,
	    .context = overlay,
	};
	return &overlay->store;
}
