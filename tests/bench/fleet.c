/* Fake node agents for benchmarks: the least that the protocol asks of one. */
#include "tests/bench/fleet.h"

#include "bus/foundation/clock.h"
#include "bus/wire/message.h"
#include "node.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void copy_id(const char *json, char id[27])
{
	const char *found = strstr(json, "\"id\":\"");
	if (found == NULL) {
		fprintf(stderr, "no id in %s\n", json);
		exit(1);
	}
	snprintf(id, 27, "%.26s", found + 6);
}

static void on_apply(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *context)
{
	(void)subscription;
	(void)context;
	struct arena *arena = arena_new();
	struct error error;
	struct bytes data = {(const unsigned char *)natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
	const Roost__ApplyRequest *request =
	    (const Roost__ApplyRequest *)message_unpack(&roost__apply_request__descriptor, data, arena, &error);
	if (request != NULL) {
		Roost__ApplyResponse response = ROOST__APPLY_RESPONSE__INIT;
		response.log_id = request->log_id;
		response.has_log_epoch = request->has_log_epoch;
		response.log_epoch = request->log_epoch;
		response.has_held_version = true;
		response.held_version = request->to_version;
		struct bytes packed = message_pack(&response.base, arena);
		natsConnection_Publish(connection, natsMsg_GetReply(message), packed.data, (int)packed.size);
	}
	arena_free(arena);
	natsMsg_Destroy(message);
}

static void send_report(struct fleet *fleet, int node, Roost__Report *report)
{
	struct arena *arena = arena_new();
	char subject[64];
	natsMsg *answer = NULL;
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	Roost__Report *reports[] = {report};
	report->has_number = true;
	report->number = ++fleet->reported[node];
	report->has_happened_at = true;
	report->happened_at = clock_wall_ms();
	batch.node_id = fleet->node_ids[node];
	batch.has_agent_epoch = true;
	batch.agent_epoch = 1;
	batch.reports = reports;
	batch.n_reports = 1;
	struct bytes packed = message_pack(&batch.base, arena);
	snprintf(subject, sizeof(subject), "roost.report.%s", fleet->node_ids[node]);
	bench_check(natsConnection_Request(&answer, fleet->agents, subject, packed.data, (int)packed.size, 5000),
		    "report");
	natsMsg_Destroy(answer);
	arena_free(arena);
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

void fleet_start(struct fleet *fleet)
{
	size_t count = (size_t)fleet->nodes;
	fleet->node_ids = calloc(count, sizeof(*fleet->node_ids));
	fleet->workspace_ids = calloc(count, sizeof(*fleet->workspace_ids));
	fleet->reported = calloc(count, sizeof(*fleet->reported));
	bench_check(natsConnection_Subscribe(&fleet->apply, fleet->agents, "roost.node.*.apply", on_apply, NULL),
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
	natsSubscription_Destroy(fleet->apply);
	free(fleet->node_ids);
	free(fleet->workspace_ids);
	free(fleet->reported);
}
