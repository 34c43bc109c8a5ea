/* roost node start */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {.kind = KIND_NODE, .command = API_start_node, .goal = &goal_node_running};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_node_start = {
    .noun = "node",
    .name = "start",
    .arguments = "<node>",
    .sentence = "Let a stopped node run again; its workspaces stay stopped until they are restarted.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
