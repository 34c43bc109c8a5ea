/* A chain of blocks, the newest first; each request is served from the newest or gets a block. */
#include "bus/foundation/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 8 * 1024 };

struct block {
	struct block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	ProtobufCAllocator allocator; /* first, so that its data pointer finds the arena */
	struct block *blocks;
	size_t used;
};

static void *allocator_alloc(void *data, size_t size)
{
	return arena_alloc(data, size);
}

static void allocator_free(void *data, void *pointer)
{
	(void)data;
	(void)pointer;
}

static struct block *block_new(size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);
	if (block == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));
	if (arena == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	arena->allocator.alloc = allocator_alloc;
	arena->allocator.free = allocator_free;
	arena->allocator.allocator_data = arena;
	arena->blocks = block_new(ARENA_BLOCK_BYTES);
	return arena;
}

static void free_blocks(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	free_blocks(arena->blocks);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	struct block *first = arena->blocks;
	while (first->next != NULL) {
		struct block *next = first->next;
		free(first);
		first = next;
	}
	first->used = 0;
	arena->blocks = first;
	arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t alignment = alignof(max_align_t);
	if (size > SIZE_MAX - sizeof(struct block) - alignment)
		abort();
	size_t rounded = (size + alignment - 1) / alignment * alignment;
	struct block *block = arena->blocks;
	if (block->size - block->used < rounded) {
		size_t wanted = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
		block = block_new(wanted);
		block->next = arena->blocks;
		arena->blocks = block;
	}
	void *memory = block->data + block->used;
	block->used += rounded;
	arena->used += rounded;
	memset(memory, 0, size);
	return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
	unsigned char *copy = arena_alloc(arena, size + 1);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	if (length < 0)
		abort();
	char *text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}

ProtobufCAllocator *arena_allocator(struct arena *arena)
{
	return &arena->allocator;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}
