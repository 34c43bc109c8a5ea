/* roost node get */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	return get_run(invocation, KIND_NODE, API_get_node);
}

const struct verb verb_node_get = {
    .noun = "node",
    .name = "get",
    .arguments = "<node>",
    .sentence = "Show everything about one node.",
    .least = 1,
    .most = 1,
    .run = run,
};
