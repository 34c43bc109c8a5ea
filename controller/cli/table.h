/* Aligned tables on standard output. Cells are escaped, and status words coloured on a terminal. */
#ifndef ROOST_CONTROLLER_CLI_TABLE_H
#define ROOST_CONTROLLER_CLI_TABLE_H

#include "bus/foundation/arena.h"

#include <stddef.h>

struct table;

/* `headings` is NULL-terminated and borrowed. */
struct table *table_new(const char *const *headings, struct arena *arena);

/* Adds a row of as many cells as there are headings; NULL cells are empty. Copied. */
void table_row(struct table *table, const char *const *cells);

/* Prints headings and rows; without rows the sentence `when_empty` on standard error. */
void table_print(const struct table *table, const char *when_empty);

#endif
