/* roost session stop */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {
	    .kind = KIND_SESSION, .command = API_stop_session, .goal = &goal_session_ended};
	return change_run(invocation, &change);
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_session_stop = {
    .noun = "session",
    .name = "stop",
    .arguments = "<session>",
    .sentence = "End a session and everything that it started; its last output stays readable.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
