/* roost node logs */
#include "controller/cli/logs.h"

static int run(struct invocation *invocation)
{
	return logs_run(invocation, KIND_NODE, API_logs_node);
}

static const struct verb_option options[] = {
    OPTIONS_LOGS,
    OPTION_END,
};

const struct verb verb_node_logs = {
    .noun = "node",
    .name = "logs",
    .arguments = "<node>",
    .sentence = "Show the log of a node agent.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
