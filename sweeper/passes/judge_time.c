/* What has lasted too long, by the projection's rows and the beats that were heard. */
#include "sweeper/passes/judge.h"

#include "sweeper/passes/judgement.h"

static const char silent[] = "Its node is silent.";
static const char time_left[] = "It is given time.";

/* Too long in one status, when the node is the one to end it. */
static struct sweep_judgement judge_waiting(const struct sweep_rules *rules, int64_t now_ms,
					    const struct sweep_heard *heard, int64_t begun_ms, int64_t tried_ms,
					    const char *reason)
{
	struct sweep_judgement judgement = {
	    .reason = reason,
	    .next_step = "The node is asked for it once more.",
	    .since_ms = judgement_since(begun_ms, tried_ms),
	};
	if (now_ms < judgement_due(begun_ms, tried_ms, rules->stop_timeout_ms + rules->grace_ms))
		return tried_ms > begun_ms ? judgement_wait(judgement, time_left) : judgement_nothing();
	if (!sweep_beat_is_fresh(rules, heard))
		return judgement_wait(judgement, silent);
	return judgement_act(judgement);
}

static const char *reason_of_node(const Roost__NodeState *node)
{
	switch (node->resource->status) {
	case ROOST__NODE__STATUS__CREATING:
		return "The node's agent beats and has not said that the node runs.";
	case ROOST__NODE__STATUS__STOPPING:
		return "The node has been stopping for too long.";
	case ROOST__NODE__STATUS__DELETING:
		return "The node has been deleting for too long.";
	default:
		return NULL;
	}
}

struct sweep_judgement judge_stuck_node(const struct sweep_rules *rules, int64_t now_ms,
					const struct sweep_heard *heard, const Roost__NodeState *node)
{
	const char *reason = reason_of_node(node);
	if (reason == NULL)
		return judgement_nothing();
	/* A node that nobody has joined yet may take as long as it likes. */
	if (node->resource->status == ROOST__NODE__STATUS__CREATING && !sweep_beat_is_fresh(rules, heard))
		return judgement_nothing();
	return judge_waiting(rules, now_ms, heard, judgement_begun(node->status_since_at, node->resource->updated_at),
			     node->tried_again_at, reason);
}

/* The controllers own the deadline (D13): past it and the grace they have failed to see to it. */
static struct sweep_judgement judge_creating(const struct sweep_rules *rules, int64_t now_ms,
					     const Roost__WorkspaceState *workspace)
{
	struct sweep_judgement judgement = {
	    .reason = "The workspace did not become ready before its deadline.",
	    .next_step = "It becomes an error, from which it can be restarted.",
	};
	int64_t begun_ms = judgement_begun(workspace->status_since_at, workspace->resource->updated_at);
	int64_t deadline_ms =
	    workspace->has_deadline_at ? workspace->deadline_at : begun_ms + workspace->resource->provision_timeout_ms;
	judgement.since_ms = deadline_ms;
	if (now_ms < deadline_ms)
		return judgement_nothing();
	if (now_ms < deadline_ms + rules->grace_ms)
		return judgement_wait(judgement, "The controllers are given time to see to it.");
	return judgement_act(judgement);
}

struct sweep_judgement judge_stuck_workspace(const struct sweep_rules *rules, int64_t now_ms,
					     const struct sweep_heard *heard, const Roost__WorkspaceState *workspace)
{
	const char *reason = NULL;
	switch (workspace->resource->status) {
	case ROOST__WORKSPACE__STATUS__CREATING:
		return judge_creating(rules, now_ms, workspace);
	case ROOST__WORKSPACE__STATUS__STOPPING:
		reason = "The workspace has been stopping for too long.";
		break;
	case ROOST__WORKSPACE__STATUS__DELETING:
		reason = "The workspace has been deleting for too long.";
		break;
	case ROOST__WORKSPACE__STATUS__ERROR:
		reason = workspace->left != NULL ? "The workspace could not be stopped wholly." : NULL;
		break;
	default:
		break;
	}
	if (reason == NULL)
		return judgement_nothing();
	return judge_waiting(rules, now_ms, heard,
			     judgement_begun(workspace->status_since_at, workspace->resource->updated_at),
			     workspace->tried_again_at, reason);
}

struct sweep_judgement judge_stuck_session(const struct sweep_rules *rules, int64_t now_ms,
					   const struct sweep_heard *heard, const Roost__SessionState *session)
{
	bool starting = session->resource->status == ROOST__AGENT_SESSION__STATUS__STARTING;
	if (!starting && session->resource->status != ROOST__AGENT_SESSION__STATUS__STOPPING)
		return judgement_nothing();
	return judge_waiting(
	    rules, now_ms, heard, judgement_begun(session->status_since_at, session->resource->updated_at),
	    session->tried_again_at,
	    starting ? "The session has been starting for too long." : "The session has been stopping for too long.");
}

struct sweep_judgement judge_silent_node(const struct sweep_rules *rules, const struct sweep_heard *heard,
					 const Roost__NodeState *node)
{
	struct sweep_judgement judgement = {
	    .reason = "The node is silent.",
	    .next_step = "Its workspaces keep their last known state until it returns or is deleted with abandon.",
	    .since_ms = node->silent_since_at,
	};
	Roost__Node__Status status = node->resource->status;
	bool should_beat = status == ROOST__NODE__STATUS__RUNNING || status == ROOST__NODE__STATUS__STOPPING ||
			   status == ROOST__NODE__STATUS__DELETING;
	bool announced = node->has_announced_health && node->announced_health == ROOST__NODE__HEALTH__UNHEALTHY;
	if (!should_beat || !announced || !node->has_silent_since_at || node->silence_found_at == node->silent_since_at)
		return judgement_nothing();
	if (heard->listening_ms <= 2 * rules->stale_ms + rules->grace_ms)
		return judgement_wait(judgement, "The sweeper has not listened long enough itself.");
	if (heard->silence_ms <= 2 * rules->stale_ms + rules->grace_ms)
		return judgement_wait(judgement, "The sweeper hears it, or has until a moment ago.");
	return judgement_tell(judgement);
}
