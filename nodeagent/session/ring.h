/* The last SESSION_RING_BYTES (or as many as asked for) of raw output, by absolute offset: byte 0 is
 * the program's first, and offsets never start again. Pure memory; pages are taken as output comes. */
#ifndef ROOST_NODEAGENT_SESSION_RING_H
#define ROOST_NODEAGENT_SESSION_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned char *data;
	size_t size;
	uint64_t end; /* offset after the newest byte, which is also how many there ever were */
};

/* False when there is no memory. ring_close frees it. */
bool ring_open(struct ring *ring, size_t size);
void ring_close(struct ring *ring);

/* Offset of the oldest byte kept. */
uint64_t ring_start(const struct ring *ring);

/* Where the next bytes go: at most `wanted`, in one piece, never 0. They count once they are added;
 * from here on the oldest bytes are overwritten. */
unsigned char *ring_space(struct ring *ring, size_t wanted, size_t *size);
void ring_added(struct ring *ring, size_t size);

/* The bytes from `offset` on that lie in one piece, at most `most`; size 0 at the end.
 * `offset` is between ring_start and end. */
const unsigned char *ring_piece(const struct ring *ring, uint64_t offset, size_t most, size_t *size);

#endif
