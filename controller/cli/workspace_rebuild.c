/* roost workspace rebuild */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_WORKSPACE, .command = API_rebuild_workspace, .goal = &goal_workspace_running};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_START),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_rebuild = {
    .noun = "workspace",
    .name = "rebuild",
    .arguments = "<workspace>",
    .sentence = "Make its environment anew from the image; /workspace is kept, all else is not.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
