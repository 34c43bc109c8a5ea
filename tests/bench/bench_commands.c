/* Commands, queries and reports on one controller and a real nats-server, each against its floor in the
 * same run: no node is real, no sandbox is made. */
#include "bus/foundation/clock.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/support/cleanup.h"
#include "tests/support/nats_server.h"
#include "tests/support/process.h"

#include <signal.h>
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

static const char ready_line[] = "the projection holds the log";

static bool controller_ready(const char *log_file)
{
	char line[1024];
	FILE *file = fopen(log_file, "re");
	bool ready = false;
	while (file != NULL && !ready && fgets(line, sizeof(line), file) != NULL)
		ready = strstr(line, ready_line) != NULL;
	if (file != NULL)
		fclose(file);
	return ready;
}

static void start_controller(struct process *process, struct nats_server *server, const char *programs)
{
	char program[4096], database[4096], log_file[4096];
	snprintf(program, sizeof(program), "%s/roost-controller", programs);
	snprintf(database, sizeof(database), "%s/controller.db", cleanup_folder());
	snprintf(log_file, sizeof(log_file), "%s/controller.log", nats_server_folder(server));
	const char *const argv[] = {program,
				    "--nats-url",
				    nats_server_url(server),
				    "--credentials",
				    nats_server_credentials(server, "controller", NULL),
				    "--data-dir",
				    nats_server_folder(server),
				    "--database",
				    database,
				    NULL};
	process_start(process, argv, NULL, log_file);
	for (int tries = 0; !controller_ready(log_file); tries++) {
		if (tries == 200 || process_ended(process)) {
			fprintf(stderr, "the controller did not start; see %s\n", log_file);
			exit(1);
		}
		nats_Sleep(50);
	}
}

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
	start_controller(&controller, server, argv[1]);
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
	process_signal(&controller, SIGTERM);
	process_wait(&controller, 10000);
	nats_server_stop(server);
	return 0;
}
