/* Changes of agent sessions, and what a workspace's changes do to its sessions. A workspace keeps the
 * list of its live ones. */
#include "controller/domain/changes.h"

#include "bus/foundation/planted.h"
#include "controller/domain/states.h"
#include <string.h>

static int64_t now(const struct applying *applying)
{
	return applying->record->recorded_at;
}

static Roost__SessionState *load(const struct applying *applying, const char *id)
{
	const struct entity_store *store = applying->store;
	Roost__SessionState *session = id == NULL ? NULL : store->session(store->context, id, applying->arena);
	if (session == NULL || strcmp(session->node_id, applying->record->aggregate_id) != 0)
		return NULL;
	return session;
}

static Roost__WorkspaceState *workspace_of(const struct applying *applying, const Roost__SessionState *session)
{
	const struct entity_store *store = applying->store;
	return store->workspace(store->context, session->resource->workspace_id, applying->arena);
}

static void put(const struct applying *applying, const Roost__SessionState *session)
{
	applying->store->put_session(applying->store->context, session);
}

static void set_reason(Roost__SessionState *session, Roost__AgentSession__StopReason reason)
{
	session->resource->has_stop_reason = true;
	session->resource->stop_reason = reason;
}

/* Stops a session for a reason, unless it is stopping for another already. */
static bool stop(const struct applying *applying, Roost__SessionState *session, Roost__AgentSession__StopReason reason)
{
	if (!session_move(session, ROOST__AGENT_SESSION__STATUS__STOPPING, now(applying)))
		return false;
	set_reason(session, reason);
	want_session_anew(applying, session);
	return true;
}

/* To stopped or error. Whoever asked for the end is its reason; `otherwise` is when nobody did. */
static bool end(const struct applying *applying, Roost__SessionState *session, Roost__AgentSession__Status status,
		Roost__AgentSession__StopReason otherwise)
{
	bool asked = session->resource->status == ROOST__AGENT_SESSION__STATUS__STOPPING;
	if (!session_move(session, status, now(applying)))
		return false;
	if (!asked)
		set_reason(session, otherwise);
	want_session_anew(applying, session);
	return true;
}

static bool ended_with_workspace(const Roost__SessionState *session)
{
	switch (session->resource->stop_reason) {
	case ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP:
	case ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART:
	case ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP:
		return true;
	default:
		return false;
	}
}

static void add_live(struct arena *arena, Roost__WorkspaceState *workspace, const char *id)
{
	const char **live = arena_array_of(arena, const char *, workspace->n_live_sessions + 1);
	for (size_t i = 0; i < workspace->n_live_sessions; i++)
		live[i] = workspace->live_sessions[i];
	live[workspace->n_live_sessions++] = arena_strdup(arena, id);
	workspace->live_sessions = live;
}

static void remove_live(Roost__WorkspaceState *workspace, const char *id)
{
	size_t kept = 0;
	for (size_t i = 0; i < workspace->n_live_sessions; i++)
		if (strcmp(workspace->live_sessions[i], id) != 0)
			workspace->live_sessions[kept++] = workspace->live_sessions[i];
	workspace->n_live_sessions = kept;
}

/* S0-12: shown at the workspace from now on, also once it runs again. */
static void note_ended(Roost__WorkspaceState *workspace)
{
	workspace->resource->has_prior_sessions_ended = true;
	workspace->resource->prior_sessions_ended = true;
}

void stop_sessions_of(struct applying *applying, Roost__WorkspaceState *workspace,
		      Roost__AgentSession__StopReason reason)
{
	for (size_t i = 0; i < workspace->n_live_sessions && !planted(PLANTED_SESSIONS_OUTLIVE); i++) {
		Roost__SessionState *session = load(applying, workspace->live_sessions[i]);
		if (session != NULL && stop(applying, session, reason))
			put(applying, session);
	}
}

void end_sessions_of(struct applying *applying, Roost__WorkspaceState *workspace, uint32_t before, const char *message)
{
	size_t kept = 0;
	for (size_t i = 0; i < workspace->n_live_sessions; i++) {
		Roost__SessionState *session = load(applying, workspace->live_sessions[i]);
		if (planted(PLANTED_SESSIONS_OUTLIVE))
			continue;
		if (session != NULL && session->generation >= before) {
			workspace->live_sessions[kept++] = workspace->live_sessions[i];
			continue;
		}
		if (session == NULL)
			continue;
		bool asked = session->resource->status == ROOST__AGENT_SESSION__STATUS__STOPPING;
		end(applying, session,
		    asked ? ROOST__AGENT_SESSION__STATUS__STOPPED : ROOST__AGENT_SESSION__STATUS__ERROR,
		    ROOST__AGENT_SESSION__STOP_REASON__FAILED);
		if (!asked)
			session->resource->error_message = message;
		put(applying, session);
		note_ended(workspace);
	}
	workspace->n_live_sessions = kept;
}

