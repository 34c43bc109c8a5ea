/* One timer, set to the next moment at which some node's health could get worse. It looks at all nodes
 * of the projection then, page by page: also those that never beat since we listen. */
#include "controller/effects/health.h"

#include "bus/foundation/log.h"
#include "controller/effects/deciding_work.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_PER_PAGE = 500, LEAST_PAUSE_MS = 200 };

struct health {
	struct health_settings settings;
	uv_timer_t timer;
};

static void on_timer(uv_timer_t *timer);

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	const struct deciding_work *announcement = (struct deciding_work *)work;
	return decide_node_health(inputs, announcement->node_id, announcement->health, announcement->silent_since_ms,
				  NULL);
}

static void ended(void *context, struct deciding_work *work, bool stands)
{
	struct health *health = context;
	struct node_entry *entry = node_table_find(health->settings.table, work->node_id);
	(void)stands;
	if (entry != NULL)
		entry->announcing = false;
}

static void announce(struct health *health, struct node_entry *entry, const char *owner, Roost__Node__Health now,
		     int64_t silence_ms)
{
	struct deciding_work *work = deciding_work_new(owner, "beat", decide);
	work->context = health;
	work->ended = ended;
	work->node_id = arena_strdup(work->work.arena, entry->id);
	work->health = now;
	work->silent_since_ms = server_clock_now_ms(health->settings.clock) - silence_ms;
	entry->announcing = true;
	deciding_work_run(work, health->settings.pipeline);
}

/* Milliseconds until its health could next get worse; INT64_MAX when it cannot. */
static int64_t look_at(struct health *health, const struct node_summary *node)
{
	int64_t stale_ms = health->settings.stale_ms;
	if (node->status != ROOST__NODE__STATUS__RUNNING)
		return INT64_MAX;
	struct node_entry *entry = node_table_get(health->settings.table, node->id);
	int64_t silence = beats_silence(health->settings.beats, entry);
	Roost__Node__Health now = beats_health(silence, stale_ms);
	if (now > node->announced_health && !entry->announcing) {
		log_warning("node %s has been silent for %lld s", node->id, (long long)(silence / 1000));
		announce(health, entry, node->owner, now, silence);
	}
	if (now == ROOST__NODE__HEALTH__HEALTHY)
		return stale_ms - silence;
	return now == ROOST__NODE__HEALTH__STALE ? 2 * stale_ms - silence : INT64_MAX;
}

static int64_t look_at_all(struct health *health)
{
	struct arena *arena = arena_new();
	struct node_summaries page;
	struct error error = {0};
	char after[64] = "";
	int64_t next_ms = health->settings.stale_ms;
	do {
		arena_reset(arena);
		if (!projection_nodes(health->settings.projection, after, NODES_PER_PAGE, arena, &page, &error)) {
			log_error("the nodes cannot be read: %s", error.message);
			break;
		}
		for (size_t i = 0; i < page.count; i++) {
			int64_t left = look_at(health, &page.items[i]);
			if (left < next_ms)
				next_ms = left;
		}
		if (page.count > 0)
			snprintf(after, sizeof(after), "%s", page.items[page.count - 1].id);
	} while (page.count == NODES_PER_PAGE);
	arena_free(arena);
	return next_ms;
}

static void on_timer(uv_timer_t *timer)
{
	struct health *health = timer->data;
	int64_t unheard = 2 * health->settings.stale_ms - beats_listening(health->settings.beats);
	int64_t next_ms = unheard > 0 ? unheard : look_at_all(health) + 1;
	uv_timer_start(timer, on_timer, (uint64_t)(next_ms < LEAST_PAUSE_MS ? LEAST_PAUSE_MS : next_ms), 0);
}

void health_heard(struct health *health, struct node_entry *entry, const Roost__NodeState *node)
{
	int64_t silence = beats_silence(health->settings.beats, entry);
	bool announced_silent = node->has_announced_health && node->announced_health != ROOST__NODE__HEALTH__HEALTHY;
	if (announced_silent && !entry->announcing &&
	    beats_health(silence, health->settings.stale_ms) == ROOST__NODE__HEALTH__HEALTHY)
		announce(health, entry, node->owner, ROOST__NODE__HEALTH__HEALTHY, 0);
}

struct health *health_start(const struct health_settings *settings)
{
	struct health *health = calloc(1, sizeof(*health));
	if (health == NULL)
		abort();
	health->settings = *settings;
	uv_timer_init(connection_loop(settings->connection), &health->timer);
	health->timer.data = health;
	uv_timer_start(&health->timer, on_timer, (uint64_t)(2 * settings->stale_ms), 0);
	return health;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void health_stop(struct health *health)
{
	uv_close((uv_handle_t *)&health->timer, on_closed);
}
