/* What heartbeats cost a controller: the processor time of a real one for beats of 1,000 nodes, as the
 * share of one core that they take at one beat every ten seconds each. usage: bench_beats <folder> */
#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/wire/subject.h"
#include "node.pb-c.h"
#include "tests/bench/daemons.h"
#include "tests/bench/measure.h"
#include "tests/support/controllers.h"
#include "tests/support/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 1000, BEATS_PER_NODE = 20, BEAT_EVERY_S = 10 };

static const char *node_ids[NODES];

static void make_nodes(struct controllers *controllers)
{
	static struct call calls[NODES];
	static struct reply replies[NODES];
	static Roost__CreateNodeRequest requests[NODES];
	for (int i = 0; i < NODES; i++) {
		roost__create_node_request__init(&requests[i]);
		requests[i].name = arena_printf(controllers->arena, "node-%d", i);
		calls[i] = (struct call){.owner = "alice",
					 .command = "node.create",
					 .request = &requests[i].base,
					 .key = arena_printf(controllers->arena, "key-%d", i)};
	}
	calls_until_final(controllers, calls, replies, NODES, 120000, NULL, NULL);
	for (int i = 0; i < NODES; i++) {
		const Roost__CreateNodeResponse *response = reply_expect_success(&replies[i], "node.create");
		node_ids[i] = response->node->id;
	}
}

static void publish_beats(struct controllers *controllers, struct connection *connection, uint64_t held)
{
	for (int i = 0; i < NODES; i++) {
		unsigned char packed[256];
		Roost__Heartbeat beat = ROOST__HEARTBEAT__INIT;
		struct subject subject = subject_beat(node_ids[i]);
		beat.node_id = node_ids[i];
		beat.log_id = "01J00000000000000000000000";
		beat.has_held_version = beat.has_load_1m = beat.has_memory_available_bytes = true;
		beat.held_version = held;
		beat.load_1m = 0.5;
		beat.memory_available_bytes = 1000000000;
		struct outgoing message = {.subject = subject.text,
					   .data = {packed, protobuf_c_message_pack(&beat.base, packed)}};
		while (!connection_publish(connection, &message, NULL))
			uv_run(&controllers->loop, UV_RUN_NOWAIT);
	}
}

int main(void)
{
	struct controllers controllers;
	log_open("bench", LOG_ERROR);
	controllers_open(&controllers);
	controllers_setenv(&controllers, "MAX_NODES_PER_USER", "2000");
	controllers_setenv(&controllers, "ROOST_LOG_LEVEL", "error");
	controllers_run(&controllers, 0);
	struct connection *connection = controllers_connection(&controllers, "alice");
	int process = controllers.processes[0].pid;
	make_nodes(&controllers);
	publish_beats(&controllers, connection, 0); /* the entries are made */
	controllers_wait_ready(&controllers);
	double before = processor_seconds(process);
	for (int i = 0; i < BEATS_PER_NODE; i++) {
		publish_beats(&controllers, connection, 1);
		controllers_wait_ready(&controllers); /* answered after the beats before it */
	}
	double each = (processor_seconds(process) - before) / (NODES * BEATS_PER_NODE);
	printf("one heartbeat: %.1f us of the controller; %d nodes every %d s: %.2f %% of one core (aim 10 %%: %s)\n",
	       each * 1e6, NODES, BEAT_EVERY_S, 100 * each * NODES / BEAT_EVERY_S,
	       each * NODES / BEAT_EVERY_S <= 0.1 ? "met" : "MISSED");
	print_memory_line("controller with 1,000 nodes", resident_megabytes(process), 64);
	controllers_close(&controllers);
	return 0;
}
