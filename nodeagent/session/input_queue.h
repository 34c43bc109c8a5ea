/* What is to be typed and was not yet taken by the pty, and the ids of what was typed before.
 * Bounded: SESSION_INPUT_QUEUE_BYTES waiting, SESSION_INPUT_IDS_REMEMBERED ids. */
#ifndef ROOST_NODEAGENT_SESSION_INPUT_QUEUE_H
#define ROOST_NODEAGENT_SESSION_INPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input_queue;

enum input_result {
	INPUT_TAKEN,
	INPUT_HAD_IT, /* this id was typed before */
	INPUT_OTHER,  /* other data was typed under this id; nothing was taken (D5) */
	INPUT_FULL,   /* nothing was taken, the id is not remembered */
};

/* NULL when there is no memory. */
struct input_queue *input_queue_new(void);
void input_queue_free(struct input_queue *queue);

/* Takes all of the data or nothing. An empty or NULL id is not remembered. */
enum input_result input_queue_add(struct input_queue *queue, const char *id, const void *data, size_t size);

/* The next bytes to be typed, in order; size 0 when there are none. And that so many were typed. */
const unsigned char *input_queue_next(const struct input_queue *queue, size_t *size);
void input_queue_typed(struct input_queue *queue, size_t size);

#endif
