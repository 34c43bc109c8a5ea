/* roost workspace restart */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_WORKSPACE, .command = API_restart_workspace, .goal = &goal_workspace_running};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_START),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_restart = {
    .noun = "workspace",
    .name = "restart",
    .arguments = "<workspace>",
    .sentence = "Start a workspace anew with the same files; its earlier sessions stay ended.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
