/* Fake node agents for benchmarks: the least that the protocol asks of one. */
#include "tests/bench/fleet.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/wire/message.h"
#include "node.pb-c.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *fleet_command(struct fleet *fleet, const char *command, const char *body)
{
	char subject[256], key[64];
	const char *code = NULL;
	natsMsg *request = NULL, *answer = NULL;
	static int count;
	snprintf(subject, sizeof(subject), "roost.cmd.%s.%s", fleet->user, command);
	snprintf(key, sizeof(key), "bench-%lld-%d", (long long)clock_wall_ms(), count++);
	bench_check(natsMsg_Create(&request, subject, NULL, body, (int)strlen(body)), "message");
	natsMsgHeader_Set(request, "Content-Type", "application/json");
	natsMsgHeader_Set(request, "Idempotency-Key", key);
	bench_check(natsConnection_RequestMsg(&answer, fleet->owner, request, 5000), command);
	if (natsMsgHeader_Get(answer, "Nats-Service-Error-Code", &code) == NATS_OK) {
		fprintf(stderr, "%s %s: %s\n", command, body, natsMsg_GetData(answer));
		exit(1);
	}
	char *text = strndup(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer));
	natsMsg_Destroy(request);
	natsMsg_Destroy(answer);
	return text;
}

enum { WORKSPACES_MAX = 32 };

/* What an agent would have in its database. */
struct fleet_node {
	char log_id[27];
	uint64_t log_epoch, held_version;
	char workspace_ids[WORKSPACES_MAX][27]; /* that are to run */
	int workspace_count;
};

static struct fleet_node *find_node(const struct fleet *fleet, const char *subject)
{
	static const char prefix[] = "roost.node.";
	for (int node = 0; node < fleet->nodes; node++)
		if (strncmp(fleet->node_ids[node], subject + sizeof(prefix) - 1, 26) == 0)
			return &fleet->holds[node];
	return NULL;
}

static void hold(struct fleet_node *node, const char *workspace_id)
{
	for (int i = 0; i < node->workspace_count; i++)
		if (strcmp(node->workspace_ids[i], workspace_id) == 0)
			return;
	if (node->workspace_count < WORKSPACES_MAX)
		snprintf(node->workspace_ids[node->workspace_count++], 27, "%s", workspace_id);
}

static void copy_id(const char *json, char id[27])
{
	const char *found = strstr(json, "\"id\":\"");
	if (found == NULL) {
		fprintf(stderr, "no id in %s\n", json);
		exit(1);
	}
	snprintf(id, 27, "%.26s", found + 6);
}

static void respond(natsConnection *connection, natsMsg *message, const ProtobufCMessage *answer, struct arena *arena)
{
	struct bytes packed = message_pack(answer, arena);
	natsConnection_Publish(connection, natsMsg_GetReply(message), packed.data, (int)packed.size);
}

