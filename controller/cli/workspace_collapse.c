/* roost workspace collapse */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_WORKSPACE,
	    .command = API_update_workspace,
	    .field = "collapsed",
	    .value = true,
	    .says = "is collapsed: workspace list counts its children and shows them with --all only"};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_collapse = {
    .noun = "workspace",
    .name = "collapse",
    .arguments = "<workspace>",
    .sentence = "Show a workspace without its children; nothing else changes.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
