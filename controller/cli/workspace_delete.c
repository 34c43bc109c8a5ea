/* roost workspace delete */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {.kind = KIND_WORKSPACE,
					     .command = API_delete_workspace,
					     .goal = &goal_workspace_deleted,
					     .platform_waits = true};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_delete = {
    .noun = "workspace",
    .name = "delete",
    .arguments = "<workspace>",
    .sentence = "End a workspace and its children and remove their files, for good.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
