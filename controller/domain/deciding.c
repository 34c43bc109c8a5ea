/* The common parts of decisions. A record is tried before it is decided for: what apply would skip is
 * never appended, and the answer is by construction what the projection will hold. */
#include "controller/domain/deciding.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "controller/domain/apply.h"
#include "controller/domain/overlay.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct decision *decision_new(const struct decision_inputs *inputs)
{
	struct decision *decision = arena_new_of(inputs->arena, struct decision);
	decision->kind = DECISION_REFUSE;
	error_set(&decision->refusal, ERROR_INTERNAL, "undecided");
	return decision;
}

/* A state that could not be read decides nothing. */
static struct decision *decided(const struct decision_inputs *inputs, struct decision *decision)
{
	const struct entity_store *store = inputs->store;
	const struct error *failure = store->failure == NULL ? NULL : store->failure(store->context);
	if (failure != NULL) {
		decision->kind = DECISION_REFUSE;
		decision->certain = true;
		error_set(&decision->refusal, ERROR_PLATFORM_UNAVAILABLE, "the projection failed: %s",
			  failure->message);
	}
	return decision;
}

struct decision *decision_invalid(struct decision *decision)
{
	decision->kind = DECISION_REFUSE;
	decision->certain = true;
	return decision;
}

struct decision *decision_refuse(const struct decision_inputs *inputs, struct decision *decision, enum error_code code,
				 const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const char *message = arena_vprintf(inputs->arena, format, arguments);
	va_end(arguments);
	decision->kind = DECISION_REFUSE;
	error_set(&decision->refusal, code, "%s", message);
	return decided(inputs, decision);
}

struct decision *decision_nothing(const struct decision_inputs *inputs, struct decision *decision, struct answer answer)
{
	decision->kind = DECISION_NOTHING;
	decision->answer = answer;
	return decided(inputs, decision);
}

static bool answered(const struct answer *answer)
{
	return answer->node != NULL || answer->workspace != NULL || answer->session != NULL;
}

bool decision_by_key(const struct decision_inputs *inputs, struct decision *decision,
		     const struct keyed_command **claim)
{
	const struct entity_store *store = inputs->store;
	*claim = NULL;
	if (inputs->idempotency_key == NULL)
		return false;
	if (!validate_idempotency_key(inputs->idempotency_key, &decision->refusal)) {
		decision_invalid(decision);
		return true;
	}
	const struct keyed_command *keyed =
	    store->keyed(store->context, inputs->owner, inputs->idempotency_key, inputs->arena);
	if (keyed == NULL || keyed->recorded_at_ms + inputs->limits.idempotency_ms <= inputs->now_ms)
		return false;
	if (memcmp(keyed->request_hash, inputs->request_hash, 32) != 0) {
		decision_refuse(inputs, decision, ERROR_IDEMPOTENCY_KEY_REUSED,
				"This idempotency key was used for another request. Use a new key.");
		decision->certain = true;
		return true;
	}
	if (!answered(&keyed->answer)) {
		*claim = planted(PLANTED_CLAIM_FORGOTTEN) ? NULL : keyed;
		return false;
	}
	decision->kind = DECISION_REPEAT;
	decision->certain = true;
	decision->answer = keyed->answer;
	decided(inputs, decision);
	return true;
}

struct aggregate aggregate_of_node(const Roost__NodeState *node)
{
	return (struct aggregate){.kind = ROOST__RECORD__KIND__NODE,
				  .id = node->resource->id,
				  .owner = node->owner,
				  .version = node->version,
				  .last_seq = node->last_seq};
}

struct aggregate aggregate_of_owner(const Roost__OwnerState *owner, const char *name)
{
	struct aggregate aggregate = {.kind = ROOST__RECORD__KIND__OWNER, .id = name, .owner = name};
	if (owner != NULL) {
		aggregate.version = owner->version;
		aggregate.last_seq = owner->last_seq;
	}
	return aggregate;
}

static Roost__Record *record_new(const struct decision_inputs *inputs, const struct aggregate *aggregate)
{
	Roost__Record *record;
	arena_message(inputs->arena, record, roost__record__init);
	record->id = inputs->record_id;
	record->owner = aggregate->owner;
	record->has_kind = true;
	record->kind = aggregate->kind;
	record->aggregate_id = aggregate->id;
	record->has_version = true;
	record->version = aggregate->version + 1;
	record->has_recorded_at = true;
	record->recorded_at = inputs->now_ms;
	record->cause = inputs->cause;
	record->actor = inputs->actor;
	record->traceparent = inputs->traceparent;
	if (inputs->idempotency_key != NULL) {
		record->idempotency_key = inputs->idempotency_key;
		record->has_request_hash = true;
		record->request_hash.len = 32;
		record->request_hash.data = (unsigned char *)inputs->request_hash;
	}
	return record;
}

static struct decision *try_record(const struct decision_inputs *inputs, struct decision *decision,
				   Roost__Record *record)
{
	struct apply_outcome outcome;
	struct entity_store *overlay = overlay_new(inputs->store, inputs->arena);
	apply_record(overlay, 0, record, inputs->arena, &outcome);
	if (outcome.skipped > 0)
		return decision_refuse(inputs, decision, ERROR_INTERNAL, "a decision for %s of %s %s would not apply",
				       record->cause, record->kind == ROOST__RECORD__KIND__NODE ? "node" : "owner",
				       record->aggregate_id);
	if (protobuf_c_message_get_packed_size(&record->base) > RECORD_BYTES_MAX)
		return decision_refuse(inputs, decision, ERROR_PAYLOAD_TOO_LARGE, "The request is too large.");
	decision->kind = DECISION_APPEND;
	decision->record = record;
	decision->answer = outcome.answer;
	return decided(inputs, decision);
}

