/* Input on its way to the pty. Ids are kept whole, oldest forgotten first, with a sum of what was typed
 * under them, so that the same id with other text is told from a repetition. */
#include "nodeagent/session/input_queue.h"

#include "bus/foundation/limits.h"

#include <stdlib.h>
#include <string.h>

struct remembered {
	uint64_t id_sum; /* only to find the id fast */
	uint64_t data_sum;
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
static uint64_t sum_of(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t sum = 14695981039346656037u;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 1099511628211u;
	return sum;
}

/* NULL when nothing was typed under this id, or too long ago. */
static const struct remembered *find(const struct input_queue *queue, const char *id, uint64_t id_sum)
{
	size_t count = queue->ids_seen;
	if (count > SESSION_INPUT_IDS_REMEMBERED)
		count = SESSION_INPUT_IDS_REMEMBERED;
	for (size_t i = 0; i < count; i++)
		if (queue->ids[i].id_sum == id_sum && strcmp(queue->ids[i].id, id) == 0)
			return &queue->ids[i];
	return NULL;
}

static bool remember(struct input_queue *queue, const char *id, uint64_t id_sum, uint64_t data_sum)
{
	char *copy = strdup(id);
	if (copy == NULL)
		return false;
	struct remembered *place = &queue->ids[queue->ids_seen++ % SESSION_INPUT_IDS_REMEMBERED];
	free(place->id);
	*place = (struct remembered){.id_sum = id_sum, .data_sum = data_sum, .id = copy};
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
	uint64_t id_sum = named ? sum_of(id, strlen(id)) : 0, data_sum = named ? sum_of(data, size) : 0;
	const struct remembered *typed = named ? find(queue, id, id_sum) : NULL;
	if (typed != NULL)
		return typed->data_sum == data_sum ? INPUT_HAD_IT : INPUT_OTHER;
	if (!make_room(queue, size) || (named && !remember(queue, id, id_sum, data_sum)))
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
