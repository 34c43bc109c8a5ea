/* Hostile records, reports, commands and findings against a small world with known ids (the first byte chooses):
 * a record never stops applying, a decision is a refusal or a record that applies wholly, and reports
 * never move a position backwards. */
#include "bus/wire/message.h"
#include "controller/domain/apply.h"
#include "controller/domain/decision.h"
#include "controller/domain/overlay.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define NODE	  "01ARZ3NDEKTSV4RRFFQ69G5FAA"
#define WORKSPACE "01ARZ3NDEKTSV4RRFFQ69G5FAB"
#define SESSION	  "01ARZ3NDEKTSV4RRFFQ69G5FAC"

static void apply_one(const struct entity_store *store, uint64_t seq, Roost__Change *change, struct arena *arena)
{
	struct apply_outcome outcome;
	Roost__Record record = ROOST__RECORD__INIT;
	record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAD";
	record.owner = "alice";
	record.aggregate_id = NODE;
	record.version = seq;
	record.recorded_at = 1000 + (int64_t)seq;
	record.n_changes = 1;
	record.changes = &change;
	apply_record(store, seq, &record, arena, &outcome);
	must(outcome.skipped == 0);
}

/* A running node with a running workspace and a session. */
static struct entity_store *small_world(struct arena *arena)
{
	struct entity_store *store = overlay_new(NULL, arena);
	Roost__NodeCreated node = ROOST__NODE_CREATED__INIT;
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	Roost__WorkspaceCreated workspace = ROOST__WORKSPACE_CREATED__INIT;
	Roost__WorkspaceRunning ready = ROOST__WORKSPACE_RUNNING__INIT;
	Roost__SessionCreated session = ROOST__SESSION_CREATED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	node.node_id = NODE;
	node.name = "n";
	node.max_workspaces = 4;
	change.change_case = ROOST__CHANGE__CHANGE_NODE_CREATED;
	change.node_created = &node;
	apply_one(store, 1, &change, arena);
	change.change_case = ROOST__CHANGE__CHANGE_NODE_RUNNING;
	change.node_running = &running;
	apply_one(store, 2, &change, arena);
	workspace.workspace_id = WORKSPACE;
	workspace.display_name = "w";
	change.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_CREATED;
	change.workspace_created = &workspace;
	apply_one(store, 3, &change, arena);
	ready.workspace_id = WORKSPACE;
	ready.generation = 1;
	change.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_RUNNING;
	change.workspace_running = &ready;
	apply_one(store, 4, &change, arena);
	session.session_id = SESSION;
	session.workspace_id = WORKSPACE;
	session.generation = 1;
	change.change_case = ROOST__CHANGE__CHANGE_SESSION_CREATED;
	change.session_created = &session;
	apply_one(store, 5, &change, arena);
	return store;
}

static void apply_decided(const struct entity_store *store, const struct decision *decision, struct arena *arena)
{
	if (decision->kind == DECISION_REFUSE) {
		must(decision->refusal.code != ERROR_INTERNAL && decision->refusal.message[0] != '\0');
		return;
	}
	if (decision->kind != DECISION_APPEND)
		return;
	struct apply_outcome outcome;
	struct bytes packed = message_pack(&decision->record->base, arena);
	const Roost__Record *record =
	    (const Roost__Record *)message_unpack(&roost__record__descriptor, packed, arena, NULL);
	must(record != NULL);
	apply_record(store, 6, record, arena, &outcome);
	must(outcome.skipped == 0 && outcome.event_count == record->n_changes);
}

static void try_record(const struct entity_store *store, const ProtobufCMessage *message, struct arena *arena)
{
	const Roost__Record *record = (const Roost__Record *)message;
	struct apply_outcome outcome;
	apply_record(store, 6, record, arena, &outcome);
	must(outcome.skipped + outcome.event_count == record->n_changes);
}

static void try_reports(const struct entity_store *store, const struct decision_inputs *inputs,
			const ProtobufCMessage *message)
{
	const Roost__ReportBatch *batch = (const Roost__ReportBatch *)message;
	Roost__ReportAnswer *answer;
	const struct decision *decision = decide_reports(inputs, batch, &answer);
	must(answer->agent_epoch >= batch->agent_epoch);
	apply_decided(store, decision, inputs->arena);
	if (decision->kind == DECISION_APPEND)
		must(answer->taken <= batch->n_reports); /* 0: a gap, which begins a new log epoch */
}

/* The first byte of an input chooses among `kinds`, so a new command goes to the end of this list. */
#define COMMANDS                                                                                                       \
	COMMAND(create_node, CreateNode)                                                                               \
	COMMAND(create_workspace, CreateWorkspace)                                                                     \
	COMMAND(rename_workspace, RenameWorkspace)                                                                     \
	COMMAND(create_session, CreateSession)                                                                         \
	COMMAND(restart_workspace, RestartWorkspace)                                                                   \
	COMMAND(stop_session, StopSession)                                                                             \
	COMMAND(stop_workspace, StopWorkspace)                                                                         \
	COMMAND(delete_workspace, DeleteWorkspace)                                                                     \
	COMMAND(update_workspace, UpdateWorkspace)                                                                     \
	COMMAND(rebuild_workspace, RebuildWorkspace)                                                                   \
	COMMAND(reap_workspace, ReapWorkspace)                                                                         \
	COMMAND(stop_node, StopNode)                                                                                   \
	COMMAND(start_node, StartNode)                                                                                 \
	COMMAND(delete_node, DeleteNode)

#define COMMAND(name, Name)                                                                                            \
	static struct decision *try_##name(const struct decision_inputs *inputs, const ProtobufCMessage *request)      \
	{                                                                                                              \
		return decide_##name(inputs, (const Roost__##Name##Request *)request);                                 \
	}
COMMANDS
#undef COMMAND

static struct decision *try_finding(const struct decision_inputs *inputs, const ProtobufCMessage *finding)
{
	return decide_act_sweep(inputs, (const Roost__SweepFinding *)finding);
}

static const struct {
	const ProtobufCMessageDescriptor *descriptor;
	struct decision *(*decide)(const struct decision_inputs *inputs, const ProtobufCMessage *request);
} kinds[] = {
    {&roost__record__descriptor, NULL},
    {&roost__report_batch__descriptor, NULL},
#define COMMAND(name, Name) {&roost__##name##_request__descriptor, try_##name},
    COMMANDS
#undef COMMAND
    {&roost__sweep_finding__descriptor, try_finding},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new();
	size_t kind = data[0] % KINDS;
	const ProtobufCMessage *message =
	    message_unpack(kinds[kind].descriptor, (struct bytes){data + 1, size - 1}, arena, NULL);
	if (message != NULL) {
		const struct entity_store *store = small_world(arena);
		const struct decision_inputs inputs = {
		    .now_ms = 2000,
		    .record_id = "01ARZ3NDEKTSV4RRFFQ69G5FAE",
		    .new_id = "01ARZ3NDEKTSV4RRFFQ69G5FAF",
		    .owner = "alice",
		    .actor = "alice",
		    .cause = "fuzz",
		    .limits = {.max_nodes_per_user = 4,
			       .max_workspaces_per_node = 4,
			       .max_sessions_per_workspace = 2,
			       .provision_timeout_ms = 1000,
			       .idempotency_ms = 1000},
		    .store = store,
		    .arena = arena,
		};
		if (kind == 0)
			try_record(store, message, arena);
		else if (kind == 1)
			try_reports(store, &inputs, message);
		else
			apply_decided(store, kinds[kind].decide(&inputs, message), arena);
	}
	arena_free(arena);
	return 0;
}
