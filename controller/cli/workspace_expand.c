/* roost workspace expand */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {.kind = KIND_WORKSPACE,
					     .command = API_update_workspace,
					     .field = "collapsed",
					     .value = false,
					     .says = "is expanded: workspace list shows its children"};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_expand = {
    .noun = "workspace",
    .name = "expand",
    .arguments = "<workspace>",
    .sentence = "Show a workspace with its children again.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
