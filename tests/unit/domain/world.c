/* Decide, append, apply: what a controller does, without anything around it. */
#include "tests/unit/domain/world.h"

#include "controller/domain/overlay.h"
#include "controller/domain/snapshot.h"
#include "tests/unit/cmocka_all.h"
#include <stdlib.h>
#include <string.h>

enum { AGENT_EPOCH = 7 };

struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->arena = arena_new();
	world->step = arena_new();
	world->store = overlay_new(NULL, world->arena);
	world->now_ms = 1800000000000;
	world->owner = "alice";
	world->limits = (struct decision_limits){
	    .max_nodes_per_user = 100,
	    .max_workspaces_per_node = 200,
	    .max_sessions_per_workspace = 50,
	    .provision_timeout_ms = 60000,
	    .idempotency_ms = 7 * 86400000LL,
	};
	return world;
}

void world_free(struct world *world)
{
	for (size_t i = 0; i < world->log_count; i++)
		free(world->log[i].data);
	free(world->log);
	arena_free(world->arena);
	arena_free(world->step);
	free(world);
}

const char *world_id(struct world *world)
{
	return arena_printf(world->arena, "01%024u", ++world->ids);
}

struct decision_inputs *world_inputs(struct world *world)
{
	arena_reset(world->step);
	struct decision_inputs *inputs = arena_new_of(world->step, struct decision_inputs);
	*inputs = (struct decision_inputs){
	    .now_ms = ++world->now_ms,
	    .record_id = world_id(world),
	    .new_id = world_id(world),
	    .owner = world->owner,
	    .actor = world->owner,
	    .cause = "test",
	    .limits = world->limits,
	    .store = world->store,
	    .arena = world->step,
	};
	return inputs;
}

struct decision_inputs *world_inputs_keyed(struct world *world, const char *key, unsigned char hash)
{
	struct decision_inputs *inputs = world_inputs(world);
	unsigned char *bytes = arena_alloc(world->step, 32);
	memset(bytes, hash, 32);
	inputs->idempotency_key = key;
	inputs->request_hash = bytes;
	return inputs;
}

struct decision_inputs *world_inputs_again(struct world *world, const struct decision_inputs *inputs)
{
	struct decision_inputs *again = arena_new_of(world->step, struct decision_inputs);
	*again = *inputs;
	again->record_id = world_id(world);
	return again;
}

static void keep(struct world *world, const Roost__Record *record)
{
	if (world->log_count == world->log_room) {
		world->log_room = world->log_room == 0 ? 256 : world->log_room * 2;
		world->log = realloc(world->log, world->log_room * sizeof(*world->log));
		assert_non_null(world->log);
	}
	struct logged *logged = &world->log[world->log_count++];
	logged->seq = world->log_count;
	logged->size = protobuf_c_message_get_packed_size(&record->base);
	logged->data = malloc(logged->size + 1);
	assert_non_null(logged->data);
	protobuf_c_message_pack(&record->base, logged->data);
	memcpy(logged->record_id, record->id, sizeof(logged->record_id));
}

/* Applies the record as it comes out of the log, not as it was decided. */
struct decision *world_take(struct world *world, struct decision *decision)
{
	if (decision->kind != DECISION_APPEND)
		return decision;
	keep(world, decision->record);
	const struct logged *logged = &world->log[world->log_count - 1];
	const Roost__Record *record = (const Roost__Record *)protobuf_c_message_unpack(
	    &roost__record__descriptor, arena_allocator(world->step), logged->size, logged->data);
	assert_non_null(record);
	apply_record(world->store, logged->seq, record, world->step, &world->applied);
	assert_int_equal(world->applied.skipped, 0);
	assert_int_equal(world->applied.event_count, snapshot_of_record(record) != NULL ? 0 : record->n_changes);
	return decision;
}

static void assert_appended(const struct decision *decision)
{
	if (decision->kind == DECISION_REFUSE)
		fail_msg("refused: %s", decision->refusal.message);
	assert_int_equal(decision->kind, DECISION_APPEND);
}

const char *world_make_node(struct world *world, const char *name)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = name;
	struct decision_inputs *inputs = world_inputs(world);
	const char *id = inputs->new_id;
	assert_appended(world_take(world, decide_create_node(inputs, &request)));
	inputs = world_inputs_again(world, inputs);
	assert_appended(world_take(world, decide_create_node(inputs, &request)));
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
	report.node_running = &running;
	assert_appended(world_report(world, id, &report));
	return id;
}

