/* A function per report that compares it with the state: status and generation must be those that the
 * report follows from, otherwise it is late and changes nothing. */
#include "controller/domain/report_changes.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "bus/foundation/utf8.h"
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"
#include <string.h>

enum { MESSAGE_BYTES = 1024, STEP_BYTES = 64 };

struct reporting {
	const struct entity_store *store;
	const Roost__NodeState *node;
	const Roost__Report *report;
	struct arena *arena;
};

static const char *cut(struct arena *arena, const char *text, size_t limit)
{
	return text == NULL ? NULL : arena_copy(arena, text, utf8_prefix(text, limit));
}

/* The end of a step's output says more than its beginning. */
static const char *cut_tail(struct arena *arena, const char *text, size_t limit)
{
	size_t length = text == NULL ? 0 : strlen(text);
	if (length <= limit)
		return arena_strdup(arena, text);
	text += length - limit;
	while (((unsigned char)*text & 0xC0) == 0x80)
		text++;
	return arena_strdup(arena, text);
}

static Roost__Change *reject(const struct reporting *reporting, const char *reason)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_REPORT_REJECTED);
	arena_message(reporting->arena, change->report_rejected, roost__report_rejected__init);
	change->report_rejected->reason = reason;
	change->report_rejected->has_number = true;
	change->report_rejected->number = reporting->report->number;
	return change;
}

/* The node's workspace that a report is about, as it is after the reports before this one. */
static Roost__WorkspaceState *workspace_of(const struct reporting *reporting, const char *id)
{
	const struct entity_store *store = reporting->store;
	Roost__WorkspaceState *workspace = id == NULL ? NULL : store->workspace(store->context, id, reporting->arena);
	bool own = workspace != NULL && strcmp(workspace->resource->node_id, reporting->node->resource->id) == 0;
	return own ? workspace : NULL;
}

static Roost__SessionState *session_of(const struct reporting *reporting, const char *id)
{
	const struct entity_store *store = reporting->store;
	Roost__SessionState *session = id == NULL ? NULL : store->session(store->context, id, reporting->arena);
	bool own = session != NULL && strcmp(session->node_id, reporting->node->resource->id) == 0;
	return own ? session : NULL;
}

static bool same_capabilities(const Roost__Capabilities *left, const Roost__Capabilities *right, struct arena *arena)
{
	if (left == NULL || right == NULL)
		return left == right;
	size_t size = protobuf_c_message_get_packed_size(&left->base);
	if (size != protobuf_c_message_get_packed_size(&right->base))
		return false;
	unsigned char *a = arena_alloc(arena, size + 1), *b = arena_alloc(arena, size + 1);
	protobuf_c_message_pack(&left->base, a);
	protobuf_c_message_pack(&right->base, b);
	return memcmp(a, b, size) == 0;
}

static Roost__Change *capabilities_changed(const struct reporting *reporting, const Roost__NodeState *node,
					   Roost__Capabilities *capabilities)
{
	if (capabilities == NULL || same_capabilities(node->resource->capabilities, capabilities, reporting->arena))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_CAPABILITIES_CHANGED);
	arena_message(reporting->arena, change->node_capabilities_changed, roost__node_capabilities_changed__init);
	change->node_capabilities_changed->capabilities = capabilities;
	return change;
}

/* An agent says so at every start; the node runs already then, and only its capabilities may be new. */
static Roost__Change *node_running(const struct reporting *reporting)
{
	const struct entity_store *store = reporting->store;
	const char *id = reporting->node->resource->id;
	const Roost__NodeState *node = store->node(store->context, id, reporting->arena);
	Roost__NodeRunning *running = reporting->report->node_running;
	if (node->resource->status == ROOST__NODE__STATUS__RUNNING)
		return capabilities_changed(reporting, node, running->capabilities);
	if (!node_may_move(node->resource->status, ROOST__NODE__STATUS__RUNNING))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_RUNNING);
	change->node_running = running;
	return change;
}

static Roost__Change *node_capabilities(const struct reporting *reporting)
{
	const struct entity_store *store = reporting->store;
	const Roost__NodeState *node = store->node(store->context, reporting->node->resource->id, reporting->arena);
	return capabilities_changed(reporting, node, reporting->report->node_capabilities_changed->capabilities);
}

