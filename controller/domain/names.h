/* Display names within a node are unique (S0-08): compared trimmed and in lower case, and made
 * distinct by " (2)", " (3)" ... Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_NAMES_H
#define ROOST_CONTROLLER_DOMAIN_NAMES_H

#include "controller/domain/entity_store.h"

/* Without blanks at both ends, in the arena. */
char *name_trim(const char *name, struct arena *arena);

/* What names are compared by: trimmed, lower-cased (ASCII, Latin-1, Greek and Cyrillic letters). */
char *name_key(const char *name, struct arena *arena);

/* The name itself, trimmed, or with the first suffix that no other workspace has; NULL when all up to
 * NAME_SUFFIX_MAX are taken. The workspace `except_id` (NULL for none) does not count. */
char *name_make_unique(const char *name, const struct workspace_states *taken, const char *except_id,
		       struct arena *arena);

#endif
