/* The schema, as an append-only list: a migration that was ever released is never changed. */
#ifndef ROOST_CONTROLLER_PROJECTION_MIGRATIONS_H
#define ROOST_CONTROLLER_PROJECTION_MIGRATIONS_H

#include <stddef.h>

struct migration {
	const char *sentence;
	const char *sql;
};

/* Migration i brings a file from user_version i to i + 1. */
extern const struct migration migrations[];
extern const size_t migration_count;

#endif
