/* One controller and one sweeper with 1,000 nodes of 20 workspaces each: commands, memory, heartbeats,
 * reports, and what a second controller is good for when the first is killed. The nodes exist only on the
 * bus. usage: bench_fleet <folder of the programs> */
#include "bus/foundation/clock.h"
#include "tests/bench/daemons.h"
#include "tests/bench/fleet.h"
#include "tests/bench/floors.h"
#include "tests/bench/takeover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NODES = 1000,
	WORKSPACES = 20, /* on each */
	IN_FLIGHT = 100,
	COMMAND_ROUNDS = 100,
	REPORT_ROUNDS = 2000,
	BEAT_EVERY_S = 10,
	RECORD_BYTES = 260, /* of a rename's record, about */
};

#define OWNER "bench"

static struct fleet fleet = {.user = OWNER, .nodes = NODES};
static char workspace_ids[NODES][WORKSPACES][27];

/* A slot makes its nodes' workspaces one after another; the first of each exists already. */
static void place(int slot, int round, int *node, int *workspace)
{
	*node = slot + IN_FLIGHT * (round / (WORKSPACES - 1));
	*workspace = 1 + round % (WORKSPACES - 1);
}

static void make_create(void *context, int slot, int round, struct request *request)
{
	static char bodies[IN_FLIGHT][160];
	int node, workspace;
	(void)context;
	place(slot, round, &node, &workspace);
	snprintf(request->subject, sizeof(request->subject), "roost.cmd." OWNER ".workspace.create");
	snprintf(bodies[slot], sizeof(bodies[slot]), "{\"name\":\"workspace %d\",\"nodeId\":\"%s\"}", workspace,
		 fleet.node_ids[node]);
	request->data = bodies[slot];
	request->size = (int)strlen(bodies[slot]);
	request->headers[0][0] = "Content-Type";
	request->headers[0][1] = "application/json";
}

static void note_created(void *context, int slot, natsMsg *answer)
{
	static int rounds[IN_FLIGHT];
	int node, workspace;
	(void)context;
	place(slot, rounds[slot]++, &node, &workspace);
	const char *id = strstr(natsMsg_GetData(answer), "\"id\":\"");
	if (id == NULL)
		exit(1);
	snprintf(workspace_ids[node][workspace], sizeof(workspace_ids[node][workspace]), "%.26s", id + 6);
}

static void make_rename(void *context, int slot, int round, struct request *request)
{
	static char bodies[IN_FLIGHT][160];
	int node = (slot + IN_FLIGHT * round) % NODES;
	(void)context;
	snprintf(request->subject, sizeof(request->subject), "roost.cmd." OWNER ".workspace.rename");
	snprintf(bodies[slot], sizeof(bodies[slot]), "{\"id\":\"%s\",\"displayName\":\"name %d of %lld\"}",
		 workspace_ids[node][round % WORKSPACES], round, (long long)clock_monotonic_ns());
	request->data = bodies[slot];
	request->size = (int)strlen(bodies[slot]);
	request->headers[0][0] = "Content-Type";
	request->headers[0][1] = "application/json";
}

static void print_rate_and_tail(const char *name, double rate, struct samples *samples)
{
	printf("%-52s %10.0f /s   p50 %9.3f ms   p99 %9.3f ms\n", name, rate, (double)samples_at(samples, 0.5) / 1e6,
	       (double)samples_at(samples, 0.99) / 1e6);
	samples_free(samples);
}

static void make_workspaces(void)
{
	struct samples samples = {0};
	struct flight flight = {.connection = fleet.owner,
				.user = OWNER,
				.make = make_create,
				.answered = note_created,
				.slots = IN_FLIGHT,
				.rounds = NODES / IN_FLIGHT * (WORKSPACES - 1)};
	double rate = fly(&flight, &samples);
	print_rate_and_tail("workspace creates, 100 in flight", rate, &samples);
	for (int node = 0; node < NODES; node++) {
		memcpy(workspace_ids[node][0], fleet.workspace_ids[node], 27);
		/* The first stays in creating, for its steps. */
		fleet_report_running(&fleet, node, (const char(*)[27]) & workspace_ids[node][1], WORKSPACES - 1);
	}
}

static void bench_renames(void)
{
	struct samples samples = {0}, floor = {0};
	struct flight flight = {.connection = fleet.owner,
				.user = OWNER,
				.make = make_rename,
				.slots = IN_FLIGHT,
				.rounds = COMMAND_ROUNDS};
	double rate = fly(&flight, &samples);
	print_rate_and_tail("durable commands, 100 in flight", rate, &samples);
	print_rate_line("  of bare synced appends", rate,
			floor_appends(fleet.agents, "agents", IN_FLIGHT, COMMAND_ROUNDS, RECORD_BYTES, &floor), 0.5);
	samples_free(&floor);
}

