/* Input on its way to the pty. Ids are kept whole, oldest forgotten first; their hashes are only there
 * to find them fast. */
#include "nodeagent/session/input_queue.h"

#include "bus/foundation/limits.h"

#include <stdlib.h>
#include <string.h>

struct remembered {
	uint32_t hash;
	char *id;
};

struct input_queue {
	unsigned char *data; /* [start, end) waits */
	size_t capacity;
	size_t start, end;
	struct remembered ids[SESSION_INPUT_IDS_REMEMBERED];
	size_t ids_seen; /* ever; the place of the next one is this modulo the table */
};

struct input_queue *input_queue_new(void)
{
	return calloc(1, sizeof(struct input_queue));
}

void input_queue_free(struct input_queue *queue)
{
	if (queue == NULL)
		return;
	for (size_t i = 0; i < SESSION_INPUT_IDS_REMEMBERED; i++)
		free(queue->ids[i].id);
	free(queue->data);
	free(queue);
}

/* FNV-1a */
static uint32_t hash_of(const char *id)
{
	uint32_t hash = 2166136261u;
	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return hash;
}

static bool was_typed(const struct input_queue *queue, const char *id, uint32_t hash)
{
	size_t count = queue->ids_seen;
	if (count > SESSION_INPUT_IDS_REMEMBERED)
		count = SESSION_INPUT_IDS_REMEMBERED;
	for (size_t i = 0; i < count; i++)
		if (queue->ids[i].hash == hash && strcmp(queue->ids[i].id, id) == 0)
			return true;
	return false;
}

static bool remember(struct input_queue *queue, const char *id, uint32_t hash)
{
	char *copy = strdup(id);
	if (copy == NULL)
		return false;
	struct remembered *place = &queue->ids[queue->ids_seen++ % SESSION_INPUT_IDS_REMEMBERED];
	free(place->id);
	*place = (struct remembered){.hash = hash, .id = copy};
	return true;
}

static bool make_room(struct input_queue *queue, size_t size)
{
	size_t waiting = queue->end - queue->start;
	if (size > SESSION_INPUT_QUEUE_BYTES - waiting)
		return false;
	if (queue->start > 0)
		memmove(queue->data, queue->data + queue->start, waiting);
	queue->start = 0;
	queue->end = waiting;
	if (waiting + size <= queue->capacity)
		return true;
	unsigned char *grown = realloc(queue->data, waiting + size);
	if (grown == NULL)
		return false;
	queue->data = grown;
	queue->capacity = waiting + size;
	return true;
}

enum input_result input_queue_add(struct input_queue *queue, const char *id, const void *data, size_t size)
{
	bool named = id != NULL && id[0] != '\0';
	uint32_t hash = named ? hash_of(id) : 0;
	if (named && was_typed(queue, id, hash))
		return INPUT_HAD_IT;
	if (!make_room(queue, size) || (named && !remember(queue, id, hash)))
		return INPUT_FULL;
	if (size > 0)
		memcpy(queue->data + queue->end, data, size);
	queue->end += size;
	return INPUT_TAKEN;
}

const unsigned char *input_queue_next(const struct input_queue *queue, size_t *size)
{
	*size = queue->end - queue->start;
	return queue->data + queue->start;
}

void input_queue_typed(struct input_queue *queue, size_t size)
{
	queue->start += size;
	if (queue->start < queue->end)
		return;
	free(queue->data);
	queue->data = NULL;
	queue->capacity = 0;
	queue->start = 0;
	queue->end = 0;
}