const char *world_make_workspace(struct world *world, const char *node, const char *name)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = name;
	request.node_id = node;
	struct decision_inputs *inputs = world_inputs(world);
	const char *id = inputs->new_id;
	assert_appended(world_take(world, decide_create_workspace(inputs, &request)));
	return id;
}

const char *world_make_session(struct world *world, const char *workspace, const char *label)
{
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = workspace;
	request.label = label;
	struct decision_inputs *inputs = world_inputs(world);
	const char *id = inputs->new_id;
	assert_appended(world_take(world, decide_create_session(inputs, &request)));
	return id;
}

struct decision *world_report(struct world *world, const char *node, Roost__Report *report)
{
	struct decision_inputs *inputs = world_inputs(world);
	const Roost__NodeState *state = world_node(world, node);
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	Roost__ReportAnswer *answer;
	report->has_number = true;
	report->number = state->report_position == NULL ? 1 : state->report_position->number + 1;
	batch.node_id = node;
	batch.has_agent_epoch = true;
	batch.agent_epoch = AGENT_EPOCH;
	batch.n_reports = 1;
	batch.reports = &report;
	struct decision *decision = world_take(world, decide_reports(inputs, &batch, &answer));
	if (decision->kind != DECISION_APPEND)
		world->applied = (struct apply_outcome){0};
	assert_int_equal(answer->taken, report->number);
	return decision;
}

/* Sets a field of the message if it has one of that name. */
static void set_text(ProtobufCMessage *message, const char *name, const char *value)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	if (field != NULL && value != NULL)
		*(const char **)((char *)message + field->offset) = value;
}

static void set_number(ProtobufCMessage *message, const char *name, uint32_t value)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	if (field == NULL)
		return;
	*(uint32_t *)((char *)message + field->offset) = value;
	*(protobuf_c_boolean *)((char *)message + field->quantifier_offset) = true;
}

Roost__Report *world_new_report(struct arena *arena, Roost__Report__ReportCase which, const char *id,
				uint32_t generation, const char *message)
{
	Roost__Report *report;
	arena_message(arena, report, roost__report__init);
	report->report_case = which;
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field(&roost__report__descriptor, which);
	if (which == ROOST__REPORT__REPORT__NOT_SET || field == NULL)
		return report;
	const ProtobufCMessageDescriptor *kind = field->descriptor;
	ProtobufCMessage *body = arena_alloc(arena, kind->sizeof_message);
	kind->message_init(body);
	set_text(body, "workspace_id", id);
	set_text(body, "session_id", id);
	set_text(body, "message", message);
	set_text(body, "step", "a step");
	set_number(body, "generation", generation);
	*(ProtobufCMessage **)((char *)report + field->offset) = body;
	return report;
}

struct decision *world_tell(struct world *world, const char *node, Roost__Report__ReportCase which, const char *id,
			    uint32_t generation, const char *message)
{
	return world_report(world, node, world_new_report(world->arena, which, id, generation, message));
}

struct decision *world_report_running(struct world *world, const char *node, const char *workspace, uint32_t generation)
{
	return world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_RUNNING, workspace, generation, NULL);
}

struct decision *world_report_stopped(struct world *world, const char *node, const char *workspace, uint32_t generation)
{
	return world_tell(world, node, ROOST__REPORT__REPORT_WORKSPACE_STOPPED, workspace, generation, NULL);
}

Roost__NodeState *world_node(struct world *world, const char *id)
{
	return world->store->node(world->store->context, id, world->step);
}

Roost__WorkspaceState *world_workspace(struct world *world, const char *id)
{
	return world->store->workspace(world->store->context, id, world->step);
}

Roost__SessionState *world_session(struct world *world, const char *id)
{
	return world->store->session(world->store->context, id, world->step);
}

void world_force_node(struct world *world, const char *id, Roost__Node__Status status)
{
	Roost__NodeState *state = world_node(world, id);
	state->resource->status = status;
	world->store->put_node(world->store->context, state);
}

void world_force_workspace(struct world *world, const char *id, Roost__Workspace__Status status)
{
	Roost__WorkspaceState *state = world_workspace(world, id);
	state->resource->status = status;
	world->store->put_workspace(world->store->context, state);
}

void world_force_session(struct world *world, const char *id, Roost__AgentSession__Status status)
{
	Roost__SessionState *state = world_session(world, id);
	state->resource->status = status;
	world->store->put_session(world->store->context, state);
}