static void bench_reports(natsConnection *follower)
{
	struct samples samples = {0};
	natsSubscription *tail = NULL;
	bench_check(natsConnection_SubscribeSync(&tail, follower, "roost.tail." OWNER ".*.*.*.workspace_step"), "tail");
	bench_check(natsConnection_Flush(follower), "flush");
	for (int round = 0; round < REPORT_ROUNDS; round++) {
		natsMsg *line = NULL;
		int64_t started = clock_monotonic_ns();
		fleet_report_step(&fleet, round % NODES);
		bench_check(natsSubscription_NextMsg(&line, tail, 5000), "tail");
		samples_add(&samples, clock_monotonic_ns() - started);
		natsMsg_Destroy(line);
	}
	natsSubscription_Destroy(tail);
	double p99 = (double)samples_at(&samples, 0.99) / 1e6;
	printf("%-52s %10.3f ms   %31s (aim 10 ms: %s)\n", "report to the change at a tail subscriber, p99", p99, "",
	       p99 <= 10 ? "met" : "MISSED");
	samples_free(&samples);
}

/* Nothing else goes on: what a controller does in this time, it does because nodes beat. */
static void bench_beats(int process)
{
	nats_Sleep(BEAT_EVERY_S * 1000);
	double before = processor_seconds(process);
	nats_Sleep(BEAT_EVERY_S * 1000);
	double share = (processor_seconds(process) - before) / BEAT_EVERY_S;
	printf("%-52s %10.2f %%    %31s (aim 10 %%: %s)\n", "heartbeats and probes of 1,000 nodes, of one core",
	       share * 100, "", share <= 0.1 ? "met" : "MISSED");
}

/* Until the sweeper has looked at every node twice. */
static void bench_sweep(int process)
{
	unsigned long until = atomic_load(&fleet.inventories) + 2 * NODES;
	double before = processor_seconds(process);
	int64_t started = clock_monotonic_ns();
	while (atomic_load(&fleet.inventories) < until && clock_monotonic_ns() - started < 120 * 1000000000LL)
		nats_Sleep(50);
	unsigned long missing = until - atomic_load(&fleet.inventories);
	if ((long)missing > 0)
		fprintf(stderr, "the sweeper asked for %lu inventories too few\n", missing);
	printf("%-52s %10.3f s    of one core, for 1,000 nodes\n", "a sweep of all nodes by inventory",
	       (processor_seconds(process) - before) / 2);
}

int main(int argc, char **argv)
{
	static const char *const environment[] = {"MAX_NODES_PER_USER=2000", "ROOST_LOG_LEVEL=info", NULL};
	static const char *const sweeping[] = {"SWEEP_REMOVED_BUT_RUNNING_SECONDS=5", "SWEEP_UNKNOWN_SECONDS=5",
					       "SWEEP_ABSENT_SECONDS=5", NULL};
	if (argc != 2) {
		fprintf(stderr, "usage: bench_fleet <folder of the programs>\n");
		return 2;
	}
	struct nats_server *server = nats_server_start();
	const char *url = nats_server_url(server);
	const char *credentials = nats_server_credentials(server, OWNER, NULL);
	struct process controller = {0}, second = {0}, sweeper = {0};
	daemon_start(&controller, server, argv[1], "roost-controller", "controller", environment);
	daemon_start(&sweeper, server, argv[1], "roost-sweeper", "sweeper", sweeping);
	fleet.agents = bench_connect(url, nats_server_credentials(server, "agents", NULL), "agents");
	fleet.owner = bench_connect(url, credentials, OWNER);
	natsConnection *follower = bench_connect(url, nats_server_credentials(server, "follower", NULL), "follower");
	fleet_start(&fleet);
	make_workspaces();
	fleet_beat(&fleet, BEAT_EVERY_S);
	bench_renames();
	bench_reports(follower);
	bench_beats(controller.pid);
	bench_sweep(sweeper.pid);
	print_memory_line("resident memory of the controller", resident_megabytes(controller.pid), 64);
	print_memory_line("resident memory of the sweeper", resident_megabytes(sweeper.pid), 48);
	daemon_start(&second, server, argv[1], "roost-controller", "controller-2", environment);
	bench_takeover(&fleet, url, credentials, &controller);
	fleet_stop(&fleet);
	natsConnection_Destroy(follower);
	natsConnection_Destroy(fleet.agents);
	natsConnection_Destroy(fleet.owner);
	daemon_stop(&sweeper);
	daemon_stop(&second);
	nats_server_stop(server);
	return 0;
}