static Roost__Change *unknown_workspace(const struct reporting *reporting)
{
	return reject(reporting, "it is about a workspace that this node does not have");
}

static bool is(const Roost__WorkspaceState *workspace, Roost__Workspace__Status status, uint32_t generation)
{
	if (planted(PLANTED_LATE_REPORT_REVIVES) && status == ROOST__WORKSPACE__STATUS__CREATING &&
	    workspace->resource->status == ROOST__WORKSPACE__STATUS__STOPPED)
		return true;
	return workspace->resource->status == status &&
	       (workspace->resource->generation == generation || planted(PLANTED_GENERATION_IGNORED));
}

static Roost__Change *workspace_step(const struct reporting *reporting)
{
	const Roost__WorkspaceStep *step = reporting->report->workspace_step;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, step->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (!is(workspace, ROOST__WORKSPACE__STATUS__CREATING, step->generation))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STEP);
	arena_message(reporting->arena, change->workspace_step, roost__workspace_step__init);
	change->workspace_step->workspace_id = step->workspace_id;
	change->workspace_step->has_generation = true;
	change->workspace_step->generation = step->generation;
	change->workspace_step->step = cut(reporting->arena, step->step, STEP_BYTES);
	change->workspace_step->message = cut(reporting->arena, step->message, MESSAGE_BYTES);
	return change;
}

static Roost__Change *workspace_running(const struct reporting *reporting)
{
	Roost__WorkspaceRunning *running = reporting->report->workspace_running;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, running->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (!is(workspace, ROOST__WORKSPACE__STATUS__CREATING, running->generation))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RUNNING);
	change->workspace_running = running;
	return change;
}

static Roost__Change *workspace_failed(const struct reporting *reporting)
{
	const Roost__WorkspaceFailed *failed = reporting->report->workspace_failed;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, failed->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (!is(workspace, ROOST__WORKSPACE__STATUS__CREATING, failed->generation))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_FAILED);
	arena_message(reporting->arena, change->workspace_failed, roost__workspace_failed__init);
	change->workspace_failed->workspace_id = failed->workspace_id;
	change->workspace_failed->has_generation = true;
	change->workspace_failed->generation = failed->generation;
	change->workspace_failed->step = cut(reporting->arena, failed->step, STEP_BYTES);
	change->workspace_failed->message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	change->workspace_failed->detail = cut_tail(reporting->arena, failed->detail, STEP_OUTPUT_TAIL_BYTES);
	return change;
}

static Roost__Change *workspace_stopped(const struct reporting *reporting)
{
	Roost__WorkspaceStopped *stopped = reporting->report->workspace_stopped;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, stopped->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (!is(workspace, ROOST__WORKSPACE__STATUS__STOPPING, stopped->generation))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOPPED);
	change->workspace_stopped = stopped;
	return change;
}

/* The node tries again and again; only the first failure, or one with another reason, is news. */
static Roost__Change *workspace_stop_failed(const struct reporting *reporting)
{
	const Roost__WorkspaceStopFailed *failed = reporting->report->workspace_stop_failed;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, failed->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	const char *message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	const char *known = workspace->resource->error_message;
	bool deleting = is(workspace, ROOST__WORKSPACE__STATUS__DELETING, failed->generation);
	bool news = known == NULL || message == NULL || strcmp(known, message) != 0;
	if (!is(workspace, ROOST__WORKSPACE__STATUS__STOPPING, failed->generation) && !(deleting && news))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOP_FAILED);
	arena_message(reporting->arena, change->workspace_stop_failed, roost__workspace_stop_failed__init);
	change->workspace_stop_failed->workspace_id = failed->workspace_id;
	change->workspace_stop_failed->has_generation = true;
	change->workspace_stop_failed->generation = failed->generation;
	change->workspace_stop_failed->message = message;
	return change;
}

static Roost__Change *workspace_removed(const struct reporting *reporting)
{
	Roost__WorkspaceDeleted *removed = reporting->report->workspace_removed;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, removed->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (workspace->resource->status != ROOST__WORKSPACE__STATUS__DELETING)
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_DELETED);
	change->workspace_deleted = removed;
	return change;
}

