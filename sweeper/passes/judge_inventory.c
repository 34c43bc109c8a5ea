/* What an inventory proves, and when it proves nothing. Each judgement is a list of reasons to look away,
 * then a list of proofs that may be missing, then the finding. */
#include "sweeper/passes/judge.h"

#include "sweeper/passes/judgement.h"

#include "bus/foundation/planted.h"
#include "bus/foundation/ulid.h"

#include <string.h>

bool sweep_agent_is_current(const struct sweep_inventory *inventory, const Roost__NodeState *node)
{
	return inventory->log_id != NULL && inventory->our_log_id != NULL && inventory->our_log_id[0] != '\0' &&
	       strcmp(inventory->log_id, inventory->our_log_id) == 0 && inventory->log_epoch == node->log_epoch &&
	       inventory->held_version >= inventory->wanted_version && inventory->held_version <= node->version;
}

bool sweep_beat_is_fresh(const struct sweep_rules *rules, const struct sweep_heard *heard)
{
	return heard->silence_ms < heard->listening_ms && heard->silence_ms <= rules->stale_ms;
}

static bool on_this_node(const char *node_id, const Roost__NodeState *node)
{
	return node_id != NULL && strcmp(node_id, node->resource->id) == 0;
}

/* What is missing before anything may follow from this inventory; NULL when nothing is. */
static const char *missing_proof(const struct sweep_rules *rules, const struct sweep_inventory *inventory,
				 const Roost__NodeState *node)
{
	if (!inventory->projection_is_newer)
		return "The sweeper's view of the log may be older than what it saw on the node.";
	if (!sweep_beat_is_fresh(rules, inventory->heard))
		return "The node has fallen silent.";
	if (!sweep_agent_is_current(inventory, node))
		return "The node does not hold all that is wanted of it.";
	return NULL;
}

static const char *seen_once(const struct sweep_inventory *inventory, int64_t first_seen_ms)
{
	if (planted(PLANTED_SWEEP_PROOF_IGNORED))
		return NULL;
	bool twice = first_seen_ms > 0 && inventory->asked_at_ms - first_seen_ms >= SWEEP_LOOKS_APART_MS;
	return twice ? NULL : "It was seen once; it takes two looks.";
}

/* It was to go, and is there. The inventory itself must be from after the time that the node was given:
 * else it may show what was before. */
static struct sweep_judgement judge_removed(const struct sweep_rules *rules, const struct sweep_inventory *inventory,
					    const Roost__NodeState *node, const char *reason, int64_t begun_ms,
					    int64_t tried_ms, int64_t patience_ms)
{
	struct sweep_judgement judgement = {
	    .reason = reason,
	    .next_step = "The node is told so once more.",
	    .since_ms = judgement_since(begun_ms, tried_ms),
	};
	if (inventory->asked_at_ms < judgement_due(begun_ms, tried_ms, patience_ms))
		return judgement_wait(judgement, "The node is given time.");
	if (!inventory->projection_is_newer || !sweep_beat_is_fresh(rules, inventory->heard))
		return judgement_wait(judgement, missing_proof(rules, inventory, node));
	return judgement_act(judgement);
}

struct sweep_judgement judge_removed_workspace(const struct sweep_rules *rules, int64_t now_ms,
					       const struct sweep_inventory *inventory, const Roost__NodeState *node,
					       const Roost__WorkspaceState *workspace,
					       const Roost__InventoryResponse__Workspace *found)
{
	int64_t begun_ms = judgement_begun(workspace->status_since_at, workspace->resource->updated_at);
	int64_t patience_ms = rules->grace_ms;
	const char *reason = NULL;
	switch (workspace->resource->status) {
	case ROOST__WORKSPACE__STATUS__DELETED:
		reason = "The workspace was deleted and is still on the node.";
		break;
	case ROOST__WORKSPACE__STATUS__DELETING:
		patience_ms += rules->stop_timeout_ms;
		if (now_ms >= begun_ms + patience_ms)
			reason = "The workspace is being deleted for too long and is still on the node.";
		break;
	case ROOST__WORKSPACE__STATUS__STOPPED:
		reason = found->running ? "The workspace was stopped and still runs." : NULL;
		break;
	case ROOST__WORKSPACE__STATUS__ERROR:
		reason = found->running ? "The workspace failed and still runs." : NULL;
		break;
	default:
		break;
	}
	if (reason == NULL || !on_this_node(workspace->resource->node_id, node))
		return judgement_nothing();
	return judge_removed(rules, inventory, node, reason, begun_ms, workspace->tried_again_at, patience_ms);
}

struct sweep_judgement judge_removed_session(const struct sweep_rules *rules, int64_t now_ms,
					     const struct sweep_inventory *inventory, const Roost__NodeState *node,
					     const Roost__SessionState *session)
{
	bool ended = session->resource->status == ROOST__AGENT_SESSION__STATUS__STOPPED ||
		     session->resource->status == ROOST__AGENT_SESSION__STATUS__ERROR;
	(void)now_ms;
	if (!ended || !on_this_node(session->node_id, node))
		return judgement_nothing();
	return judge_removed(rules, inventory, node, "The session has ended and its host is still on the node.",
			     judgement_begun(session->status_since_at, session->resource->updated_at),
			     session->tried_again_at, rules->grace_ms);
}

