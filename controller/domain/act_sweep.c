/* What the sweeper found, judged again by the state of the log: a function per pass gives the change that
 * is to follow, and the record is that change after a sweeper_found. A finding that the state does not bear
 * out, or about which something was done a moment ago, makes nothing; so a finding that comes twice acts
 * once. Nothing here asks what a node has: that is the sweeper's to prove (D16). */
#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "bus/foundation/utf8.h"
#include "controller/domain/deciding.h"
#include "controller/domain/provision_deadline.h"
#include "controller/domain/validate.h"
#include "controller/domain/wanted.h"
#include <string.h>

enum { TEXT_BYTES = 1024, PAUSE_MAX_MS = 60 * 60 * 1000 };

struct judging {
	const struct decision_inputs *inputs;
	const Roost__SweepFinding *finding;
	const Roost__NodeState *node;
	const Roost__WorkspaceState *workspace; /* what the finding is about; NULL when it is not, or not there */
	const Roost__SessionState *session;
	Roost__Change *change; /* what follows besides the telling; may stay NULL */
};

/* A state counts as stuck only after the grace; what was tried again gets a pause that grows with how long
 * the state has lasted, so that the number of tries, and so of records, grows ever more slowly. */
static bool is_due(const struct judging *judging, int64_t since_ms, bool tried, int64_t tried_at_ms)
{
	int64_t grace = judging->inputs->limits.sweep_grace_ms, now = judging->inputs->now_ms;
	if (planted(PLANTED_SWEEP_PROOF_IGNORED))
		return true;
	if (!tried)
		return now - since_ms >= grace;
	int64_t pause = (tried_at_ms - since_ms) / 2;
	if (pause < grace)
		pause = grace;
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	return now - tried_at_ms >= pause;
}

static bool workspace_is_due(const struct judging *judging)
{
	const Roost__WorkspaceState *workspace = judging->workspace;
	return is_due(judging, workspace->status_since_at, workspace->has_tried_again_at, workspace->tried_again_at);
}

static bool session_is_due(const struct judging *judging)
{
	const Roost__SessionState *session = judging->session;
	return is_due(judging, session->status_since_at, session->has_tried_again_at, session->tried_again_at);
}

/* Nobody can do anything about what is on a node that is not heard; it keeps its state (D3). */
static bool is_silent(const Roost__NodeState *node)
{
	return node->has_announced_health && node->announced_health == ROOST__NODE__HEALTH__UNHEALTHY;
}

static bool workspace_anew(struct judging *judging)
{
	struct arena *arena = judging->inputs->arena;
	judging->change = change_new(arena, ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW);
	arena_message(arena, judging->change->workspace_wanted_anew, roost__workspace_wanted_anew__init);
	judging->change->workspace_wanted_anew->workspace_id = judging->workspace->resource->id;
	return true;
}

static bool session_anew(struct judging *judging)
{
	struct arena *arena = judging->inputs->arena;
	judging->change = change_new(arena, ROOST__CHANGE__CHANGE_SESSION_WANTED_ANEW);
	arena_message(arena, judging->change->session_wanted_anew, roost__session_wanted_anew__init);
	judging->change->session_wanted_anew->session_id = judging->session->resource->id;
	return true;
}

static bool session_fails(struct judging *judging, const char *message)
{
	struct arena *arena = judging->inputs->arena;
	judging->change = change_new(arena, ROOST__CHANGE__CHANGE_SESSION_FAILED);
	arena_message(arena, judging->change->session_failed, roost__session_failed__init);
	judging->change->session_failed->session_id = judging->session->resource->id;
	judging->change->session_failed->message = message;
	return true;
}

/* It is not to run, and runs: also what was stopped, and a session that has ended. */
static bool judge_removed(struct judging *judging)
{
	if (judging->session != NULL)
		return wanted_of_session(judging->session->resource->status) == ROOST__WANTED_SESSION__DESIRED__STOP &&
		       session_is_due(judging) && session_anew(judging);
	return judging->workspace != NULL &&
	       wanted_of_workspace(judging->workspace->resource->status) != ROOST__WANTED_WORKSPACE__DESIRED__RUN &&
	       workspace_is_due(judging) && workspace_anew(judging);
}

