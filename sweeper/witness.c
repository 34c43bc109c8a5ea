/* The feed brings what was stored, once, in order; its header Nats-Sequence tells whether anything is
 * missing. Nodes are kept in a table ordered by id. */
#include "sweeper/witness.h"

#include "bus/wire/subject.h"
#include "node.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen_node {
	char id[27];
	uint64_t unknown_workspaces;
};

struct witness {
	struct subscription *beats, *feed;
	struct witness_counts counts;
	struct seen_node *nodes;
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

static void make_room(struct witness *witness)
{
	if (witness->node_count < witness->node_room)
		return;
	witness->node_room = witness->node_room == 0 ? 16 : 2 * witness->node_room;
	witness->nodes = realloc(witness->nodes, witness->node_room * sizeof(*witness->nodes));
	if (witness->nodes == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
}

static struct seen_node *node_of(struct witness *witness, const char *id)
{
	size_t place = place_of(witness, id);
	if (place < witness->node_count && strcmp(witness->nodes[place].id, id) == 0)
		return &witness->nodes[place];
	make_room(witness);
	struct seen_node *node = &witness->nodes[place];
	memmove(node + 1, node, (witness->node_count - place) * sizeof(*node));
	memset(node, 0, sizeof(*node));
	snprintf(node->id, sizeof(node->id), "%s", id);
	witness->node_count++;
	return node;
}

static void heard_beat(void *context, const struct incoming *message)
{
	struct witness *witness = context;
	struct arena *arena = arena_new();
	struct node_subject subject;
	struct error error;
	Roost__Heartbeat *beat =
	    (Roost__Heartbeat *)message_unpack(&roost__heartbeat__descriptor, message->data, arena, &error);
	witness->counts.beats++;
	if (beat == NULL || beat->node_id == NULL || !subject_parse_node(message->subject, &subject) ||
	    strcmp(subject.node, beat->node_id) != 0)
		witness->counts.beats_bad++;
	else
		node_of(witness, subject.node)->unknown_workspaces = beat->n_unknown_workspaces;
	arena_free(arena);
}

static void heard_record(void *context, const struct incoming *message)
{
	struct witness *witness = context;
	const char *text = incoming_header(message, "Nats-Sequence");
	uint64_t seq = text != NULL ? strtoull(text, NULL, 10) : 0;
	witness->counts.feed++;
	if (witness->counts.last_seq != 0 && seq != witness->counts.last_seq + 1)
		witness->counts.feed_gaps++;
	witness->counts.last_seq = seq;
}

struct witness *witness_start(struct connection *connection)
{
	struct witness *witness = calloc(1, sizeof(*witness));
	if (witness == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	witness->beats = connection_subscribe(connection, "roost.beat.*", NULL, heard_beat, witness);
	witness->feed = connection_subscribe(connection, "roost.feed.>", NULL, heard_record, witness);
	return witness;
}

void witness_stop(struct witness *witness)
{
	if (witness == NULL)
		return;
	subscription_cancel(witness->beats);
	subscription_cancel(witness->feed);
	free(witness->nodes);
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