/* A sandbox may also go while it is being made. While it stops, going is what was asked of it. */
static Roost__Change *workspace_lost(const struct reporting *reporting)
{
	const Roost__WorkspaceLost *lost = reporting->report->workspace_lost;
	const Roost__WorkspaceState *workspace = workspace_of(reporting, lost->workspace_id);
	if (workspace == NULL)
		return unknown_workspace(reporting);
	if (!is(workspace, ROOST__WORKSPACE__STATUS__RUNNING, lost->generation) &&
	    !is(workspace, ROOST__WORKSPACE__STATUS__CREATING, lost->generation))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_LOST);
	arena_message(reporting->arena, change->workspace_lost, roost__workspace_lost__init);
	change->workspace_lost->workspace_id = lost->workspace_id;
	change->workspace_lost->has_generation = true;
	change->workspace_lost->generation = lost->generation;
	change->workspace_lost->message = cut(reporting->arena, lost->message, MESSAGE_BYTES);
	return change;
}

static Roost__Change *unknown_session(const struct reporting *reporting)
{
	return reject(reporting, "it is about a session that this node does not have");
}

static Roost__Change *session_running(const struct reporting *reporting)
{
	Roost__SessionRunning *running = reporting->report->session_running;
	const Roost__SessionState *session = session_of(reporting, running->session_id);
	if (session == NULL)
		return unknown_session(reporting);
	if (!session_may_move(session->resource->status, ROOST__AGENT_SESSION__STATUS__RUNNING))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_RUNNING);
	change->session_running = running;
	return change;
}

static Roost__Change *session_ended(const struct reporting *reporting)
{
	Roost__SessionEnded *ended = reporting->report->session_ended;
	const Roost__SessionState *session = session_of(reporting, ended->session_id);
	if (session == NULL)
		return unknown_session(reporting);
	if (!session_is_live(session->resource->status))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_ENDED);
	change->session_ended = ended;
	return change;
}

static Roost__Change *session_failed(const struct reporting *reporting)
{
	const Roost__SessionFailed *failed = reporting->report->session_failed;
	const Roost__SessionState *session = session_of(reporting, failed->session_id);
	if (session == NULL)
		return unknown_session(reporting);
	if (!session_is_live(session->resource->status))
		return NULL;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_FAILED);
	arena_message(reporting->arena, change->session_failed, roost__session_failed__init);
	change->session_failed->session_id = failed->session_id;
	change->session_failed->message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	return change;
}

Roost__Change *report_change(const struct entity_store *store, const Roost__NodeState *node,
			     const Roost__Report *report, struct arena *arena)
{
	static Roost__Change *(*const functions[])(const struct reporting *reporting) = {
	    [ROOST__REPORT__REPORT_NODE_RUNNING] = node_running,
	    [ROOST__REPORT__REPORT_NODE_CAPABILITIES_CHANGED] = node_capabilities,
	    [ROOST__REPORT__REPORT_WORKSPACE_STEP] = workspace_step,
	    [ROOST__REPORT__REPORT_WORKSPACE_RUNNING] = workspace_running,
	    [ROOST__REPORT__REPORT_WORKSPACE_FAILED] = workspace_failed,
	    [ROOST__REPORT__REPORT_WORKSPACE_STOPPED] = workspace_stopped,
	    [ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED] = workspace_stop_failed,
	    [ROOST__REPORT__REPORT_WORKSPACE_REMOVED] = workspace_removed,
	    [ROOST__REPORT__REPORT_WORKSPACE_LOST] = workspace_lost,
	    [ROOST__REPORT__REPORT_SESSION_RUNNING] = session_running,
	    [ROOST__REPORT__REPORT_SESSION_ENDED] = session_ended,
	    [ROOST__REPORT__REPORT_SESSION_FAILED] = session_failed,
	};
	struct reporting reporting = {.store = store, .node = node, .report = report, .arena = arena};
	size_t number = (size_t)report->report_case;
	if (number >= sizeof(functions) / sizeof(functions[0]) || functions[number] == NULL)
		return reject(&reporting, "it is of a kind that this controller does not know");
	return functions[number](&reporting);
}