static void answer_apply(natsConnection *connection, natsMsg *message, struct fleet_node *node, struct arena *arena)
{
	struct error error;
	struct bytes data = {(const unsigned char *)natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
	const Roost__ApplyRequest *request =
	    (const Roost__ApplyRequest *)message_unpack(&roost__apply_request__descriptor, data, arena, &error);
	if (request == NULL)
		return;
	for (size_t i = 0; i < request->n_workspaces; i++)
		if (request->workspaces[i]->desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN)
			hold(node, request->workspaces[i]->id);
	snprintf(node->log_id, sizeof(node->log_id), "%s", request->log_id);
	node->log_epoch = request->log_epoch;
	node->held_version = request->to_version;
	Roost__ApplyResponse response = ROOST__APPLY_RESPONSE__INIT;
	response.log_id = request->log_id;
	response.has_log_epoch = request->has_log_epoch;
	response.log_epoch = request->log_epoch;
	response.has_held_version = true;
	response.held_version = request->to_version;
	respond(connection, message, &response.base, arena);
}

static void answer_inventory(natsConnection *connection, natsMsg *message, const struct fleet *fleet,
			     const struct fleet_node *node, struct arena *arena)
{
	Roost__InventoryResponse response = ROOST__INVENTORY_RESPONSE__INIT;
	response.workspaces =
	    arena_array_of(arena, Roost__InventoryResponse__Workspace *, (size_t)node->workspace_count + 1);
	for (int i = 0; i < node->workspace_count; i++) {
		Roost__InventoryResponse__Workspace *row;
		arena_message(arena, row, roost__inventory_response__workspace__init);
		row->id = node->workspace_ids[i];
		row->owner = fleet->user;
		row->has_generation = row->has_running = row->has_known = row->has_made_at = true;
		row->generation = 1;
		row->running = row->known = true;
		row->made_at = clock_wall_ms();
		response.workspaces[response.n_workspaces++] = row;
	}
	response.log_id = node->log_id;
	response.has_log_epoch = response.has_held_version = true;
	response.log_epoch = node->log_epoch;
	response.held_version = node->held_version;
	respond(connection, message, &response.base, arena);
}

/* Calls to all nodes, roost.node.<node>.<verb>; those of other verbs are left unanswered. */
static void on_call(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *context)
{
	(void)subscription;
	struct fleet *fleet = context;
	struct arena *arena = arena_new();
	struct fleet_node *node = find_node(fleet, natsMsg_GetSubject(message));
	const char *verb = strrchr(natsMsg_GetSubject(message), '.') + 1;
	const Roost__ProbeResponse probed = ROOST__PROBE_RESPONSE__INIT;
	if (strcmp(verb, "apply") == 0 && node != NULL)
		answer_apply(connection, message, node, arena);
	else if (strcmp(verb, "inventory") == 0 && node != NULL) {
		answer_inventory(connection, message, fleet, node, arena);
		atomic_fetch_add(&fleet->inventories, 1);
	} else if (strcmp(verb, "probe") == 0)
		respond(connection, message, &probed.base, arena);
	arena_free(arena);
	natsMsg_Destroy(message);
}

static void send_reports(struct fleet *fleet, int node, Roost__Report **reports, int count)
{
	struct arena *arena = arena_new();
	char subject[64];
	natsMsg *answer = NULL;
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	for (int i = 0; i < count; i++) {
		reports[i]->has_number = reports[i]->has_happened_at = true;
		reports[i]->number = ++fleet->reported[node];
		reports[i]->happened_at = clock_wall_ms();
	}
	batch.node_id = fleet->node_ids[node];
	batch.has_agent_epoch = true;
	batch.agent_epoch = 1;
	batch.reports = reports;
	batch.n_reports = (size_t)count;
	struct bytes packed = message_pack(&batch.base, arena);
	snprintf(subject, sizeof(subject), "roost.report.%s", fleet->node_ids[node]);
	bench_check(natsConnection_Request(&answer, fleet->agents, subject, packed.data, (int)packed.size, 5000),
		    "report");
	natsMsg_Destroy(answer);
	arena_free(arena);
}

static void send_report(struct fleet *fleet, int node, Roost__Report *report)
{
	send_reports(fleet, node, &report, 1);
}

static void report_running(struct fleet *fleet, int node)
{
	Roost__Report report = ROOST__REPORT__INIT;
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	Roost__Capabilities capabilities = ROOST__CAPABILITIES__INIT;
	capabilities.runtime = "oci";
	running.capabilities = &capabilities;
	report.report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
	report.node_running = &running;
	send_report(fleet, node, &report);
}

void fleet_report_step(struct fleet *fleet, int node)
{
	Roost__Report report = ROOST__REPORT__INIT;
	Roost__WorkspaceStep step = ROOST__WORKSPACE_STEP__INIT;
	char text[64];
	snprintf(text, sizeof(text), "object %llu of many", fleet->reported[node]);
	step.workspace_id = fleet->workspace_ids[node];
	step.has_generation = true;
	step.generation = 1;
	step.step = "clone";
	step.message = text;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STEP;
	report.workspace_step = &step;
	send_report(fleet, node, &report);
}

void fleet_report_running(struct fleet *fleet, int node, const char (*workspace_ids)[27], int count)
{
	Roost__Report reports[REPORT_BATCH_MAX], *batch[REPORT_BATCH_MAX];
	Roost__WorkspaceRunning running[REPORT_BATCH_MAX];
	for (int i = 0; i < count; i++) {
		roost__report__init(&reports[i]);
		roost__workspace_running__init(&running[i]);
		running[i].workspace_id = workspace_ids[i];
		running[i].has_generation = true;
		running[i].generation = 1;
		reports[i].report_case = ROOST__REPORT__REPORT_WORKSPACE_RUNNING;
		reports[i].workspace_running = &running[i];
		batch[i] = &reports[i];
	}
	send_reports(fleet, node, batch, count);
}

struct fleet_beats {
	pthread_t thread;
	struct fleet *fleet;
	useconds_t pause_us; /* between two nodes */
	atomic_bool ends;
};

static void publish_beat(struct fleet *fleet, int node)
{
	unsigned char packed[256];
	char subject[64];
	Roost__Heartbeat beat = ROOST__HEARTBEAT__INIT;
	beat.node_id = fleet->node_ids[node];
	beat.has_agent_epoch = beat.has_load_1m = beat.has_memory_available_bytes = beat.has_workspaces_running = true;
	beat.agent_epoch = 1;
	beat.load_1m = 0.5;
	beat.memory_available_bytes = 1000000000;
	beat.workspaces_running = 20;
	snprintf(subject, sizeof(subject), "roost.beat.%s", fleet->node_ids[node]);
	natsConnection_Publish(fleet->agents, subject, packed, (int)protobuf_c_message_pack(&beat.base, packed));
}

static void *beat_on(void *context)
{
	struct fleet_beats *beats = context;
	for (int node = 0; !atomic_load(&beats->ends); node = (node + 1) % beats->fleet->nodes) {
		publish_beat(beats->fleet, node);
		usleep(beats->pause_us);
	}
	return NULL;
}

void fleet_beat(struct fleet *fleet, int every_s)
{
	struct fleet_beats *beats = calloc(1, sizeof(*beats));
	beats->fleet = fleet;
	beats->pause_us = (useconds_t)(1000000LL * every_s / fleet->nodes);
	fleet->beats = beats;
	if (pthread_create(&beats->thread, NULL, beat_on, beats) != 0)
		abort();
}

void fleet_start(struct fleet *fleet)
{
	size_t count = (size_t)fleet->nodes;
	fleet->node_ids = calloc(count, sizeof(*fleet->node_ids));
	fleet->workspace_ids = calloc(count, sizeof(*fleet->workspace_ids));
	fleet->reported = calloc(count, sizeof(*fleet->reported));
	fleet->holds = calloc(count, sizeof(*fleet->holds));
	bench_check(natsConnection_Subscribe(&fleet->calls, fleet->agents, "roost.node.*.*", on_call, fleet),
		    "subscribe for all nodes");
	for (int node = 0; node < fleet->nodes; node++) {
		char body[256];
		snprintf(body, sizeof(body), "{\"name\":\"node-%d\"}", node);
		char *made = fleet_command(fleet, "node.create", body);
		copy_id(made, fleet->node_ids[node]);
		free(made);
		report_running(fleet, node);
		snprintf(body, sizeof(body), "{\"name\":\"workspace\",\"nodeId\":\"%s\"}", fleet->node_ids[node]);
		made = fleet_command(fleet, "workspace.create", body);
		copy_id(made, fleet->workspace_ids[node]);
		free(made);
	}
}

void fleet_stop(struct fleet *fleet)
{
	if (fleet->beats != NULL) {
		atomic_store(&fleet->beats->ends, true);
		pthread_join(fleet->beats->thread, NULL);
		free(fleet->beats);
	}
	natsSubscription_Destroy(fleet->calls);
	free(fleet->node_ids);
	free(fleet->workspace_ids);
	free(fleet->reported);
	free(fleet->holds);
}
