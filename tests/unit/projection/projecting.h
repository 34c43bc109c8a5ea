/* Feeding a log from memory to projections, and everything that a projection can answer, as bytes. */
#ifndef ROOST_TESTS_UNIT_PROJECTION_PROJECTING_H
#define ROOST_TESTS_UNIT_PROJECTION_PROJECTING_H

#include "bus/wire/subject.h"
#include "controller/projection/projection.h"
#include "tests/unit/domain/world.h"

enum { IDEMPOTENCY_MS = 7 * 86400000 };
static const struct projection_lifetimes LIFETIMES = {
    .retention_ms = 7 * 86400000LL,
    .idempotency_ms = IDEMPOTENCY_MS,
    .tombstone_ms = 30 * 86400000LL,
};

/* A folder of its own, removed with all that is in it by remove_folder. */
char *make_folder(void);
void remove_folder(char *folder);

/* Opens <folder>/<name>; fails the test when it does not open. */
struct projection *open_in(const char *folder, const char *name);

/* The subject that the record belongs to; some subject for what does not decode. */
struct subject subject_of(const struct logged *logged, struct arena *arena);

/* Applies the records [from, to) of the world's log in one transaction. */
void feed(struct projection *projection, const struct world *world, size_t from, size_t to);

/* Every answer to the owner's questions and to those of effects and timers; and the same with the counts
 * of records, which depend on what the log still holds. */
struct bytes answers(struct projection *projection, const char *owner, struct arena *arena);
struct bytes everything(struct projection *projection, const char *owner, struct arena *arena);

#endif
