/* Whether the node that is waited for is silent: said once on standard error, since nothing comes of waiting
 * until it beats again. */
#ifndef ROOST_CONTROLLER_CLI_SILENCE_H
#define ROOST_CONTROLLER_CLI_SILENCE_H

#include "controller/cli/wait.h"

struct silence {
	const struct waiting *waiting;
	const char *node_id; /* NULL: not known yet */
	bool told;
};

struct silence silence_of(const struct waiting *waiting);

/* Looks, and tells when it is so. */
void silence_look(struct silence *silence, uint64_t min_seq, struct arena *arena);

#endif
