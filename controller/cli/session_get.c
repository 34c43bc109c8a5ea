/* roost session get */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	return get_run(invocation, KIND_SESSION, API_get_session);
}

const struct verb verb_session_get = {
    .noun = "session",
    .name = "get",
    .arguments = "<session>",
    .sentence = "Show everything about one session.",
    .least = 1,
    .most = 1,
    .run = run,
};
