/* The feed brings what was stored, once, in order; its header Nats-Sequence tells whether anything is
 * missing. What is missing comes by replay: the gap is closed once the projection is past it. While the
 * connection is lost nothing is heard, so listening begins anew, and the projection's runner checks the
 * log's identity before it counts as caught up again. Nodes are kept in a table ordered by id. */
#include "sweeper/witness.h"

#include "bus/foundation/clock.h"
#include "bus/wire/subject.h"
#include "node.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heard_node {
	char id[27];
	int64_t beat_ms; /* monotonic, of the last one */
	uint64_t unknown_workspaces;
	struct sightings sightings;
};

struct witness {
	struct connection *connection;
	struct projection *projection;
	struct connection_watch *watch;
	struct subscription *beats, *feed;
	struct arena *arena; /* of the beat in hand */
	struct witness_counts counts;
	int64_t listening_since_ms;	 /* monotonic; 0 while offline */
	uint64_t last_seq, complete_seq; /* heard on the feed; that the projection must have come up to */
	struct heard_node *nodes;
	size_t node_count, node_room;
};

/* Where the node is, or where it belongs. */
static size_t place_of(const struct witness *witness, const char *id)
{
	size_t low = 0, high = witness->node_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(witness->nodes[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct heard_node *find_node(const struct witness *witness, const char *id)
{
	size_t place = place_of(witness, id);
	bool there = place < witness->node_count && strcmp(witness->nodes[place].id, id) == 0;
	return there ? &witness->nodes[place] : NULL;
}

static bool projection_has(struct witness *witness, const char *id)
{
	struct error error = {0};
	const Roost__NodeState *node = projection_any_node(witness->projection, id, witness->arena, &error);
	return node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED;
}

static void forget_deleted(struct witness *witness)
{
	size_t kept = 0;
	for (size_t i = 0; i < witness->node_count; i++) {
		arena_reset(witness->arena);
		if (projection_has(witness, witness->nodes[i].id))
			witness->nodes[kept++] = witness->nodes[i];
		else
			sightings_clear(&witness->nodes[i].sightings);
	}
	witness->node_count = kept;
}

/* Nodes come and go: room is made by those that went first. */
static void make_room(struct witness *witness)
{
	if (witness->node_count == witness->node_room)
		forget_deleted(witness);
	if (witness->node_count < witness->node_room)
		return;
	witness->node_room = witness->node_room == 0 ? 16 : 2 * witness->node_room;
	witness->nodes = realloc(witness->nodes, witness->node_room * sizeof(*witness->nodes));
	if (witness->nodes == NULL)
		abort();
}

static struct heard_node *add_node(struct witness *witness, const char *id)
{
	make_room(witness);
	size_t place = place_of(witness, id);
	struct heard_node *node = &witness->nodes[place];
	memmove(node + 1, node, (witness->node_count - place) * sizeof(*node));
	*node = (struct heard_node){0};
	snprintf(node->id, sizeof(node->id), "%s", id);
	witness->node_count++;
	return node;
}

static void heard_beat(void *context, const struct incoming *message)
{
	struct witness *witness = context;
	struct node_subject subject;
	struct error error;
	arena_reset(witness->arena);
	Roost__Heartbeat *beat =
	    (Roost__Heartbeat *)message_unpack(&roost__heartbeat__descriptor, message->data, witness->arena, &error);
	witness->counts.beats++;
	if (beat == NULL || beat->node_id == NULL || !subject_parse_node(message->subject, &subject) ||
	    strcmp(subject.node, beat->node_id) != 0) {
		witness->counts.beats_bad++;
		return;
	}
	uint64_t unknown = beat->n_unknown_workspaces;
	struct heard_node *node = find_node(witness, subject.node);
	if (node == NULL && projection_has(witness, subject.node))
		node = add_node(witness, subject.node);
	if (node == NULL) {
		witness->counts.beats_strange++;
		return;
	}
	node->beat_ms = message->received_ms;
	node->unknown_workspaces = unknown;
}

static void heard_record(void *context, const struct incoming *message)
{
	struct witness *witness = context;
	const char *text = incoming_header(message, "Nats-Sequence");
	uint64_t seq = text != NULL ? strtoull(text, NULL, 10) : 0;
	witness->counts.feed++;
	if (witness->last_seq != 0 && seq != witness->last_seq + 1)
		witness->counts.feed_gaps++;
	witness->last_seq = seq;
	if (seq > witness->complete_seq)
		witness->complete_seq = seq;
}

static void on_online(void *context)
{
	struct witness *witness = context;
	witness->listening_since_ms = clock_monotonic_ms();
}

static void on_offline(void *context)
{
	struct witness *witness = context;
	witness->listening_since_ms = 0;
	witness->last_seq = witness->complete_seq = 0;
}

struct witness *witness_start(struct connection *connection, struct projection *projection)
{
	struct witness *witness = calloc(1, sizeof(*witness));
	if (witness == NULL)
		abort();
	witness->connection = connection;
	witness->projection = projection;
	witness->arena = arena_new();
	witness->watch = connection_watch(connection, on_online, on_offline, NULL, witness);
	witness->beats = connection_subscribe(connection, "roost.beat.*", NULL, heard_beat, witness);
	witness->feed = connection_subscribe(connection, "roost.feed.>", NULL, heard_record, witness);
	if (connection_is_online(connection))
		on_online(witness);
	return witness;
}

void witness_stop(struct witness *witness)
{
	if (witness == NULL)
		return;
	connection_unwatch(witness->watch);
	subscription_cancel(witness->beats);
	subscription_cancel(witness->feed);
	for (size_t i = 0; i < witness->node_count; i++)
		sightings_clear(&witness->nodes[i].sightings);
	free(witness->nodes);
	arena_free(witness->arena);
	free(witness);
}

struct witness_counts witness_counts(const struct witness *witness)
{
	struct witness_counts counts = witness->counts;
	counts.nodes = witness->node_count;
	for (size_t i = 0; i < witness->node_count; i++)
		counts.unknown_workspaces += witness->nodes[i].unknown_workspaces;
	return counts;
}

bool witness_is_complete(const struct witness *witness, uint64_t applied_seq)
{
	return witness->listening_since_ms != 0 && applied_seq >= witness->complete_seq;
}

struct sweep_heard witness_heard(const struct witness *witness, const char *node_id)
{
	int64_t now = clock_monotonic_ms();
	const struct heard_node *node = find_node(witness, node_id);
	int64_t listening = witness->listening_since_ms == 0 ? 0 : now - witness->listening_since_ms;
	int64_t silence = node == NULL ? listening : now - node->beat_ms;
	/* What was heard before the connection was lost says nothing about the time since. */
	return (struct sweep_heard){.silence_ms = silence < listening ? silence : listening, .listening_ms = listening};
}

struct sightings *witness_sightings(struct witness *witness, const char *node_id)
{
	struct heard_node *node = find_node(witness, node_id);
	return node == NULL ? NULL : &node->sightings;
}
