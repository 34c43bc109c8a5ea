/* The state machine of nodes.
 *
 *   pending -> creating -> running -> stopping -> stopped -> (start) creating
 *   creating, running, stopping -> error ; error -> creating, stopping
 *   any -> deleting -> deleted, and never back
 */
#include "controller/domain/states.h"
#include <stddef.h>

#define STATE(name) (1u << ROOST__NODE__STATUS__##name)

static const struct {
	const char *word;
	unsigned may_become;
} machine[] = {
    [ROOST__NODE__STATUS__PENDING] = {"pending", STATE(CREATING) | STATE(DELETING)},
    [ROOST__NODE__STATUS__CREATING] = {"creating", STATE(RUNNING) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__NODE__STATUS__RUNNING] = {"running", STATE(STOPPING) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__NODE__STATUS__STOPPING] = {"stopping", STATE(STOPPED) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__NODE__STATUS__STOPPED] = {"stopped", STATE(CREATING) | STATE(DELETING)},
    [ROOST__NODE__STATUS__ERROR] = {"error", STATE(CREATING) | STATE(STOPPING) | STATE(DELETING)},
    [ROOST__NODE__STATUS__DELETING] = {"deleting", STATE(DELETED)},
    [ROOST__NODE__STATUS__DELETED] = {"deleted", 0},
};

static bool known(Roost__Node__Status status)
{
	return (unsigned)status < sizeof(machine) / sizeof(machine[0]) && machine[status].word != NULL;
}

bool node_may_move(Roost__Node__Status from, Roost__Node__Status to)
{
	return known(from) && known(to) && (machine[from].may_become & 1u << to) != 0;
}

bool node_move(Roost__NodeState *node, Roost__Node__Status to, int64_t at_ms)
{
	if (!node_may_move(node->resource->status, to))
		return false;
	node->resource->has_status = true;
	node->resource->status = to;
	node->resource->has_updated_at = true;
	node->resource->updated_at = at_ms;
	node->has_status_since_at = true;
	node->status_since_at = at_ms;
	node->left = NULL;
	node->has_tried_again_at = false;
	node->tried_again_at = 0;
	return true;
}

const char *node_status_word(Roost__Node__Status status)
{
	return known(status) ? machine[status].word : NULL;
}
