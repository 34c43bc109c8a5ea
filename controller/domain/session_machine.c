/* The state machine of agent sessions.
 *
 *   starting -> running -> stopping -> stopped
 *   starting, running, stopping -> error
 *   starting -> stopping, and starting, running -> stopped (it ended by itself)
 *   stopped is final; so is error, but for error -> stopping, which kills what is left
 */
#include "controller/domain/states.h"
#include <stddef.h>

#define STATE(name) (1u << ROOST__AGENT_SESSION__STATUS__##name)

static const struct {
	const char *word;
	unsigned may_become;
} machine[] = {
    [ROOST__AGENT_SESSION__STATUS__STARTING] = {"starting",
						STATE(RUNNING) | STATE(STOPPING) | STATE(STOPPED) | STATE(ERROR)},
    [ROOST__AGENT_SESSION__STATUS__RUNNING] = {"running", STATE(STOPPING) | STATE(STOPPED) | STATE(ERROR)},
    [ROOST__AGENT_SESSION__STATUS__STOPPING] = {"stopping", STATE(STOPPED) | STATE(ERROR)},
    [ROOST__AGENT_SESSION__STATUS__STOPPED] = {"stopped", 0},
    [ROOST__AGENT_SESSION__STATUS__ERROR] = {"error", STATE(STOPPING)},
};

static bool known(Roost__AgentSession__Status status)
{
	return (unsigned)status < sizeof(machine) / sizeof(machine[0]) && machine[status].word != NULL;
}

bool session_may_move(Roost__AgentSession__Status from, Roost__AgentSession__Status to)
{
	return known(from) && known(to) && (machine[from].may_become & 1u << to) != 0;
}

bool session_move(Roost__SessionState *session, Roost__AgentSession__Status to, int64_t at_ms)
{
	Roost__AgentSession *resource = session->resource;
	if (!session_may_move(resource->status, to))
		return false;
	resource->has_status = true;
	resource->status = to;
	resource->has_updated_at = true;
	resource->updated_at = at_ms;
	resource->has_stopped_at = !session_is_live(to);
	resource->stopped_at = resource->has_stopped_at ? at_ms : 0;
	session->has_status_since_at = true;
	session->status_since_at = at_ms;
	session->has_tried_again_at = false;
	session->tried_again_at = 0;
	return true;
}

const char *session_status_word(Roost__AgentSession__Status status)
{
	return known(status) ? machine[status].word : NULL;
}

bool session_is_live(Roost__AgentSession__Status status)
{
	return status == ROOST__AGENT_SESSION__STATUS__STARTING || status == ROOST__AGENT_SESSION__STATUS__RUNNING ||
	       status == ROOST__AGENT_SESSION__STATUS__STOPPING;
}
