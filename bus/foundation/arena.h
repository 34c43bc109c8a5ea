/* A region of memory that is freed at once. Every request, record and report is handled in an arena
 * of its own, so messages built from literals, inputs and arena strings mix freely and nothing is
 * freed piece by piece. Not thread-safe: an arena belongs to the thread that uses it.
 *
 * Allocation never returns NULL: the process ends with a message when the machine has no memory. */
#ifndef ROOST_BUS_FOUNDATION_ARENA_H
#define ROOST_BUS_FOUNDATION_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* Makes an empty arena. The caller frees it with arena_free. */
struct arena *arena_new(void);

/* Frees the arena and everything allocated from it. NULL is allowed. */
void arena_free(struct arena *arena);

/* Forgets everything allocated, keeping the first block for use again. */
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type, valid until reset or free. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `size` bytes, with a terminating zero after them. */
void *arena_copy(struct arena *arena, const void *data, size_t size);

/* A copy of a string; NULL stays NULL. */
char *arena_strdup(struct arena *arena, const char *text);

/* A formatted string. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments);

/* For protobuf_c_message_unpack: everything unpacked lives in the arena; freeing it is a no-op.
 * The pointer is valid as long as the arena. */
ProtobufCAllocator *arena_allocator(struct arena *arena);

/* Bytes handed out since the last reset; for limits and tests. */
size_t arena_used(const struct arena *arena);

/* One object of a type, zeroed; an array of them. */
#define arena_new_of(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array_of(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

/* A protobuf message in the arena, initialised by its generated init function. */
#define arena_message(arena, variable, init_function) \
	do { \
		(variable) = arena_alloc((arena), sizeof(*(variable))); \
		init_function(variable); \
	} while (0)

#endif