static bool told_already(const Roost__NodeState *node, const char *workspace_id)
{
	for (size_t i = 0; i < node->n_told_unknown; i++)
		if (strcmp(node->told_unknown[i], workspace_id) == 0)
			return true;
	return node->n_told_unknown >= UNKNOWN_WORKSPACES_MAX;
}

/* Where the log went back, what it does not know may be somebody's work: it is told of, once. */
static bool judge_unknown(struct judging *judging)
{
	const struct decision_inputs *inputs = judging->inputs;
	const struct entity_store *store = inputs->store;
	const char *id = judging->finding->workspace_id;
	if (id == NULL || store->workspace(store->context, id, inputs->arena) != NULL)
		return false;
	if (judging->node->log_epoch > 0)
		return !told_already(judging->node, id);
	judging->change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_FOUND);
	arena_message(inputs->arena, judging->change->workspace_found, roost__workspace_found__init);
	judging->change->workspace_found->workspace_id = id;
	judging->change->workspace_found->has_generation = judging->finding->has_generation;
	judging->change->workspace_found->generation = judging->finding->generation;
	return true;
}

/* Only in the generation that was looked for: it may have been restarted since. */
static bool judge_absent(struct judging *judging)
{
	struct arena *arena = judging->inputs->arena;
	if (judging->node->resource->status != ROOST__NODE__STATUS__RUNNING)
		return false;
	if (judging->session != NULL)
		return wanted_of_session(judging->session->resource->status) == ROOST__WANTED_SESSION__DESIRED__RUN &&
		       session_is_due(judging) &&
		       session_fails(judging, "It is no longer there: nothing of it runs on its node.");
	const Roost__WorkspaceState *workspace = judging->workspace;
	if (workspace == NULL || workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING ||
	    workspace->resource->generation != judging->finding->generation || !workspace_is_due(judging))
		return false;
	judging->change = change_new(arena, ROOST__CHANGE__CHANGE_WORKSPACE_LOST);
	arena_message(arena, judging->change->workspace_lost, roost__workspace_lost__init);
	judging->change->workspace_lost->workspace_id = workspace->resource->id;
	judging->change->workspace_lost->has_generation = true;
	judging->change->workspace_lost->generation = workspace->resource->generation;
	judging->change->workspace_lost->message = "It is no longer there: nothing of it runs on its node.";
	return true;
}

/* A start that was asked for twice and did not come is over; what is left of it is killed then. */
static bool judge_stuck_session(struct judging *judging)
{
	switch (judging->session->resource->status) {
	case ROOST__AGENT_SESSION__STATUS__STARTING:
		if (!session_is_due(judging))
			return false;
		return judging->session->has_tried_again_at ? session_fails(judging, "It did not start in time.")
							    : session_anew(judging);
	case ROOST__AGENT_SESSION__STATUS__STOPPING:
		return session_is_due(judging) && session_anew(judging);
	default:
		return false;
	}
}

static bool judge_stuck_workspace(struct judging *judging)
{
	switch (judging->workspace->resource->status) {
	case ROOST__WORKSPACE__STATUS__CREATING:
		judging->change =
		    provision_deadline_change(judging->workspace, judging->inputs->now_ms, judging->inputs->arena);
		return judging->change != NULL;
	case ROOST__WORKSPACE__STATUS__ERROR:
		if (judging->workspace->left == NULL) /* no stop has failed: there is nothing to try again */
			return false;
		/* fall through */
	case ROOST__WORKSPACE__STATUS__STOPPING:
	case ROOST__WORKSPACE__STATUS__DELETING:
		return !is_silent(judging->node) && workspace_is_due(judging) && workspace_anew(judging);
	default:
		return false;
	}
}

static bool judge_stuck_node(struct judging *judging)
{
	const Roost__NodeState *node = judging->node;
	switch (node->resource->status) {
	case ROOST__NODE__STATUS__CREATING:
	case ROOST__NODE__STATUS__STOPPING:
	case ROOST__NODE__STATUS__DELETING:
		break;
	default:
		return false;
	}
	if (!is_due(judging, node->status_since_at, node->has_tried_again_at, node->tried_again_at))
		return false;
	judging->change = change_new(judging->inputs->arena, ROOST__CHANGE__CHANGE_NODE_WANTED_ANEW);
	arena_message(judging->inputs->arena, judging->change->node_wanted_anew, roost__node_wanted_anew__init);
	return true;
}

