/* roost workspace stop */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {.kind = KIND_WORKSPACE,
					     .command = API_stop_workspace,
					     .goal = &goal_workspace_stopped,
					     .platform_waits = true};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_stop = {
    .noun = "workspace",
    .name = "stop",
    .arguments = "<workspace>",
    .sentence = "End everything that runs in a workspace; its files are kept.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
