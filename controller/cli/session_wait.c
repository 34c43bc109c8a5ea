/* roost session wait */
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	uint64_t seq = 0;
	const char *id = argument_id(invocation, 0, KIND_SESSION, &seq);
	return id == NULL ? EXIT_FAILED : show_outcome(invocation, &goal_session_ended, id, seq, seq);
}

static const struct verb_option options[] = {
    {"timeout", "seconds", "How long it waits, a day without it; then the exit status is 3."},
    OPTION_END,
};

const struct verb verb_session_wait = {
    .noun = "session",
    .name = "wait",
    .arguments = "<session>",
    .sentence = "Return when a session has ended, whatever its exit code.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