struct decision *decision_append(const struct decision_inputs *inputs, struct decision *decision,
				 const struct aggregate *aggregate, Roost__Change **changes, size_t count,
				 const char *answer_id)
{
	Roost__Record *record = record_new(inputs, aggregate);
	record->answer_id = answer_id;
	record->n_changes = count;
	record->changes = arena_array_of(inputs->arena, Roost__Change *, count);
	for (size_t i = 0; i < count; i++)
		record->changes[i] = changes[i];
	decision->expected_last_seq = aggregate->last_seq;
	return try_record(inputs, decision, record);
}

struct decision *decision_append_reports(const struct decision_inputs *inputs, struct decision *decision,
					 const struct aggregate *aggregate, Roost__Change **changes, size_t count,
					 Roost__ReportPosition *position)
{
	Roost__Record *record = record_new(inputs, aggregate);
	record->report_position = position;
	record->n_changes = count;
	record->changes = changes;
	decision->expected_last_seq = aggregate->last_seq;
	return try_record(inputs, decision, record);
}

Roost__Change *change_new(struct arena *arena, Roost__Change__ChangeCase which)
{
	Roost__Change *change;
	arena_message(arena, change, roost__change__init);
	change->change_case = which;
	return change;
}

Roost__NodeState *own_node(const struct decision_inputs *inputs, const char *id)
{
	Roost__NodeState *node = inputs->store->node(inputs->store->context, id, inputs->arena);
	if (node == NULL || strcmp(node->owner, inputs->owner) != 0 ||
	    node->resource->status == ROOST__NODE__STATUS__DELETED)
		return NULL;
	return node;
}

Roost__WorkspaceState *own_workspace(const struct decision_inputs *inputs, const char *id)
{
	Roost__WorkspaceState *workspace = inputs->store->workspace(inputs->store->context, id, inputs->arena);
	if (workspace == NULL || strcmp(workspace->owner, inputs->owner) != 0 ||
	    workspace->resource->status == ROOST__WORKSPACE__STATUS__DELETED)
		return NULL;
	return workspace;
}

Roost__SessionState *own_session(const struct decision_inputs *inputs, const char *id)
{
	Roost__SessionState *session = inputs->store->session(inputs->store->context, id, inputs->arena);
	if (session == NULL || strcmp(session->owner, inputs->owner) != 0 ||
	    own_workspace(inputs, session->resource->workspace_id) == NULL)
		return NULL;
	return session;
}

struct decision *refuse_unknown_node(const struct decision_inputs *inputs, struct decision *decision, const char *id)
{
	return decision_refuse(inputs, decision, ERROR_NODE_NOT_FOUND, "There is no node %s. See: roost node list", id);
}

struct decision *refuse_unknown_workspace(const struct decision_inputs *inputs, struct decision *decision,
					  const char *id)
{
	return decision_refuse(inputs, decision, ERROR_WORKSPACE_NOT_FOUND,
			       "There is no workspace %s. See: roost workspace list", id);
}

struct decision *refuse_unknown_session(const struct decision_inputs *inputs, struct decision *decision, const char *id)
{
	return decision_refuse(inputs, decision, ERROR_SESSION_NOT_FOUND,
			       "There is no session %s. See: roost session list", id);
}

struct decision *refuse_workspace_move(const struct decision_inputs *inputs, struct decision *decision,
				       const Roost__WorkspaceState *workspace, const char *verb, const char *advice)
{
	return decision_refuse(inputs, decision, ERROR_INVALID_TRANSITION, "Workspace %s is %s and cannot be %s%s",
			       workspace->resource->display_name, workspace_status_word(workspace->resource->status),
			       verb, advice);
}

Roost__WorkspaceState *begin_workspace_command(const struct decision_inputs *inputs, struct decision *decision,
					       const char *id, Roost__NodeState **node)
{
	const struct keyed_command *claim;
	if (!validate_id("id", id, &decision->refusal)) {
		decision_invalid(decision);
		return NULL;
	}
	if (decision_by_key(inputs, decision, &claim))
		return NULL;
	Roost__WorkspaceState *workspace = own_workspace(inputs, id);
	*node = workspace == NULL ? NULL : own_node(inputs, workspace->resource->node_id);
	if (*node == NULL) {
		refuse_unknown_workspace(inputs, decision, id);
		return NULL;
	}
	return workspace;
}

Roost__NodeState *begin_node_command(const struct decision_inputs *inputs, struct decision *decision, const char *id)
{
	const struct keyed_command *claim;
	if (!validate_id("id", id, &decision->refusal)) {
		decision_invalid(decision);
		return NULL;
	}
	if (decision_by_key(inputs, decision, &claim))
		return NULL;
	Roost__NodeState *node = own_node(inputs, id);
	if (node == NULL)
		refuse_unknown_node(inputs, decision, id);
	return node;
}

/* What to do about it depends on where the node is going. */
static const char *advice_for(Roost__Node__Status status)
{
	switch (status) {
	case ROOST__NODE__STATUS__STOPPING:
		return "Wait until it is stopped and start it again, or choose another.";
	case ROOST__NODE__STATUS__STOPPED:
	case ROOST__NODE__STATUS__ERROR:
		return "Start it with roost node start, or choose another.";
	case ROOST__NODE__STATUS__DELETING:
		return "Choose another.";
	default:
		return "Wait until it is running, or choose another.";
	}
}

struct decision *refuse_node_not_running(const struct decision_inputs *inputs, struct decision *decision,
					 const Roost__NodeState *node)
{
	return decision_refuse(inputs, decision, ERROR_NODE_NOT_RUNNING, "Node %s is %s. %s", node->resource->name,
			       node_status_word(node->resource->status), advice_for(node->resource->status));
}
