/* The ring of raw output. The kernel gives its pages as they are first written, so a quiet session
 * costs nothing here. They are shared with the screen process (screen_process.h). */
#include "nodeagent/session/ring.h"

#include <sys/mman.h>

bool ring_open(struct ring *ring, size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return false;
	*ring = (struct ring){.data = data, .size = size};
	return true;
}

void ring_close(struct ring *ring)
{
	if (ring->data != NULL)
		munmap(ring->data, ring->size);
	*ring = (struct ring){0};
}

uint64_t ring_start(const struct ring *ring)
{
	return ring->end > ring->size ? ring->end - ring->size : 0;
}

unsigned char *ring_space(struct ring *ring, size_t wanted, size_t *size)
{
	size_t at = (size_t)(ring->end % ring->size);
	size_t until_wrap = ring->size - at;
	*size = wanted < until_wrap ? wanted : until_wrap;
	return ring->data + at;
}

void ring_added(struct ring *ring, size_t size)
{
	ring->end += size;
}

const unsigned char *ring_piece(const struct ring *ring, uint64_t offset, size_t most, size_t *size)
{
	size_t at = (size_t)(offset % ring->size);
	uint64_t available = ring->end - offset;
	size_t piece = ring->size - at;
	if (piece > available)
		piece = (size_t)available;
	*size = piece < most ? piece : most;
	return ring->data + at;
}
