/* One change at a time per aggregate in this process: whoever wants to append to an aggregate takes a
 * turn in its line, first come, first served. Other processes are kept apart by the log's expected
 * sequence alone; the line only spares us races against ourselves. Loop thread. */
#ifndef ROOST_CONTROLLER_PIPELINE_AGGREGATE_QUEUE_H
#define ROOST_CONTROLLER_PIPELINE_AGGREGATE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

enum { AGGREGATE_KEY_MAX = 192 };

struct aggregate_queue;
struct aggregate_line;

/* Embedded in whatever waits. `ready` is the caller's, the rest is the queue's. */
struct aggregate_turn {
	void (*ready)(struct aggregate_turn *turn); /* it is first now; may leave at once */
	struct aggregate_line *line;		    /* where it stands; to be kept for aggregate_queue_leave */
	struct aggregate_turn *next;
};

struct aggregate_queue *aggregate_queue_new(void);

/* Only when nobody stands in it. NULL is allowed. */
void aggregate_queue_free(struct aggregate_queue *queue);

/* Stands in the line of `key` ("node.<id>", "owner.<owner>"). `ready` may be called before this
 * returns. The turn must stay in memory until it has come up; from then on its line alone counts, so
 * whoever had it may be gone before it is left. */
void aggregate_queue_enter(struct aggregate_queue *queue, const char *key, struct aggregate_turn *turn);

/* The one whose turn it is leaves; the next one's `ready` follows. Long lines do not deepen the stack. */
void aggregate_queue_leave(struct aggregate_queue *queue, struct aggregate_line *line);

/* The key that the line was entered by. */
const char *aggregate_line_key(const struct aggregate_line *line);

/* How many stand in all the lines, those who have their turn included. */
size_t aggregate_queue_length(const struct aggregate_queue *queue);

#endif
