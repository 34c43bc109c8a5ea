/* Between the files that apply changes; nobody else's business. */
#ifndef ROOST_CONTROLLER_DOMAIN_CHANGES_H
#define ROOST_CONTROLLER_DOMAIN_CHANGES_H

#include "controller/domain/apply.h"
#include "controller/domain/describe.h"

struct applying {
	const struct entity_store *store;
	struct arena *arena;
	const Roost__Record *record;
	uint64_t seq;
	Roost__OwnerState *owner; /* of an owner's record; changed in place, put at the end */
	Roost__NodeState *node;	  /* of a node's record; the same */
	struct described about;	  /* what the present change is about, after it */
};

/* Each gives false when the change does not apply: it names nothing that exists, or its move is not in
 * the table. Nothing is changed then. */
typedef bool apply_function(struct applying *applying, const Roost__Change *change);

apply_function apply_owner_node_claimed, apply_owner_workspace_placed, apply_owner_node_released;
apply_function apply_snapshot;
apply_function apply_node_created, apply_node_running, apply_node_stopping, apply_node_stopped, apply_node_failed,
    apply_node_deleting, apply_node_deleted, apply_node_health_changed, apply_node_capabilities_changed,
    apply_node_starting, apply_node_stop_failed, apply_node_degraded, apply_node_recovered, apply_log_rolled_back;
apply_function apply_workspace_created, apply_workspace_step, apply_workspace_running, apply_workspace_failed,
    apply_workspace_stopping, apply_workspace_stopped, apply_workspace_restarting, apply_workspace_renamed,
    apply_workspace_deleting, apply_workspace_deleted, apply_workspace_stop_failed, apply_workspace_lost,
    apply_workspace_rebuilding, apply_workspace_collapsed, apply_workspace_generation_raised;
apply_function apply_session_created, apply_session_running, apply_session_stopping, apply_session_ended,
    apply_session_failed;
apply_function apply_sweeper_found, apply_node_wanted_anew, apply_workspace_wanted_anew, apply_session_wanted_anew,
    apply_workspace_found;

/* What a workspace's or node's change does to sessions. They change the workspace, too; the caller
 * puts it. Stop: every session that starts or runs becomes stopping, for that reason. End: every live
 * session of an earlier generation than `before` ends; what was stopping is stopped, what nobody had
 * stopped is in error with `message`. */
void stop_sessions_of(struct applying *applying, Roost__WorkspaceState *workspace,
		      Roost__AgentSession__StopReason reason);
void end_sessions_of(struct applying *applying, Roost__WorkspaceState *workspace, uint32_t before, const char *message);

/* What a failed stop left behind. A state with one has a stop that failed, also when nothing was said of
 * what is left. Same: nothing new in another word about the same failure. */
Roost__LeftBehind *left_of(const struct applying *applying, Roost__LeftBehind *told);
bool same_failure(const Roost__LeftBehind *known, const char *known_message, const Roost__LeftBehind *told,
		  const char *message);

/* Sets the version at which what is wanted changed. */
static inline void want_node_anew(const struct applying *applying)
{
	applying->node->has_wanted_version = true;
	applying->node->wanted_version = applying->record->version;
}

static inline void want_workspace_anew(const struct applying *applying, Roost__WorkspaceState *workspace)
{
	workspace->has_wanted_version = true;
	workspace->wanted_version = applying->record->version;
}

static inline void want_session_anew(const struct applying *applying, Roost__SessionState *session)
{
	session->has_wanted_version = true;
	session->wanted_version = applying->record->version;
}

#endif
