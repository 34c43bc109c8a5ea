/* Chained buckets that double. */
#include "controller/effects/node_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

struct node_table {
	struct node_entry **buckets;
	size_t bucket_count;
	size_t count;
	struct node_entry *first, *last; /* by their making */
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (memory == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return memory;
}

struct node_table *node_table_new(void)
{
	struct node_table *table = allocate(1, sizeof(*table));
	table->bucket_count = FIRST_BUCKETS;
	table->buckets = allocate(FIRST_BUCKETS, sizeof(struct node_entry *));
	return table;
}

void node_table_free(struct node_table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i] != NULL) {
			struct node_entry *entry = table->buckets[i];
			table->buckets[i] = entry->next;
			free(entry);
		}
	}
	free(table->buckets);
	free(table);
}

/* FNV-1a. */
static struct node_entry **bucket_of(const struct node_table *table, const char *id)
{
	uint32_t hash = 2166136261u;
	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return &table->buckets[hash % table->bucket_count];
}

struct node_entry *node_table_find(const struct node_table *table, const char *id)
{
	struct node_entry *entry = *bucket_of(table, id);
	while (entry != NULL && strcmp(entry->id, id) != 0)
		entry = entry->next;
	return entry;
}

static void add(struct node_table *table, struct node_entry *entry)
{
	struct node_entry **bucket = bucket_of(table, entry->id);
	entry->next = *bucket;
	*bucket = entry;
}

static void grow(struct node_table *table)
{
	struct node_table old = *table;
	table->bucket_count *= 2;
	table->buckets = allocate(table->bucket_count, sizeof(struct node_entry *));
	for (size_t i = 0; i < old.bucket_count; i++) {
		while (old.buckets[i] != NULL) {
			struct node_entry *entry = old.buckets[i];
			old.buckets[i] = entry->next;
			add(table, entry);
		}
	}
	free(old.buckets);
}

struct node_entry *node_table_get(struct node_table *table, const char *id)
{
	struct node_entry *entry = node_table_find(table, id);
	if (entry != NULL)
		return entry;
	entry = allocate(1, sizeof(*entry));
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	roost__node__load__init(&entry->load);
	*(table->last != NULL ? &table->last->next_made : &table->first) = entry;
	table->last = entry;
	if (++table->count > table->bucket_count)
		grow(table);
	add(table, entry);
	return entry;
}

struct node_entry *node_table_first(const struct node_table *table)
{
	return table->first;
}

size_t node_table_count(const struct node_table *table)
{
	return table->count;
}

void node_table_each(struct node_table *table, void (*visit)(void *context, struct node_entry *entry), void *context)
{
	for (struct node_entry *entry = table->first; entry != NULL; entry = entry->next_made)
		visit(context, entry);
}
