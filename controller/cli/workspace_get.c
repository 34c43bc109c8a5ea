/* roost workspace get */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	return get_run(invocation, KIND_WORKSPACE, API_get_workspace);
}

const struct verb verb_workspace_get = {
    .noun = "workspace",
    .name = "get",
    .arguments = "<workspace>",
    .sentence = "Show everything about one workspace.",
    .least = 1,
    .most = 1,
    .run = run,
};