static bool judge_stuck(struct judging *judging)
{
	const Roost__SweepFinding *finding = judging->finding;
	if (finding->session_id != NULL)
		return judging->session != NULL && !is_silent(judging->node) && judge_stuck_session(judging);
	if (finding->workspace_id != NULL)
		return judging->workspace != NULL && judge_stuck_workspace(judging);
	return judge_stuck_node(judging);
}

/* Once per silence. */
static bool judge_silent(struct judging *judging)
{
	const Roost__NodeState *node = judging->node;
	bool told = node->has_silence_found_at && node->silence_found_at == node->silent_since_at;
	return is_silent(node) && node->has_silent_since_at && !told;
}

static bool (*const judges[])(struct judging *judging) = {
    [ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING] = judge_removed,
    [ROOST__SWEEP_FINDING__PASS__UNKNOWN] = judge_unknown,
    [ROOST__SWEEP_FINDING__PASS__ABSENT] = judge_absent,
    [ROOST__SWEEP_FINDING__PASS__STUCK] = judge_stuck,
    [ROOST__SWEEP_FINDING__PASS__SILENT_NODE] = judge_silent,
};

/* The owner's node that still exists, and what the finding is about, as far as it is on that node. */
static bool look_up(struct judging *judging)
{
	const struct decision_inputs *inputs = judging->inputs;
	const struct entity_store *store = inputs->store;
	const Roost__SweepFinding *finding = judging->finding;
	judging->node = finding->node_id == NULL ? NULL : own_node(inputs, finding->node_id);
	if (judging->node == NULL)
		return false;
	if (finding->workspace_id != NULL)
		judging->workspace = store->workspace(store->context, finding->workspace_id, inputs->arena);
	if (judging->workspace != NULL && strcmp(judging->workspace->resource->node_id, finding->node_id) != 0)
		judging->workspace = NULL;
	if (finding->session_id != NULL)
		judging->session = store->session(store->context, finding->session_id, inputs->arena);
	if (judging->session != NULL && strcmp(judging->session->node_id, finding->node_id) != 0)
		judging->session = NULL;
	return finding->session_id == NULL || judging->session != NULL;
}

static const char *cut(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_copy(arena, text, utf8_prefix(text, TEXT_BYTES));
}

static Roost__Change *tell(const struct judging *judging)
{
	struct arena *arena = judging->inputs->arena;
	const Roost__SweepFinding *finding = judging->finding;
	Roost__Change *change = change_new(arena, ROOST__CHANGE__CHANGE_SWEEPER_FOUND);
	arena_message(arena, change->sweeper_found, roost__sweeper_found__init);
	change->sweeper_found->has_pass = true;
	change->sweeper_found->pass = finding->pass;
	change->sweeper_found->workspace_id = finding->workspace_id;
	change->sweeper_found->session_id = finding->session_id;
	change->sweeper_found->reason = cut(arena, finding->reason);
	change->sweeper_found->next_step = cut(arena, finding->next_step);
	return change;
}

static bool request_is_valid(const Roost__SweepFinding *finding, struct error *error)
{
	size_t pass = finding->has_pass ? (size_t)finding->pass : 0;
	if (pass >= sizeof(judges) / sizeof(judges[0]) || judges[pass] == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "pass: must be one whose findings are acted on");
	return validate_id("nodeId", finding->node_id, error) &&
	       (finding->workspace_id == NULL || validate_id("workspaceId", finding->workspace_id, error)) &&
	       (finding->session_id == NULL || validate_id("sessionId", finding->session_id, error));
}

struct decision *decide_act_sweep(const struct decision_inputs *inputs, const Roost__SweepFinding *finding)
{
	struct decision *decision = decision_new(inputs);
	struct judging judging = {.inputs = inputs, .finding = finding};
	if (!request_is_valid(finding, &decision->refusal))
		return decision_invalid(decision);
	if (!look_up(&judging) || !judges[finding->pass](&judging))
		return decision_nothing(inputs, decision, (struct answer){0});
	Roost__Change *changes[] = {tell(&judging), judging.change};
	struct aggregate aggregate = aggregate_of_node(judging.node);
	return decision_append(inputs, decision, &aggregate, changes, judging.change == NULL ? 1 : 2, NULL);
}