/* The time in an id is the controllers', the label's is the node's: neither may make it look older. */
static bool is_old_enough(const struct sweep_rules *rules, int64_t now_ms,
			  const Roost__InventoryResponse__Workspace *found)
{
	int64_t made_ms = ulid_time_ms(found->id);
	if (!found->has_made_at || found->made_at <= 0)
		return false;
	if (found->made_at > made_ms)
		made_ms = found->made_at;
	return now_ms - made_ms >= rules->unknown_age_ms || planted(PLANTED_SWEEP_AGE_IGNORED);
}

static bool was_told_of(const Roost__NodeState *node, const char *workspace_id)
{
	for (size_t i = 0; i < node->n_told_unknown; i++)
		if (strcmp(node->told_unknown[i], workspace_id) == 0)
			return true;
	return false;
}

static const char *why_spare_unknown(const struct sweep_rules *rules, int64_t now_ms,
				     const struct sweep_inventory *inventory, const Roost__NodeState *node,
				     const Roost__InventoryResponse__Workspace *found, int64_t first_seen_ms)
{
	const char *missing = missing_proof(rules, inventory, node);
	if (missing != NULL)
		return missing;
	if (node->resource->status == ROOST__NODE__STATUS__DELETING)
		return "The node is being deleted, with all that is ours on it.";
	if (!found->has_known || found->known)
		return "The node's agent believes that it is wanted.";
	if (found->owner == NULL || (strcmp(found->owner, node->owner) != 0 && !planted(PLANTED_SWEEP_LABEL_IGNORED)))
		return "Its label does not name the node's owner.";
	if (!is_old_enough(rules, now_ms, found))
		return "It is too young, or its age is not known.";
	if (node->log_epoch > 0 && was_told_of(node, found->id))
		return "It was told of; it is its owner's to keep or to remove.";
	return seen_once(inventory, first_seen_ms);
}

struct sweep_judgement judge_unknown(const struct sweep_rules *rules, int64_t now_ms,
				     const struct sweep_inventory *inventory, const Roost__NodeState *node,
				     const Roost__InventoryResponse__Workspace *found, int64_t first_seen_ms)
{
	struct sweep_judgement judgement = {.reason = "A workspace of this installation is on the node and in no log."};
	if (found->id == NULL || !ulid_valid(found->id))
		return judgement_nothing();
	judgement.since_ms = found->has_made_at ? found->made_at : 0;
	judgement.next_step = node->log_epoch > 0
				  ? "The log went back under this node, so it is kept: workspace.reap removes it."
				  : "It is taken into the log as deleting, and the node removes it.";
	const char *why_not = why_spare_unknown(rules, now_ms, inventory, node, found, first_seen_ms);
	if (why_not != NULL)
		return judgement_wait(judgement, why_not);
	return node->log_epoch > 0 ? judgement_tell(judgement) : judgement_act(judgement);
}

/* The node said that it runs before it was asked what is there; else the inventory proves nothing. */
static bool ran_before(const struct sweep_inventory *inventory, int64_t since_ms)
{
	return since_ms + SWEEP_LOOKS_APART_MS <= inventory->asked_at_ms || planted(PLANTED_SWEEP_PROOF_IGNORED);
}

struct sweep_judgement judge_absent_workspace(const struct sweep_rules *rules, int64_t now_ms,
					      const struct sweep_inventory *inventory, const Roost__NodeState *node,
					      const Roost__WorkspaceState *workspace,
					      const Roost__InventoryResponse__Workspace *found, int64_t first_seen_ms)
{
	struct sweep_judgement judgement = {
	    .reason = "The workspace should run and is not running on its node.",
	    .next_step = "It becomes an error, from which it can be restarted.",
	    .since_ms = judgement_begun(workspace->status_since_at, workspace->resource->updated_at),
	};
	(void)now_ms;
	if (!on_this_node(workspace->resource->node_id, node) ||
	    workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING ||
	    (found != NULL && found->running && found->generation == workspace->resource->generation) ||
	    !ran_before(inventory, judgement.since_ms))
		return judgement_nothing();
	const char *missing = missing_proof(rules, inventory, node);
	if (missing == NULL)
		missing = seen_once(inventory, first_seen_ms);
	return missing == NULL ? judgement_act(judgement) : judgement_wait(judgement, missing);
}

struct sweep_judgement judge_absent_session(const struct sweep_rules *rules, int64_t now_ms,
					    const struct sweep_inventory *inventory, const Roost__NodeState *node,
					    const Roost__SessionState *session, int64_t first_seen_ms)
{
	struct sweep_judgement judgement = {
	    .reason = "The session should run and has no host on its node.",
	    .next_step = "It becomes an error.",
	    .since_ms = judgement_begun(session->status_since_at, session->resource->updated_at),
	};
	(void)now_ms;
	if (!on_this_node(session->node_id, node) ||
	    session->resource->status != ROOST__AGENT_SESSION__STATUS__RUNNING ||
	    !ran_before(inventory, judgement.since_ms))
		return judgement_nothing();
	const char *missing = missing_proof(rules, inventory, node);
	if (missing == NULL)
		missing = seen_once(inventory, first_seen_ms);
	return missing == NULL ? judgement_act(judgement) : judgement_wait(judgement, missing);
}
