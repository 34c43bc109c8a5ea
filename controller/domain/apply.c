/* Applies a record: loads the aggregate, gives each change to its function in the table, describes it
 * as an event, and puts the aggregate with its new version. A change that is unknown or does not apply
 * is counted and skipped; the version rises all the same, since the log has moved on. */
#include "controller/domain/apply.h"

#include "bus/foundation/planted.h"
#include "controller/domain/changes.h"
#include "controller/domain/snapshot.h"
#include <string.h>

static apply_function *const functions[] = {
    [ROOST__CHANGE__CHANGE_OWNER_NODE_CLAIMED] = apply_owner_node_claimed,
    [ROOST__CHANGE__CHANGE_OWNER_WORKSPACE_PLACED] = apply_owner_workspace_placed,
    [ROOST__CHANGE__CHANGE_OWNER_NODE_RELEASED] = apply_owner_node_released,
    [ROOST__CHANGE__CHANGE_NODE_CREATED] = apply_node_created,
    [ROOST__CHANGE__CHANGE_NODE_RUNNING] = apply_node_running,
    [ROOST__CHANGE__CHANGE_NODE_STOPPING] = apply_node_stopping,
    [ROOST__CHANGE__CHANGE_NODE_STOPPED] = apply_node_stopped,
    [ROOST__CHANGE__CHANGE_NODE_FAILED] = apply_node_failed,
    [ROOST__CHANGE__CHANGE_NODE_DELETING] = apply_node_deleting,
    [ROOST__CHANGE__CHANGE_NODE_DELETED] = apply_node_deleted,
    [ROOST__CHANGE__CHANGE_NODE_HEALTH_CHANGED] = apply_node_health_changed,
    [ROOST__CHANGE__CHANGE_NODE_CAPABILITIES_CHANGED] = apply_node_capabilities_changed,
    [ROOST__CHANGE__CHANGE_NODE_STARTING] = apply_node_starting,
    [ROOST__CHANGE__CHANGE_NODE_STOP_FAILED] = apply_node_stop_failed,
    [ROOST__CHANGE__CHANGE_NODE_DEGRADED] = apply_node_degraded,
    [ROOST__CHANGE__CHANGE_NODE_RECOVERED] = apply_node_recovered,
    [ROOST__CHANGE__CHANGE_LOG_ROLLED_BACK] = apply_log_rolled_back,
    [ROOST__CHANGE__CHANGE_NODE_WANTED_ANEW] = apply_node_wanted_anew,
    [ROOST__CHANGE__CHANGE_WORKSPACE_CREATED] = apply_workspace_created,
    [ROOST__CHANGE__CHANGE_WORKSPACE_STEP] = apply_workspace_step,
    [ROOST__CHANGE__CHANGE_WORKSPACE_RUNNING] = apply_workspace_running,
    [ROOST__CHANGE__CHANGE_WORKSPACE_FAILED] = apply_workspace_failed,
    [ROOST__CHANGE__CHANGE_WORKSPACE_STOPPING] = apply_workspace_stopping,
    [ROOST__CHANGE__CHANGE_WORKSPACE_STOPPED] = apply_workspace_stopped,
    [ROOST__CHANGE__CHANGE_WORKSPACE_RESTARTING] = apply_workspace_restarting,
    [ROOST__CHANGE__CHANGE_WORKSPACE_RENAMED] = apply_workspace_renamed,
    [ROOST__CHANGE__CHANGE_WORKSPACE_DELETING] = apply_workspace_deleting,
    [ROOST__CHANGE__CHANGE_WORKSPACE_DELETED] = apply_workspace_deleted,
    [ROOST__CHANGE__CHANGE_WORKSPACE_STOP_FAILED] = apply_workspace_stop_failed,
    [ROOST__CHANGE__CHANGE_WORKSPACE_LOST] = apply_workspace_lost,
    [ROOST__CHANGE__CHANGE_WORKSPACE_REBUILDING] = apply_workspace_rebuilding,
    [ROOST__CHANGE__CHANGE_WORKSPACE_COLLAPSED] = apply_workspace_collapsed,
    [ROOST__CHANGE__CHANGE_WORKSPACE_GENERATION_RAISED] = apply_workspace_generation_raised,
    [ROOST__CHANGE__CHANGE_WORKSPACE_FOUND] = apply_workspace_found,
    [ROOST__CHANGE__CHANGE_WORKSPACE_WANTED_ANEW] = apply_workspace_wanted_anew,
    [ROOST__CHANGE__CHANGE_SESSION_CREATED] = apply_session_created,
    [ROOST__CHANGE__CHANGE_SESSION_RUNNING] = apply_session_running,
    [ROOST__CHANGE__CHANGE_SESSION_STOPPING] = apply_session_stopping,
    [ROOST__CHANGE__CHANGE_SESSION_ENDED] = apply_session_ended,
    [ROOST__CHANGE__CHANGE_SESSION_FAILED] = apply_session_failed,
    [ROOST__CHANGE__CHANGE_SESSION_WANTED_ANEW] = apply_session_wanted_anew,
    [ROOST__CHANGE__CHANGE_SWEEPER_FOUND] = apply_sweeper_found,
};

