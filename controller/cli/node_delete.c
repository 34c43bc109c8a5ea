/* roost node delete */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_NODE, .command = API_delete_node, .goal = &goal_node_deleted, .platform_waits = true};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTIONS_CONFIRM, {"abandon", NULL, "Without the node's word: it never returns, and what is on it may stay there."},
    OPTION_WAIT,     OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,	     OPTION_END,
};

const struct verb verb_node_delete = {
    .noun = "node",
    .name = "delete",
    .arguments = "<node>",
    .sentence = "Delete a node with all its workspaces and their files, for good.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
