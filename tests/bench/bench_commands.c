/* Commands, queries and reports on one controller and a real nats-server, each against its floor in the
 * same run: no node is real, no sandbox is made. */
#include "bus/foundation/clock.h"
#include "tests/bench/daemons.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/support/nats_server.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NODES = 100,
	SEQUENTIAL_ROUNDS = 3000,
	IN_FLIGHT = 64,
	IN_FLIGHT_ROUNDS = 1500,
	RENAME_ROUNDS = 30,
	REPORT_ROUNDS = 1000,
	ANSWER_BYTES = 420, /* of workspace.get in protobuf, about */
	RECORD_BYTES = 260, /* of a rename's record, about */
};

#define OWNER "bench"

static double median_ms(struct samples *samples)
{
	double value = (double)samples_at(samples, 0.5) / 1e6;
	samples_free(samples);
	return value;
}

/* ---- queries ---- */

static void make_get(void *context, int slot, int round, struct request *request)
{
	(void)round;
	static unsigned char packed[NODES][32];
	const struct fleet *fleet = context;
	int node = slot % fleet->nodes;
	snprintf(request->subject, sizeof(request->subject), "roost.cmd." OWNER ".workspace.get");
	packed[node][0] = 0x0a; /* GetWorkspaceRequest.id */
	packed[node][1] = 26;
	memcpy(packed[node] + 2, fleet->workspace_ids[node], 26);
	request->data = packed[node];
	request->size = 28;
}

static void bench_queries(struct fleet *fleet)
{
	struct samples ours = {0}, floor = {0};
	struct flight flight = {.connection = fleet->owner, .user = OWNER, .make = make_get, .context = fleet};
	flight.slots = 1;
	flight.rounds = SEQUENTIAL_ROUNDS;
	fly(&flight, &ours);
	floor_queries(fleet->owner, OWNER, 1, SEQUENTIAL_ROUNDS, 28, &floor);
	print_time_line("query, one at a time, p50", median_ms(&ours), median_ms(&floor), 1.4);
	flight.slots = IN_FLIGHT;
	flight.rounds = IN_FLIGHT_ROUNDS;
	double rate = fly(&flight, NULL);
	print_rate_line("query, 64 in flight", rate,
			floor_queries(fleet->owner, OWNER, IN_FLIGHT, IN_FLIGHT_ROUNDS, 28, NULL), 0.6);
}

/* ---- durable commands ---- */

struct renames {
	struct fleet *fleet;
	char body[NODES][160];
};

static void make_rename(void *context, int slot, int round, struct request *request)
{
	struct renames *renames = context;
	char *body = renames->body[slot];
	snprintf(request->subject, sizeof(request->subject), "roost.cmd." OWNER ".workspace.rename");
	snprintf(body, sizeof(renames->body[slot]), "{\"id\":\"%s\",\"displayName\":\"name %d of %lld\"}",
		 renames->fleet->workspace_ids[slot], round, (long long)clock_monotonic_ns());
	request->data = body;
	request->size = (int)strlen(body);
	request->headers[0][0] = "Content-Type";
	request->headers[0][1] = "application/json";
}

static void bench_renames(struct fleet *fleet)
{
	struct renames renames = {.fleet = fleet};
	struct samples ours = {0}, request = {0}, append = {0};
	struct flight flight = {.connection = fleet->owner, .user = OWNER, .make = make_rename, .context = &renames};
	flight.slots = 1;
	flight.rounds = SEQUENTIAL_ROUNDS / 2;
	fly(&flight, &ours);
	floor_queries(fleet->owner, OWNER, 1, SEQUENTIAL_ROUNDS / 2, 100, &request);
	floor_appends(fleet->agents, "agents", 1, SEQUENTIAL_ROUNDS / 2, RECORD_BYTES, &append);
	print_time_line("durable command (rename), one at a time, p50", median_ms(&ours),
			median_ms(&request) + median_ms(&append), 1.5);
	flight.slots = NODES;
	flight.rounds = RENAME_ROUNDS;
	double rate = fly(&flight, NULL);
	print_rate_line("durable commands over 100 aggregates in flight", rate,
			floor_appends(fleet->agents, "agents", NODES, RENAME_ROUNDS, RECORD_BYTES, NULL), 0.5);
}

/* ---- reports ---- */

static void bench_reports(struct fleet *fleet, natsConnection *follower)
{
	struct samples ours = {0}, request = {0}, append = {0}, delivery = {0};
	natsSubscription *tail = NULL;
	bench_check(natsConnection_SubscribeSync(&tail, follower, "roost.tail." OWNER ".>"), "subscribe the tail");
	bench_check(natsConnection_Flush(follower), "flush");
	for (int round = 0; round < REPORT_ROUNDS; round++) {
		natsMsg *line = NULL;
		int64_t started = clock_monotonic_ns();
		fleet_report_step(fleet, round % fleet->nodes);
		bench_check(natsSubscription_NextMsg(&line, tail, 5000), "tail");
		samples_add(&ours, clock_monotonic_ns() - started);
		natsMsg_Destroy(line);
	}
	natsSubscription_Destroy(tail);
	floor_queries(fleet->owner, OWNER, 1, REPORT_ROUNDS, 100, &request);
	floor_appends(fleet->agents, "agents", 1, REPORT_ROUNDS, RECORD_BYTES, &append);
	floor_deliveries(fleet->agents, follower, REPORT_ROUNDS, 300, &delivery);
	print_time_line("report to the change at a tail subscriber, p50", median_ms(&ours),
			median_ms(&request) + median_ms(&append) + median_ms(&delivery), 2.0);
}

int main(int argc, char **argv)
{
	floor_responder_become(argc, argv);
	if (argc != 2) {
		fprintf(stderr, "usage: bench_commands <folder of the programs>\n");
		return 2;
	}
	struct nats_server *server = nats_server_start();
	const char *url = nats_server_url(server);
	struct process controller = {0};
	daemon_start(&controller, server, argv[1], "roost-controller", "controller", NULL);
	print_memory_line("resident memory of an idle controller", resident_megabytes(controller.pid), 24);
	struct fleet fleet = {
	    .agents = bench_connect(url, nats_server_credentials(server, "agents", NULL), "agents"),
	    .owner = bench_connect(url, nats_server_credentials(server, OWNER, NULL), OWNER),
	    .user = OWNER,
	    .nodes = NODES,
	};
	natsConnection *follower = bench_connect(url, nats_server_credentials(server, "follower", NULL), "follower");
	fleet_start(&fleet);
	pid_t responder = floor_responder_start(url, nats_server_credentials(server, "floor", NULL), ANSWER_BYTES);
	bench_queries(&fleet);
	bench_renames(&fleet);
	bench_reports(&fleet, follower);
	print_memory_line("resident memory of the controller after that", resident_megabytes(controller.pid), 64);
	floor_responder_stop(responder);
	fleet_stop(&fleet);
	natsConnection_Destroy(follower);
	natsConnection_Destroy(fleet.agents);
	natsConnection_Destroy(fleet.owner);
	daemon_stop(&controller);
	nats_server_stop(server);
	return 0;
}