bool apply_session_created(struct applying *applying, const Roost__Change *change)
{
	const Roost__SessionCreated *created = change->session_created;
	const struct entity_store *store = applying->store;
	if (created->session_id == NULL || created->workspace_id == NULL)
		return false;
	Roost__WorkspaceState *workspace = store->workspace(store->context, created->workspace_id, applying->arena);
	if (workspace == NULL || strcmp(workspace->resource->node_id, applying->record->aggregate_id) != 0 ||
	    workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING ||
	    store->session(store->context, created->session_id, applying->arena) != NULL)
		return false;
	Roost__SessionState *session;
	Roost__AgentSession *resource;
	arena_message(applying->arena, session, roost__session_state__init);
	arena_message(applying->arena, resource, roost__agent_session__init);
	resource->id = created->session_id;
	resource->workspace_id = created->workspace_id;
	resource->label = created->label;
	resource->agent_type = created->agent_type;
	resource->has_status = true;
	resource->status = ROOST__AGENT_SESSION__STATUS__STARTING;
	resource->has_created_at = resource->has_updated_at = true;
	resource->created_at = resource->updated_at = now(applying);
	session->resource = resource;
	session->has_status_since_at = true;
	session->status_since_at = now(applying);
	session->owner = applying->node->owner;
	session->node_id = applying->record->aggregate_id;
	session->has_generation = true;
	session->generation = created->generation;
	session->n_command = created->n_command;
	session->command = created->command;
	session->has_cols = created->has_cols;
	session->cols = created->cols;
	session->has_rows = created->has_rows;
	session->rows = created->rows;
	want_session_anew(applying, session);
	put(applying, session);
	add_live(applying->arena, workspace, created->session_id);
	store->put_workspace(store->context, workspace);
	applying->about.session = session;
	applying->about.workspace = workspace;
	return true;
}

bool apply_session_running(struct applying *applying, const Roost__Change *change)
{
	Roost__SessionState *session = load(applying, change->session_running->session_id);
	if (session == NULL || !session_move(session, ROOST__AGENT_SESSION__STATUS__RUNNING, now(applying)))
		return false;
	put(applying, session);
	applying->about.session = session;
	return true;
}

bool apply_session_stopping(struct applying *applying, const Roost__Change *change)
{
	const Roost__SessionStopping *stopping = change->session_stopping;
	Roost__SessionState *session = load(applying, stopping->session_id);
	Roost__WorkspaceState *workspace = session == NULL ? NULL : workspace_of(applying, session);
	if (workspace == NULL)
		return false;
	bool was_live = session_is_live(session->resource->status);
	if (!stop(applying, session, stopping->reason))
		return false;
	put(applying, session);
	if (!was_live) { /* it had failed, and what is left of it is killed */
		add_live(applying->arena, workspace, session->resource->id);
		applying->store->put_workspace(applying->store->context, workspace);
	}
	applying->about.session = session;
	applying->about.workspace = workspace;
	return true;
}

/* The common end of a session that the node reports. */
static bool put_ended(struct applying *applying, Roost__SessionState *session)
{
	Roost__WorkspaceState *workspace = workspace_of(applying, session);
	put(applying, session);
	applying->about.session = session;
	if (workspace == NULL)
		return true;
	remove_live(workspace, session->resource->id);
	if (ended_with_workspace(session))
		note_ended(workspace);
	applying->store->put_workspace(applying->store->context, workspace);
	applying->about.workspace = workspace;
	return true;
}

bool apply_session_ended(struct applying *applying, const Roost__Change *change)
{
	const Roost__SessionEnded *ended = change->session_ended;
	Roost__SessionState *session = load(applying, ended->session_id);
	Roost__AgentSession__StopReason reason =
	    ended->has_reason ? ended->reason : ROOST__AGENT_SESSION__STOP_REASON__EXITED;
	if (session == NULL || !end(applying, session, ROOST__AGENT_SESSION__STATUS__STOPPED, reason))
		return false;
	session->resource->has_exit_code = ended->has_exit_code;
	session->resource->exit_code = ended->exit_code;
	return put_ended(applying, session);
}

bool apply_session_failed(struct applying *applying, const Roost__Change *change)
{
	const Roost__SessionFailed *failed = change->session_failed;
	Roost__SessionState *session = load(applying, failed->session_id);
	if (session == NULL ||
	    !end(applying, session, ROOST__AGENT_SESSION__STATUS__ERROR, ROOST__AGENT_SESSION__STOP_REASON__FAILED))
		return false;
	session->resource->error_message = failed->message;
	return put_ended(applying, session);
}