/* A rejected report changes nothing; it is there to be seen. */
static bool apply_change(struct applying *applying, const Roost__Change *change)
{
	size_t number = (size_t)change->change_case;
	if (number == ROOST__CHANGE__CHANGE_SNAPSHOT)
		return apply_snapshot(applying, change);
	if (number == ROOST__CHANGE__CHANGE_REPORT_REJECTED)
		return applying->node != NULL;
	if (number >= sizeof(functions) / sizeof(functions[0]) || functions[number] == NULL)
		return false;
	bool of_owner = number <= ROOST__CHANGE__CHANGE_OWNER_NODE_RELEASED;
	bool makes_node = number == ROOST__CHANGE__CHANGE_NODE_CREATED;
	if (of_owner ? applying->owner == NULL : applying->owner != NULL || (applying->node == NULL && !makes_node))
		return false;
	return functions[number](applying, change);
}

static void count_record(const struct applying *applying, Roost__SnapshotState **snapshot, uint64_t version)
{
	if (*snapshot == NULL)
		arena_message(applying->arena, *snapshot, roost__snapshot_state__init);
	(*snapshot)->has_records_since = true;
	(*snapshot)->records_since++;
	if (version + 1 != applying->record->version)
		(*snapshot)->has_incomplete = (*snapshot)->incomplete = true;
}

static void load_aggregate(struct applying *applying)
{
	const Roost__Record *record = applying->record;
	const struct entity_store *store = applying->store;
	if (record->kind == ROOST__RECORD__KIND__NODE) {
		applying->node = store->node(store->context, record->aggregate_id, applying->arena);
		if (applying->node != NULL)
			count_record(applying, &applying->node->snapshot, applying->node->version);
	} else if (record->kind == ROOST__RECORD__KIND__OWNER) {
		applying->owner = store->owner(store->context, record->aggregate_id, applying->arena);
		if (applying->owner == NULL) {
			arena_message(applying->arena, applying->owner, roost__owner_state__init);
			applying->owner->owner = record->aggregate_id;
		}
		count_record(applying, &applying->owner->snapshot, applying->owner->version);
	}
}

/* A newer program's change is missed; an illegal one is one for everybody. */
static void miss_unknown(const struct applying *applying, const Roost__Change *change)
{
	Roost__SnapshotState *snapshot = applying->node != NULL	   ? applying->node->snapshot
					 : applying->owner != NULL ? applying->owner->snapshot
								   : NULL;
	if (snapshot != NULL && change_name(change) == NULL)
		snapshot->has_incomplete = snapshot->incomplete = true;
}

static void put_node(struct applying *applying)
{
	Roost__NodeState *node = applying->node;
	node->has_version = true;
	node->version = applying->record->version;
	node->has_last_seq = true;
	node->last_seq = applying->seq;
	if (node->snapshot == NULL) /* just made */
		count_record(applying, &node->snapshot, 0);
	if (applying->record->report_position != NULL)
		node->report_position = applying->record->report_position;
	applying->store->put_node(applying->store->context, node);
}

