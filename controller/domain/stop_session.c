/* session.stop: the workspace stays up (S0-17). What failed may be stopped too, which kills what is
 * left of it, as long as its workspace runs. */
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"

static bool nothing_to_stop(const Roost__SessionState *session, const Roost__WorkspaceState *workspace)
{
	switch (session->resource->status) {
	case ROOST__AGENT_SESSION__STATUS__STOPPING:
	case ROOST__AGENT_SESSION__STATUS__STOPPED:
		return true;
	case ROOST__AGENT_SESSION__STATUS__ERROR:
		return workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING ||
		       workspace->resource->generation != session->generation;
	default:
		return false;
	}
}

struct decision *decide_stop_session(const struct decision_inputs *inputs, const Roost__StopSessionRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct keyed_command *claim;
	if (!validate_id("id", request->id, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &claim))
		return decision;
	const Roost__SessionState *session = own_session(inputs, request->id);
	const Roost__NodeState *node = session == NULL ? NULL : own_node(inputs, session->node_id);
	if (node == NULL)
		return refuse_unknown_session(inputs, decision, request->id);
	const Roost__WorkspaceState *workspace = own_workspace(inputs, session->resource->workspace_id);
	if (nothing_to_stop(session, workspace))
		return decision_nothing(inputs, decision, (struct answer){.session = session->resource});
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_SESSION_STOPPING);
	arena_message(inputs->arena, change->session_stopping, roost__session_stopping__init);
	change->session_stopping->session_id = request->id;
	change->session_stopping->has_reason = true;
	change->session_stopping->reason = ROOST__AGENT_SESSION__STOP_REASON__USER_STOP;
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, request->id);
}
