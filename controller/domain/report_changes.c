/* A function per report gives the change that it would make. Whether it is late (another status, another
 * generation) or says nothing new is the rule of the change itself, in apply: whoever takes reports tries
 * each change and drops what does not apply. */
#include "controller/domain/report_changes.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "bus/foundation/utf8.h"
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"
#include <string.h>

enum { MESSAGE_BYTES = 1024, STEP_BYTES = 64, GENERATION_LEAP_MAX = 1000000 };

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

static Roost__Change *node_stopped(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_STOPPED);
	change->node_stopped = reporting->report->node_stopped;
	return change;
}

/* Only the node's own word that nothing is left; what was abandoned was so by a decision. */
static Roost__Change *node_removed(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_DELETED);
	arena_message(reporting->arena, change->node_deleted, roost__node_deleted__init);
	return change;
}

static Roost__Change *node_stop_failed(const struct reporting *reporting)
{
	const Roost__NodeStopFailed *failed = reporting->report->node_stop_failed;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_STOP_FAILED);
	arena_message(reporting->arena, change->node_stop_failed, roost__node_stop_failed__init);
	change->node_stop_failed->message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	change->node_stop_failed->left = failed->left;
	return change;
}

static Roost__Change *node_degraded(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_DEGRADED);
	arena_message(reporting->arena, change->node_degraded, roost__node_degraded__init);
	change->node_degraded->message =
	    cut(reporting->arena, reporting->report->node_degraded->message, MESSAGE_BYTES);
	return change;
}

static Roost__Change *node_recovered(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_NODE_RECOVERED);
	change->node_recovered = reporting->report->node_recovered;
	return change;
}

static Roost__Change *workspace_step(const struct reporting *reporting)
{
	const Roost__WorkspaceStep *step = reporting->report->workspace_step;
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
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_RUNNING);
	change->workspace_running = reporting->report->workspace_running;
	return change;
}

static Roost__Change *workspace_failed(const struct reporting *reporting)
{
	const Roost__WorkspaceFailed *failed = reporting->report->workspace_failed;
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
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOPPED);
	change->workspace_stopped = reporting->report->workspace_stopped;
	return change;
}

static Roost__Change *workspace_stop_failed(const struct reporting *reporting)
{
	const Roost__WorkspaceStopFailed *failed = reporting->report->workspace_stop_failed;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_STOP_FAILED);
	arena_message(reporting->arena, change->workspace_stop_failed, roost__workspace_stop_failed__init);
	change->workspace_stop_failed->workspace_id = failed->workspace_id;
	change->workspace_stop_failed->has_generation = true;
	change->workspace_stop_failed->generation = failed->generation;
	change->workspace_stop_failed->message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	change->workspace_stop_failed->left = failed->left;
	return change;
}

static Roost__Change *workspace_removed(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_DELETED);
	change->workspace_deleted = reporting->report->workspace_removed;
	return change;
}

static Roost__Change *workspace_lost(const struct reporting *reporting)
{
	const Roost__WorkspaceLost *lost = reporting->report->workspace_lost;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_LOST);
	arena_message(reporting->arena, change->workspace_lost, roost__workspace_lost__init);
	change->workspace_lost->workspace_id = lost->workspace_id;
	change->workspace_lost->has_generation = true;
	change->workspace_lost->generation = lost->generation;
	change->workspace_lost->message = cut(reporting->arena, lost->message, MESSAGE_BYTES);
	return change;
}

static Roost__Change *session_running(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_RUNNING);
	change->session_running = reporting->report->session_running;
	return change;
}

static Roost__Change *session_ended(const struct reporting *reporting)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_ENDED);
	change->session_ended = reporting->report->session_ended;
	return change;
}

static Roost__Change *session_failed(const struct reporting *reporting)
{
	const Roost__SessionFailed *failed = reporting->report->session_failed;
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_SESSION_FAILED);
	arena_message(reporting->arena, change->session_failed, roost__session_failed__init);
	change->session_failed->session_id = failed->session_id;
	change->session_failed->message = cut(reporting->arena, failed->message, MESSAGE_BYTES);
	return change;
}

typedef Roost__Change *report_function(const struct reporting *reporting);

