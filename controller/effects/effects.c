/* Brings the parts together: records and beats come in here and are handed on. */
#include "controller/effects/effects.h"

#include "bus/foundation/options.h"
#include "bus/wire/subject.h"
#include "controller/effects/beat_tail.h"
#include "controller/effects/beats.h"
#include "controller/effects/claims.h"
#include "controller/effects/deadlines.h"
#include "controller/effects/health.h"
#include "controller/effects/probes.h"
#include "controller/effects/record_feed.h"
#include "controller/effects/releases.h"
#include "controller/effects/rollbacks.h"
#include "controller/effects/wanted.h"

#include <stdlib.h>
#include <string.h>

struct effects {
	struct effects_settings settings;
	struct node_table *table;
	struct beats *beats; /* NULL until begun, like the others */
	struct probes *probes;
	struct wanted *wanted;
	struct record_feed *feed;
	struct deadlines *deadlines;
	struct health *health;
	struct claims *claims;
	struct releases *releases;
	struct rollbacks *rollbacks;
};

static void on_settled(void *context)
{
	struct fed_record *record = context;
	struct effects *effects = record->context;
	releases_fed(effects->releases, record);
}

static void on_record(void *context, struct fed_record *record)
{
	struct effects *effects = context;
	struct event_subject subject;
	if (!subject_parse_event(record->subject, &subject))
		record_feed_done(record);
	else if (strcmp(subject.kind, "owner") == 0)
		claims_fed(effects->claims, record);
	else
		wanted_changed(effects->wanted, subject.id, on_settled, record);
}

/* Every controller hears every beat. A kept one has had its turn, but nobody may have lived to take it. */
static void on_beat(void *context, struct node_entry *entry, const Roost__NodeState *node, const Roost__Heartbeat *beat,
		    bool kept)
{
	struct effects *effects = context;
	if (kept)
		wanted_heard(effects->wanted, entry, node, beat);
	if (node->resource->status != ROOST__NODE__STATUS__DELETED)
		health_heard(effects->health, entry, node);
	record_feed_check(effects->feed);
}

/* One controller acts on it: tells the tail, and the node what it lacks. */
static void on_our_beat(void *context, struct node_entry *entry, const Roost__NodeState *node,
			const Roost__Heartbeat *beat)
{
	struct effects *effects = context;
	struct live_node live;
	wanted_heard(effects->wanted, entry, node, beat);
	if (node->resource->status == ROOST__NODE__STATUS__DELETED)
		return;
	health_live(effects->health, node->resource->id, &live);
	beat_tail_publish(effects->settings.work, node, beat, &live, server_clock_now_ms(effects->settings.clock));
}

static void on_called(void *context, struct node_entry *entry, bool answered)
{
	struct effects *effects = context;
	health_called(effects->health, entry, answered);
}

static void on_ahead(void *context, struct node_entry *entry, uint64_t log_epoch, uint64_t held_version)
{
	struct effects *effects = context;
	rollbacks_suspect(effects->rollbacks, entry, log_epoch, held_version);
}

void effects_settings_from_options(struct effects_settings *settings)
{
	settings->stale_ms = option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS) * 1000;
	settings->probe_ms = option_number(OPTION_NODE_PROBE_SECONDS) * 1000;
	settings->call_timeout_ms = (uint32_t)option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS);
}

struct effects *effects_new(const struct effects_settings *settings)
{
	struct effects *effects = calloc(1, sizeof(*effects));
	if (effects == NULL)
		abort();
	effects->settings = *settings;
	effects->table = node_table_new();
	return effects;
}

/* What only decides. */
static void begin_deciding(struct effects *effects)
{
	const struct effects_settings *settings = &effects->settings;
	effects->claims = claims_new(&(struct claims_settings){
	    .projection = settings->projection, .pipeline = settings->pipeline, .clock = settings->clock});
	effects->releases = releases_new(
	    &(struct releases_settings){.projection = settings->projection, .pipeline = settings->pipeline});
	effects->rollbacks = rollbacks_new(&(struct rollbacks_settings){
	    .projection = settings->projection, .runner = settings->runner, .pipeline = settings->pipeline});
	effects->deadlines = deadlines_start(&(struct deadlines_settings){
	    .loop = connection_loop(settings->work),
	    .projection = settings->projection,
	    .runner = settings->runner,
	    .pipeline = settings->pipeline,
	    .clock = settings->clock,
	});
}

/* What speaks with nodes. */
static void begin_speaking(struct effects *effects)
{
	const struct effects_settings *settings = &effects->settings;
	effects->wanted = wanted_new(&(struct wanted_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .runner = settings->runner,
	    .table = effects->table,
	    .call_timeout_ms = settings->call_timeout_ms,
	    .called = on_called,
	    .ahead = on_ahead,
	    .context = effects,
	});
	effects->probes = probes_start(&(struct probes_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .table = effects->table,
	    .interval_ms = settings->probe_ms,
	    .timeout_ms = settings->call_timeout_ms,
	    .called = on_called,
	    .context = effects,
	});
}

static void begin_listening(struct effects *effects)
{
	const struct effects_settings *settings = &effects->settings;
	effects->beats = beats_start(&(struct beats_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .clock = settings->clock,
	    .table = effects->table,
	    .came = on_beat,
	    .ours = on_our_beat,
	    .context = effects,
	});
	effects->health = health_start(&(struct health_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .pipeline = settings->pipeline,
	    .clock = settings->clock,
	    .table = effects->table,
	    .beats = effects->beats,
	    .probes = effects->probes,
	    .stale_ms = settings->stale_ms,
	});
	effects->feed = record_feed_start(&(struct record_feed_settings){
	    .connection = settings->work, .runner = settings->runner, .record = on_record, .context = effects});
}

void effects_begin(struct effects *effects)
{
	if (effects->beats != NULL)
		return;
	begin_deciding(effects);
	begin_speaking(effects);
	begin_listening(effects);
	claims_complete_all(effects->claims);
	releases_complete_all(effects->releases);
}

void effects_advanced(struct effects *effects)
{
	if (effects->deadlines != NULL)
		deadlines_advanced(effects->deadlines);
}

static bool live_node(void *context, const char *node_id, struct live_node *out)
{
	struct effects *effects = context;
	return effects->beats != NULL && health_live(effects->health, node_id, out);
}

static void answered_others(void *context, const char *node_id)
{
	struct effects *effects = context;
	struct node_entry *entry = node_table_find(effects->table, node_id);
	if (effects->beats != NULL && entry != NULL)
		health_called(effects->health, entry, true);
}

struct live_source effects_live(struct effects *effects)
{
	return (struct live_source){.node = live_node, .answered = answered_others, .context = effects};
}

void effects_free(struct effects *effects)
{
	if (effects == NULL)
		return;
	if (effects->beats != NULL) {
		record_feed_stop(effects->feed);
		wanted_free(effects->wanted);
		probes_stop(effects->probes);
		beats_stop(effects->beats);
		health_stop(effects->health);
		deadlines_stop(effects->deadlines);
		claims_free(effects->claims);
		releases_free(effects->releases);
		rollbacks_free(effects->rollbacks);
	}
	node_table_free(effects->table);
	free(effects);
}
