/* A subscription to all beats, one in a queue group to our share of them, and after each connect one
 * short replay of what the server kept.
 *
 * Silence is measured with our own monotonic clock from the moment a beat came in, so neither a node's
 * clock nor a step of ours matters; only a kept beat's age is computed from server times. Beats of
 * nodes that the projection does not have are dropped: nobody can fill the table from outside. */
#include "controller/effects/beats.h"

#include "bus/foundation/log.h"
#include "bus/log/log_stream.h"
#include "bus/log/replay.h"
#include "bus/wire/subject.h"

#include <stdlib.h>
#include <string.h>

#define ANY_BEAT    "roost.beat.*"
#define QUEUE_GROUP "controllers"

struct beats {
	struct beats_settings settings;
	struct subscription *all, *ours;
	struct connection_watch *watch;
	struct replay *seeds;
	struct arena *arena;	    /* of the beat in hand */
	int64_t listening_since_ms; /* monotonic; 0 while offline */
};

void beat_load(const Roost__Heartbeat *beat, Roost__Node__Load *load)
{
	load->has_load_1m = beat->has_load_1m;
	load->load_1m = beat->load_1m;
	load->has_memory_available_bytes = beat->has_memory_available_bytes;
	load->memory_available_bytes = beat->memory_available_bytes;
	load->has_disk_available_bytes = beat->has_disk_available_bytes;
	load->disk_available_bytes = beat->disk_available_bytes;
	load->has_workspaces_running = beat->has_workspaces_running;
	load->workspaces_running = beat->workspaces_running;
	load->has_sessions_running = beat->has_sessions_running;
	load->sessions_running = beat->sessions_running;
}

/* A beat in the arena, and its node; false when it is rubbish or nobody's. */
static bool read_beat(struct beats *beats, const char *subject, struct bytes data, Roost__Heartbeat **beat,
		      Roost__NodeState **node)
{
	struct node_subject names;
	struct error error = {0};
	arena_reset(beats->arena);
	if (!subject_parse_node(subject, &names))
		return false;
	*beat = (Roost__Heartbeat *)message_unpack(&roost__heartbeat__descriptor, data, beats->arena, &error);
	if (*beat == NULL) {
		log_debug("a beat of %s is unreadable: %s", names.node, error.message);
		return false;
	}
	*node = projection_any_node(beats->settings.projection, names.node, beats->arena, &error);
	return *node != NULL;
}

/* `at_ms` is monotonic. */
static void take(struct beats *beats, const char *subject, struct bytes data, int64_t at_ms, bool kept)
{
	Roost__Heartbeat *beat;
	Roost__NodeState *node;
	if (!read_beat(beats, subject, data, &beat, &node))
		return;
	struct node_entry *entry = node_table_get(beats->settings.table, node->resource->id);
	if (entry->signs.beat && entry->signs.beat_at_ms > at_ms)
		return; /* a kept one, and we have heard a newer one */
	entry->signs.beat = true;
	entry->signs.beat_at_ms = at_ms;
	entry->beat_server_ms = server_clock_now_ms(beats->settings.clock) - (clock_monotonic_ms() - at_ms);
	beat_load(beat, &entry->load);
	beats->settings.came(beats->settings.context, entry, node, beat, kept);
}

static void on_beat(void *context, const struct incoming *message)
{
	take(context, message->subject, message->data, message->received_ms, false);
}

static void on_ours(void *context, const struct incoming *message)
{
	struct beats *beats = context;
	Roost__Heartbeat *beat;
	Roost__NodeState *node;
	if (!read_beat(beats, message->subject, message->data, &beat, &node))
		return;
	struct node_entry *entry = node_table_get(beats->settings.table, node->resource->id);
	beats->settings.ours(beats->settings.context, entry, node, beat);
}

static void stop_seeding(struct beats *beats)
{
	replay_stop(beats->seeds);
	beats->seeds = NULL;
}

static void on_seeds_started(void *context, uint64_t pending)
{
	if (pending == 0)
		stop_seeding(context);
}

static void on_seed(void *context, const struct stored_record *record, uint64_t pending)
{
	struct beats *beats = context;
	int64_t age = server_clock_now_ms(beats->settings.clock) - record->stored_ms;
	take(beats, record->subject, record->data, clock_monotonic_ms() - (age > 0 ? age : 0), true);
	if (pending == 0)
		stop_seeding(beats);
}

/* Seeds are a convenience: without them each node is known again with its next beat. */
static void on_seeds_ended(void *context, const char *reason)
{
	log_info("the kept heartbeats could not be read: %s", reason);
	stop_seeding(context);
}

static void on_online(void *context)
{
	struct beats *beats = context;
	const struct replay_events events = {on_seeds_started, on_seed, on_seeds_ended, beats};
	beats->listening_since_ms = clock_monotonic_ms();
	stop_seeding(beats);
	beats->seeds = replay_start(beats->settings.connection, BEATS_STREAM, 1, &events);
}

static void on_offline(void *context)
{
	struct beats *beats = context;
	beats->listening_since_ms = 0;
	stop_seeding(beats);
}

struct beats *beats_start(const struct beats_settings *settings)
{
	struct beats *beats = calloc(1, sizeof(*beats));
	if (beats == NULL)
		abort();
	beats->settings = *settings;
	beats->arena = arena_new();
	beats->all = connection_subscribe(settings->connection, ANY_BEAT, NULL, on_beat, beats);
	beats->ours = connection_subscribe(settings->connection, ANY_BEAT, QUEUE_GROUP, on_ours, beats);
	beats->watch = connection_watch(settings->connection, on_online, on_offline, NULL, beats);
	if (connection_is_online(settings->connection))
		on_online(beats);
	return beats;
}

void beats_stop(struct beats *beats)
{
	stop_seeding(beats);
	connection_unwatch(beats->watch);
	subscription_cancel(beats->all);
	subscription_cancel(beats->ours);
	arena_free(beats->arena);
	free(beats);
}

int64_t beats_listening_since(const struct beats *beats)
{
	return beats->listening_since_ms;
}

void beats_overslept(struct beats *beats)
{
	if (beats->listening_since_ms != 0)
		beats->listening_since_ms = clock_monotonic_ms();
}