static report_function *const functions[] = {
    [ROOST__REPORT__REPORT_NODE_RUNNING] = node_running,
    [ROOST__REPORT__REPORT_NODE_CAPABILITIES_CHANGED] = node_capabilities,
    [ROOST__REPORT__REPORT_NODE_STOPPED] = node_stopped,
    [ROOST__REPORT__REPORT_NODE_REMOVED] = node_removed,
    [ROOST__REPORT__REPORT_NODE_STOP_FAILED] = node_stop_failed,
    [ROOST__REPORT__REPORT_NODE_DEGRADED] = node_degraded,
    [ROOST__REPORT__REPORT_NODE_RECOVERED] = node_recovered,
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

/* A field of the report's own message, by the name that all kinds of reports give it; NULL when this kind
 * has none. */
static const void *field_of(const Roost__Report *report, const char *name)
{
	const ProtobufCFieldDescriptor *kind =
	    protobuf_c_message_descriptor_get_field(&roost__report__descriptor, report->report_case);
	const ProtobufCMessage *message = *(ProtobufCMessage *const *)((const char *)report + kind->offset);
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	return field == NULL ? NULL : (const char *)message + field->offset;
}

static bool on_this_node(const struct reporting *reporting, const char *node_id)
{
	return strcmp(node_id, reporting->node->resource->id) == 0 || planted(PLANTED_OTHER_NODES_BELIEVED);
}

static bool has_session(const struct reporting *reporting, const char *id)
{
	const struct entity_store *store = reporting->store;
	const Roost__SessionState *session = id == NULL ? NULL : store->session(store->context, id, reporting->arena);
	return session != NULL && on_this_node(reporting, session->node_id);
}

/* The node's workspace that a report is about, as it is after the reports before this one. */
static const Roost__WorkspaceState *find_workspace(const struct reporting *reporting, const char *id)
{
	const struct entity_store *store = reporting->store;
	const Roost__WorkspaceState *workspace =
	    id == NULL ? NULL : store->workspace(store->context, id, reporting->arena);
	return workspace != NULL && on_this_node(reporting, workspace->resource->node_id) ? workspace : NULL;
}

static Roost__Change *raise_generation(const struct reporting *reporting, const char *workspace_id, uint32_t generation)
{
	Roost__Change *change = change_new(reporting->arena, ROOST__CHANGE__CHANGE_WORKSPACE_GENERATION_RAISED);
	arena_message(reporting->arena, change->workspace_generation_raised, roost__workspace_generation_raised__init);
	change->workspace_generation_raised->workspace_id = workspace_id;
	change->workspace_generation_raised->has_generation = true;
	change->workspace_generation_raised->generation = generation;
	return change;
}

/* How many generations later than the log's it is; 0 when it is not. */
static uint32_t generations_ahead(const struct reporting *reporting, const Roost__WorkspaceState *workspace)
{
	const uint32_t *told = field_of(reporting->report, "generation");
	if (workspace == NULL || told == NULL || *told <= workspace->resource->generation)
		return 0;
	return *told - workspace->resource->generation;
}

/* A later generation than the log's is the node's word only where the log went back, or where the log never
 * knew one, and no leap: a node must not be able to use the numbers up. */
static bool believable(const Roost__NodeState *node, const Roost__WorkspaceState *workspace, uint32_t ahead)
{
	return (node->log_epoch > 0 || workspace->found) && ahead <= GENERATION_LEAP_MAX;
}

bool report_shows_rollback(const struct entity_store *store, const Roost__NodeState *node, const Roost__Report *report,
			   struct arena *arena)
{
	const struct reporting reporting = {.store = store, .node = node, .report = report, .arena = arena};
	size_t number = (size_t)report->report_case;
	if (node->log_epoch > 0 || number >= sizeof(functions) / sizeof(functions[0]) || functions[number] == NULL)
		return false;
	const char *const *workspace_id = field_of(report, "workspace_id");
	const Roost__WorkspaceState *workspace =
	    workspace_id == NULL ? NULL : find_workspace(&reporting, *workspace_id);
	uint32_t ahead = generations_ahead(&reporting, workspace);
	return ahead > 0 && ahead <= GENERATION_LEAP_MAX && !workspace->found;
}

/* Why the report is not taken at all; NULL when it is. */
static const char *why_reject(const struct reporting *reporting, const Roost__WorkspaceState *workspace)
{
	const Roost__Report *report = reporting->report;
	const char *const *session_id = field_of(report, "session_id");
	uint32_t ahead = generations_ahead(reporting, workspace);
	if (session_id != NULL && !has_session(reporting, *session_id))
		return "it is about a session that this node does not have";
	if (field_of(report, "workspace_id") != NULL && workspace == NULL)
		return "it is about a workspace that this node does not have";
	if (ahead > 0 && !believable(reporting->node, workspace, ahead))
		return "it is about a generation that the log does not know";
	return NULL;
}

size_t report_changes(const struct entity_store *store, const Roost__NodeState *node, const Roost__Report *report,
		      struct arena *arena, Roost__Change *changes[REPORT_CHANGES_MAX])
{
	struct reporting reporting = {.store = store, .node = node, .report = report, .arena = arena};
	size_t number = (size_t)report->report_case, count = 0;
	if (number >= sizeof(functions) / sizeof(functions[0]) || functions[number] == NULL) {
		changes[0] = reject(&reporting, "it is of a kind that this controller does not know");
		return 1;
	}
	const char *const *workspace_id = field_of(report, "workspace_id");
	const Roost__WorkspaceState *workspace =
	    workspace_id == NULL ? NULL : find_workspace(&reporting, *workspace_id);
	uint32_t ahead = generations_ahead(&reporting, workspace);
	const char *why = why_reject(&reporting, workspace);
	if (why != NULL) {
		changes[0] = reject(&reporting, why);
		return 1;
	}
	if (ahead > 0)
		changes[count++] = raise_generation(&reporting, *workspace_id, workspace->resource->generation + ahead);
	Roost__Change *change = functions[number](&reporting);
	if (change != NULL)
		changes[count++] = change;
	return count;
}
