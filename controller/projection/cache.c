/* A chained hash table. It grows with what is put into it and is emptied as a whole. */
#include "controller/projection/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_AT_FIRST = 1024, BYTES_KEPT = 8 * 1024 * 1024 };

static void *must(void *memory)
{
	if (memory == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return memory;
}

/* FNV-1a. */
static size_t hash(enum cache_kind kind, const char *id)
{
	uint64_t value = 14695981039346656037u ^ (uint64_t)kind;
	for (; *id != '\0'; id++)
		value = (value ^ (unsigned char)*id) * 1099511628211u;
	return (size_t)(value ^ value >> 32);
}

struct cached *cache_find(const struct cache *cache, enum cache_kind kind, const char *id)
{
	if (cache->bucket_count == 0)
		return NULL;
	struct cached *entry = cache->buckets[hash(kind, id) & (cache->bucket_count - 1)];
	while (entry != NULL && (entry->kind != kind || strcmp(entry->id, id) != 0))
		entry = entry->next;
	return entry;
}

static void grow(struct cache *cache)
{
	size_t count = cache->bucket_count == 0 ? BUCKETS_AT_FIRST : cache->bucket_count * 2;
	struct cached **buckets = must(calloc(count, sizeof(struct cached *)));
	for (size_t i = 0; i < cache->bucket_count; i++) {
		while (cache->buckets[i] != NULL) {
			struct cached *entry = cache->buckets[i];
			cache->buckets[i] = entry->next;
			size_t bucket = hash(entry->kind, entry->id) & (count - 1);
			entry->next = buckets[bucket];
			buckets[bucket] = entry;
		}
	}
	free(cache->buckets);
	cache->buckets = buckets;
	cache->bucket_count = count;
}

struct cached *cache_add(struct cache *cache, enum cache_kind kind, const char *id)
{
	if (cache->count >= cache->bucket_count)
		grow(cache);
	size_t length = strlen(id);
	struct cached *entry = must(calloc(1, sizeof(*entry) + length + 1));
	memcpy(entry->id, id, length + 1);
	entry->kind = kind;
	size_t bucket = hash(kind, id) & (cache->bucket_count - 1);
	entry->next = cache->buckets[bucket];
	cache->buckets[bucket] = entry;
	cache->count++;
	cache->bytes += sizeof(*entry) + length;
	return entry;
}

static void reserve(struct cache *cache, struct cached *entry, size_t size)
{
	entry->has_state = true;
	entry->size = size;
	if (size <= entry->capacity)
		return;
	size_t capacity = size + size / 4 + 16;
	cache->bytes += capacity - entry->capacity;
	entry->data = must(realloc(entry->data, capacity));
	entry->capacity = capacity;
}

void cache_set_state(struct cache *cache, struct cached *entry, const ProtobufCMessage *state)
{
	reserve(cache, entry, protobuf_c_message_get_packed_size(state));
	protobuf_c_message_pack(state, entry->data);
}

void cache_set_packed(struct cache *cache, struct cached *entry, const void *data, size_t size)
{
	reserve(cache, entry, size);
	if (size > 0)
		memcpy(entry->data, data, size);
}

void cache_set_name_key(struct cached *entry, const char *name_key)
{
	if (name_key == NULL) /* as it is for a name that was there twice */
		name_key = "";
	if (entry->name_key != NULL && strcmp(entry->name_key, name_key) == 0)
		return;
	entry->renamed = true;
	free(entry->name_key);
	entry->name_key = must(strdup(name_key));
}

void cache_mark_dirty(struct cache *cache, struct cached *entry)
{
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = NULL;
	if (cache->last_dirty == NULL)
		cache->first_dirty = entry;
	else
		cache->last_dirty->next_dirty = entry;
	cache->last_dirty = entry;
}

struct cached *cache_take_dirty(struct cache *cache)
{
	struct cached *entry = cache->first_dirty;
	if (entry == NULL)
		return NULL;
	cache->first_dirty = entry->next_dirty;
	if (cache->first_dirty == NULL)
		cache->last_dirty = NULL;
	entry->dirty = false;
	return entry;
}

void cache_clear(struct cache *cache)
{
	for (size_t i = 0; i < cache->bucket_count; i++) {
		while (cache->buckets[i] != NULL) {
			struct cached *entry = cache->buckets[i];
			cache->buckets[i] = entry->next;
			free(entry->name_key);
			free(entry->data);
			free(entry);
		}
	}
	free(cache->buckets);
	*cache = (struct cache){0};
}

bool cache_is_large(const struct cache *cache)
{
	return cache->bytes > BYTES_KEPT;
}
