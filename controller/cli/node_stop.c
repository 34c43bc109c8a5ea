/* roost node stop */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_NODE, .command = API_stop_node, .goal = &goal_node_stopped, .platform_waits = true};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTIONS_CONFIRM, OPTION_WAIT, OPTION_TIMEOUT(PATIENCE_SECONDS_STOP), OPTION_KEY, OPTION_END,
};

const struct verb verb_node_stop = {
    .noun = "node",
    .name = "stop",
    .arguments = "<node>",
    .sentence = "End everything that runs on a node; files are kept.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
