/* One subscription and, after each connect, one short replay of what the server kept.
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

struct beats {
	struct beats_settings settings;
	struct subscription *subscription;
	struct connection_watch *watch;
	struct replay *seeds;
	struct arena *arena;	    /* of the beat in hand */
	int64_t listening_since_ms; /* monotonic; 0 while offline */
};

/* `at_ms` is monotonic. */
static void take(struct beats *beats, const char *subject, struct bytes data, int64_t at_ms)
{
	struct node_subject names;
	struct error error = {0};
	arena_reset(beats->arena);
	if (!subject_parse_node(subject, &names))
		return;
	Roost__Heartbeat *beat =
	    (Roost__Heartbeat *)message_unpack(&roost__heartbeat__descriptor, data, beats->arena, &error);
	if (beat == NULL) {
		log_debug("a beat of %s is unreadable: %s", names.node, error.message);
		return;
	}
	Roost__NodeState *node = projection_any_node(beats->settings.projection, names.node, beats->arena, &error);
	if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED)
		return;
	struct node_entry *entry = node_table_get(beats->settings.table, names.node);
	if (entry->beats.any && entry->beats.at_ms > at_ms)
		return; /* a kept one, and we have heard a newer one */
	entry->beats.any = true;
	entry->beats.at_ms = at_ms;
	entry->beats.at_server_ms = server_clock_now_ms(beats->settings.clock) - (clock_monotonic_ms() - at_ms);
	beats->settings.came(beats->settings.context, entry, node, beat);
}

static void on_beat(void *context, const struct incoming *message)
{
	take(context, message->subject, message->data, message->received_ms);
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
	take(beats, record->subject, record->data, clock_monotonic_ms() - (age > 0 ? age : 0));
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
	beats->subscription = connection_subscribe(settings->connection, "roost.beat.*", NULL, on_beat, beats);
	beats->watch = connection_watch(settings->connection, on_online, on_offline, NULL, beats);
	if (connection_is_online(settings->connection))
		on_online(beats);
	return beats;
}

void beats_stop(struct beats *beats)
{
	stop_seeding(beats);
	connection_unwatch(beats->watch);
	subscription_cancel(beats->subscription);
	arena_free(beats->arena);
	free(beats);
}

Roost__Node__Health beats_health(int64_t silent_ms, int64_t stale_ms)
{
	if (silent_ms <= stale_ms)
		return ROOST__NODE__HEALTH__HEALTHY;
	return silent_ms <= 2 * stale_ms ? ROOST__NODE__HEALTH__STALE : ROOST__NODE__HEALTH__UNHEALTHY;
}

int64_t beats_listening(const struct beats *beats)
{
	return beats->listening_since_ms == 0 ? 0 : clock_monotonic_ms() - beats->listening_since_ms;
}

int64_t beats_silence(const struct beats *beats, const struct node_entry *entry)
{
	return entry->beats.any ? clock_monotonic_ms() - entry->beats.at_ms : beats_listening(beats);
}

bool beats_live(const struct beats *beats, const char *node_id, struct live_node *out)
{
	const struct node_entry *entry = node_table_find(beats->settings.table, node_id);
	*out = (struct live_node){0};
	if (entry == NULL)
		return false;
	int64_t silence = beats_silence(beats, entry);
	out->health = beats_health(silence, beats->settings.stale_ms);
	if (!entry->beats.any && out->health == ROOST__NODE__HEALTH__HEALTHY)
		return false; /* we have not listened long enough to tell */
	out->has_last_heartbeat = entry->beats.any;
	out->last_heartbeat_at = entry->beats.at_server_ms;
	out->has_silent_since = out->health != ROOST__NODE__HEALTH__HEALTHY;
	out->silent_since_at = server_clock_now_ms(beats->settings.clock) - silence;
	return true;
}
