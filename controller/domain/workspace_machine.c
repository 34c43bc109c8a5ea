/* The state machine of workspaces.
 *
 *   creating -> running -> stopping -> stopped -> (restart) creating
 *   creating -> error ; running -> error (lost) ; stopping -> error (stop failed)
 *   error -> stopping (again) ; running, stopped, error -> (restart) creating
 *   creating, running, error -> stopping
 *   any -> deleting -> deleted, and never back
 *
 * Every move to creating raises the generation.
 */
#include "controller/domain/states.h"

#include "bus/foundation/planted.h"
#include <stddef.h>

#define STATE(name) (1u << ROOST__WORKSPACE__STATUS__##name)

static const struct {
	const char *word;
	unsigned may_become;
} machine[] = {
    [ROOST__WORKSPACE__STATUS__CREATING] = {"creating",
					    STATE(RUNNING) | STATE(STOPPING) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__WORKSPACE__STATUS__RUNNING] = {"running",
					   STATE(CREATING) | STATE(STOPPING) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__WORKSPACE__STATUS__STOPPING] = {"stopping", STATE(STOPPED) | STATE(ERROR) | STATE(DELETING)},
    [ROOST__WORKSPACE__STATUS__STOPPED] = {"stopped", STATE(CREATING) | STATE(DELETING)},
    [ROOST__WORKSPACE__STATUS__ERROR] = {"error", STATE(CREATING) | STATE(STOPPING) | STATE(DELETING)},
    [ROOST__WORKSPACE__STATUS__DELETING] = {"deleting", STATE(DELETED)},
    [ROOST__WORKSPACE__STATUS__DELETED] = {"deleted", 0},
};

static bool known(Roost__Workspace__Status status)
{
	return (unsigned)status < sizeof(machine) / sizeof(machine[0]) && machine[status].word != NULL;
}

bool workspace_may_move(Roost__Workspace__Status from, Roost__Workspace__Status to)
{
	if (planted(PLANTED_LATE_REPORT_REVIVES) && to == ROOST__WORKSPACE__STATUS__RUNNING &&
	    from != ROOST__WORKSPACE__STATUS__RUNNING)
		return true;
	return known(from) && known(to) && (machine[from].may_become & 1u << to) != 0;
}

bool workspace_move(Roost__WorkspaceState *workspace, Roost__Workspace__Status to, int64_t at_ms)
{
	if (!workspace_may_move(workspace->resource->status, to))
		return false;
	workspace->resource->has_status = true;
	workspace->resource->status = to;
	workspace->resource->has_updated_at = true;
	workspace->resource->updated_at = at_ms;
	workspace->has_deadline_at = false; /* only creating has one; whoever moves there sets it */
	workspace->deadline_at = 0;
	workspace->has_status_since_at = true;
	workspace->status_since_at = at_ms;
	workspace->left = NULL;
	workspace->has_tried_again_at = false;
	workspace->tried_again_at = 0;
	return true;
}

const char *workspace_status_word(Roost__Workspace__Status status)
{
	return known(status) ? machine[status].word : NULL;
}
