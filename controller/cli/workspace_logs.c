/* roost workspace logs */
#include "controller/cli/logs.h"

static int run(struct invocation *invocation)
{
	return logs_run(invocation, KIND_WORKSPACE, API_logs_workspace);
}

static const struct verb_option options[] = {
    OPTIONS_LOGS,
    OPTION_END,
};

const struct verb verb_workspace_logs = {
    .noun = "workspace",
    .name = "logs",
    .arguments = "<workspace>",
    .sentence = "Show what making and keeping a workspace said, build output included.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
