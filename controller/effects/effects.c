/* Brings the parts together: records and beats come in here and are handed on. */
#include "controller/effects/effects.h"

#include "bus/foundation/options.h"
#include "bus/wire/subject.h"
#include "controller/effects/beats.h"
#include "controller/effects/claims.h"
#include "controller/effects/deadlines.h"
#include "controller/effects/health.h"
#include "controller/effects/record_feed.h"
#include "controller/effects/wanted.h"

#include <stdlib.h>
#include <string.h>

struct effects {
	struct effects_settings settings;
	struct node_table *table;
	struct beats *beats; /* NULL until begun, like the others */
	struct wanted *wanted;
	struct record_feed *feed;
	struct deadlines *deadlines;
	struct health *health;
	struct claims *claims;
};

static void on_settled(void *context)
{
	record_feed_done(context);
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

static void on_beat(void *context, struct node_entry *entry, const Roost__NodeState *node, const Roost__Heartbeat *beat)
{
	struct effects *effects = context;
	wanted_heard(effects->wanted, entry, node, beat);
	health_heard(effects->health, entry, node);
	record_feed_check(effects->feed);
}

void effects_settings_from_options(struct effects_settings *settings)
{
	settings->stale_ms = option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS) * 1000;
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

static void begin_deciding(struct effects *effects)
{
	const struct effects_settings *settings = &effects->settings;
	effects->claims = claims_new(&(struct claims_settings){
	    .projection = settings->projection, .pipeline = settings->pipeline, .clock = settings->clock});
	effects->deadlines = deadlines_start(&(struct deadlines_settings){
	    .loop = connection_loop(settings->work),
	    .projection = settings->projection,
	    .runner = settings->runner,
	    .pipeline = settings->pipeline,
	    .clock = settings->clock,
	});
	effects->health = health_start(&(struct health_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .pipeline = settings->pipeline,
	    .clock = settings->clock,
	    .table = effects->table,
	    .beats = effects->beats,
	    .stale_ms = settings->stale_ms,
	});
}

void effects_begin(struct effects *effects)
{
	const struct effects_settings *settings = &effects->settings;
	if (effects->beats != NULL)
		return;
	effects->wanted = wanted_new(&(struct wanted_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .runner = settings->runner,
	    .table = effects->table,
	    .call_timeout_ms = settings->call_timeout_ms,
	});
	effects->beats = beats_start(&(struct beats_settings){
	    .connection = settings->work,
	    .projection = settings->projection,
	    .clock = settings->clock,
	    .table = effects->table,
	    .stale_ms = settings->stale_ms,
	    .came = on_beat,
	    .context = effects,
	});
	begin_deciding(effects);
	effects->feed = record_feed_start(&(struct record_feed_settings){
	    .connection = settings->work, .runner = settings->runner, .record = on_record, .context = effects});
	claims_complete_all(effects->claims);
}

void effects_advanced(struct effects *effects)
{
	if (effects->deadlines != NULL)
		deadlines_advanced(effects->deadlines);
}

static bool live_node(void *context, const char *node_id, struct live_node *out)
{
	struct effects *effects = context;
	return effects->beats != NULL && beats_live(effects->beats, node_id, out);
}

struct live_source effects_live(struct effects *effects)
{
	return (struct live_source){.node = live_node, .context = effects};
}

void effects_free(struct effects *effects)
{
	if (effects == NULL)
		return;
	if (effects->beats != NULL) {
		record_feed_stop(effects->feed);
		wanted_free(effects->wanted);
		beats_stop(effects->beats);
		deadlines_stop(effects->deadlines);
		health_stop(effects->health);
		claims_free(effects->claims);
	}
	node_table_free(effects->table);
	free(effects);
}
