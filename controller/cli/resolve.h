/* From what a person types to an id: a whole id, a unique name or label, or a unique prefix of an id,
 * in this order. Case does not matter. What fits several things is an error that lists them. */
#ifndef ROOST_CONTROLLER_CLI_RESOLVE_H
#define ROOST_CONTROLLER_CLI_RESOLVE_H

#include "controller/cli/api.h"

#include <stdbool.h>

enum kind { KIND_NODE, KIND_WORKSPACE, KIND_SESSION };

/* "node", "workspace", "session". */
const char *kind_name(enum kind kind);

/* Something that the words may mean. */
struct candidate {
	const char *id;
	const char *name;  /* NULL for none */
	const char *place; /* where it is, for telling two of one name apart; NULL for none */
	bool ended;	   /* counts only when nothing that lives has the name */
};

/* Chooses among candidates. Pure. False with <kind>_not_found or, for several, ERROR_INVALID_ARGUMENT. */
bool resolve_choose(enum kind kind, const char *text, const struct candidate *candidates, size_t count,
		    struct arena *arena, size_t *chosen, struct error *error);

/* The id, in the arena; NULL with the error. *seq is raised to what was looked at: everything later is
 * news. */
const char *resolve(struct client *client, enum kind kind, const char *text, struct arena *arena, uint64_t *seq,
		    struct error *error);

#endif
