/* ULIDs: 48 bits of milliseconds and 80 of randomness, 26 characters of Crockford's base 32 that sort
 * by time. Ids are made at the rim and passed into decisions. Callable from any thread. */
#ifndef ROOST_BUS_FOUNDATION_ULID_H
#define ROOST_BUS_FOUNDATION_ULID_H

#include <stdbool.h>
#include <stdint.h>

struct ulid {
	char text[27]; /* 26 characters and a zero */
};

/* A new one, with randomness from the kernel. */
struct ulid ulid_new(int64_t now_ms);

/* Upper case, exactly 26 characters, within 128 bits. */
bool ulid_valid(const char *text);

/* The time in a valid one: milliseconds since the epoch by the clock of whoever made it. */
int64_t ulid_time_ms(const char *text);

#endif