static void put_owner(struct applying *applying)
{
	Roost__OwnerState *owner = applying->owner;
	owner->has_version = true;
	owner->version = applying->record->version;
	owner->has_last_seq = true;
	owner->last_seq = applying->seq;
	applying->store->put_owner(applying->store->context, owner);
}

static bool same(const char *left, const char *right)
{
	return left != NULL && right != NULL && strcmp(left, right) == 0;
}

/* The resource that the record's command is answered with, when this change is about it. */
static void take_answer(const struct applying *applying, struct answer *answer)
{
	const char *id = applying->record->answer_id;
	const struct described *about = &applying->about;
	if (id == NULL)
		return;
	if (about->session != NULL && same(about->session->resource->id, id))
		*answer = (struct answer){.session = about->session->resource};
	else if (about->workspace != NULL && same(about->workspace->resource->id, id))
		*answer = (struct answer){.workspace = about->workspace->resource};
	else if (about->node != NULL && same(about->node->resource->id, id))
		*answer = (struct answer){.node = about->node->resource};
}

/* The node that a claim chose, so that whoever retries goes on with it. */
static const char *claimed_node(const Roost__Record *record)
{
	for (size_t i = 0; i < record->n_changes; i++) {
		const Roost__Change *change = record->changes[i];
		if (change->change_case == ROOST__CHANGE__CHANGE_OWNER_WORKSPACE_PLACED)
			return change->owner_workspace_placed->node_id;
		if (change->change_case == ROOST__CHANGE__CHANGE_OWNER_NODE_CLAIMED)
			return change->owner_node_claimed->node_id;
	}
	return NULL;
}

static void remember_key(const struct applying *applying, const struct answer *answer)
{
	const Roost__Record *record = applying->record;
	if (record->idempotency_key == NULL || record->owner == NULL || !record->has_request_hash ||
	    record->request_hash.len != 32 ||
	    (planted(PLANTED_KEY_FORGOTTEN) && record->kind == ROOST__RECORD__KIND__NODE))
		return;
	struct keyed_command keyed = {
	    .request_hash = record->request_hash.data,
	    .recorded_at_ms = record->recorded_at,
	    .answer_id = record->answer_id,
	    .node_id = claimed_node(record),
	    .of_node = record->kind == ROOST__RECORD__KIND__NODE ? record->aggregate_id : NULL,
	    .answer = *answer,
	};
	applying->store->put_keyed(applying->store->context, record->owner, record->idempotency_key, &keyed);
}

void apply_record(const struct entity_store *store, uint64_t seq, const Roost__Record *record, struct arena *arena,
		  struct apply_outcome *outcome)
{
	struct applying applying = {.store = store, .arena = arena, .record = record, .seq = seq};
	*outcome = (struct apply_outcome){0};
	if (record->aggregate_id == NULL) {
		outcome->skipped = record->n_changes;
		return;
	}
	outcome->events = arena_array_of(arena, Roost__Event *, record->n_changes);
	outcome->event_indexes = arena_array_of(arena, uint32_t, record->n_changes);
	load_aggregate(&applying);
	if (store->snapshots != NULL && snapshot_of_record(record) == NULL)
		store->snapshots->drop(store->context, record); /* a snapshot is whole, or nothing */
	for (size_t i = 0; i < record->n_changes; i++) {
		applying.about = (struct described){0};
		if (!apply_change(&applying, record->changes[i])) {
			outcome->skipped++;
			miss_unknown(&applying, record->changes[i]);
			continue;
		}
		applying.about.node = applying.node;
		take_answer(&applying, &outcome->answer);
		Roost__Event *event = describe_change(record, i, seq, &applying.about, arena);
		if (event == NULL)
			continue;
		outcome->event_indexes[outcome->event_count] = (uint32_t)i;
		outcome->events[outcome->event_count++] = event;
	}
	if (applying.node != NULL)
		put_node(&applying);
	if (applying.owner != NULL)
		put_owner(&applying);
	remember_key(&applying, &outcome->answer);
}
