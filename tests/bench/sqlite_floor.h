/* What SQLite alone takes to write the rows of a finished projection: the floor of a replay. */
#ifndef ROOST_TESTS_BENCH_SQLITE_FLOOR_H
#define ROOST_TESTS_BENCH_SQLITE_FLOOR_H

#include <stddef.h>

/* Writes the rows of the projection file `replayed` into a new one, `transactions` of them evenly, and
 * returns the seconds that it took without the reading. Ends the program on failure. */
double sqlite_floor(const char *replayed, const char *path, size_t transactions, size_t *row_count);

/* The database file and what SQLite keeps beside it. */
void sqlite_floor_remove(const char *path);

#endif
