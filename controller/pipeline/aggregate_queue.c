/* Lines by aggregate in a hash table. A line lives as long as somebody stands in it. Turns that have
 * come up are called from one loop, so a thousand commands that end at once do not nest. */
#include "controller/pipeline/aggregate_queue.h"

#include "bus/foundation/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct aggregate_line {
	struct aggregate_line *next; /* in the bucket */
	size_t bucket;
	struct aggregate_turn *first, *last;
	char key[AGGREGATE_KEY_MAX];
};

struct aggregate_queue {
	struct aggregate_line *buckets[BUCKETS];
	size_t length;
	struct aggregate_turn *due_first, *due_last; /* have come up, not yet told */
	bool telling;
};

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);
	if (memory == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return memory;
}

static size_t bucket_of(const char *key)
{
	uint32_t hash = 2166136261u;
	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return hash % BUCKETS;
}

static struct aggregate_line *line_find(const struct aggregate_queue *queue, const char *key)
{
	struct aggregate_line *line = queue->buckets[bucket_of(key)];
	while (line != NULL && strcmp(line->key, key) != 0)
		line = line->next;
	return line;
}

static struct aggregate_line *line_new(struct aggregate_queue *queue, const char *key)
{
	struct aggregate_line *line = allocate(sizeof(*line));
	snprintf(line->key, sizeof(line->key), "%s", key);
	line->bucket = bucket_of(key);
	line->next = queue->buckets[line->bucket];
	queue->buckets[line->bucket] = line;
	return line;
}

static void line_free(struct aggregate_queue *queue, struct aggregate_line *line)
{
	struct aggregate_line **link = &queue->buckets[line->bucket];
	while (*link != line)
		link = &(*link)->next;
	*link = line->next;
	free(line);
}

/* A turn that has come up is no longer followed through `next` in its line: its successor is. */
static void come_up(struct aggregate_queue *queue, struct aggregate_line *line)
{
	struct aggregate_turn *turn = line->first;
	line->first = turn->next;
	if (line->first == NULL)
		line->last = NULL;
	turn->next = NULL;
	if (queue->due_last != NULL)
		queue->due_last->next = turn;
	else
		queue->due_first = turn;
	queue->due_last = turn;
}

static void tell_due(struct aggregate_queue *queue)
{
	if (queue->telling)
		return;
	queue->telling = true;
	while (queue->due_first != NULL) {
		struct aggregate_turn *turn = queue->due_first;
		queue->due_first = turn->next;
		if (queue->due_first == NULL)
			queue->due_last = NULL;
		turn->next = NULL;
		turn->ready(turn);
	}
	queue->telling = false;
}

struct aggregate_queue *aggregate_queue_new(void)
{
	return allocate(sizeof(struct aggregate_queue));
}

void aggregate_queue_free(struct aggregate_queue *queue)
{
	if (queue == NULL)
		return;
	assert(queue->length == 0);
	free(queue);
}

void aggregate_queue_enter(struct aggregate_queue *queue, const char *key, struct aggregate_turn *turn)
{
	assert(strlen(key) < AGGREGATE_KEY_MAX);
	struct aggregate_line *line = line_find(queue, key);
	bool busy = line != NULL; /* a line exists while somebody has its turn */
	if (!busy)
		line = line_new(queue, key);
	turn->line = line;
	turn->next = NULL;
	if (line->last != NULL)
		line->last->next = turn;
	else
		line->first = turn;
	line->last = turn;
	queue->length++;
	if (!busy) {
		come_up(queue, line);
		tell_due(queue);
	}
}

void aggregate_queue_leave(struct aggregate_queue *queue, struct aggregate_line *line)
{
	queue->length--;
	if (line->first == NULL) {
		line_free(queue, line);
		return;
	}
	come_up(queue, line);
	tell_due(queue);
}

const char *aggregate_line_key(const struct aggregate_line *line)
{
	return line->key;
}

size_t aggregate_queue_length(const struct aggregate_queue *queue)
{
	return queue->length;
}
