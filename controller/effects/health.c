/* One timer, set to the next moment at which some node's health could get worse. It looks at all nodes
 * of the projection then, page by page: also those that never beat since we listen. */
#include "controller/effects/health.h"

#include "bus/foundation/log.h"
#include "controller/effects/deciding_work.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_PER_PAGE = 500, LEAST_PAUSE_MS = 200, OVERSLEPT_MS = 2000 };

struct health {
	struct health_settings settings;
	uv_timer_t timer;
	int64_t due_ms; /* monotonic, of the timer */
};

static void on_timer(uv_timer_t *timer);

static struct silence silence_now(const struct health *health, const struct node_entry *entry)
{
	return silence_of(&entry->signs, beats_listening_since(health->settings.beats), clock_monotonic_ms());
}

/* ---- announcing ---- */

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	const struct deciding_work *announcement = (struct deciding_work *)work;
	return decide_node_health(inputs, announcement->node_id, announcement->health, announcement->silent_since_ms,
				  announcement->message);
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
		     const struct silence *silence)
{
	struct deciding_work *work = deciding_work_new(owner, "beat", decide);
	char message[192];
	work->context = health;
	work->ended = ended;
	work->node_id = arena_strdup(work->work.arena, entry->id);
	work->health = now;
	work->silent_since_ms = server_clock_now_ms(health->settings.clock) - silence->ms;
	if (now != ROOST__NODE__HEALTH__HEALTHY) {
		silence_describe(silence, health->settings.stale_ms, message, sizeof(message));
		work->message = arena_strdup(work->work.arena, message);
		log_warning("node %s: %s", entry->id, message);
	}
	entry->announcing = true;
	deciding_work_run(work, health->settings.pipeline);
}

/* ---- for the worse ---- */

/* Milliseconds until its health could next get worse; INT64_MAX when it cannot. */
static int64_t look_at(struct health *health, const struct node_summary *node)
{
	struct node_entry *entry = node_table_get(health->settings.table, node->id);
	if (!entry->signs.beat && !node->has_reported)
		return INT64_MAX; /* nobody who could fall silent */
	struct silence silence = silence_now(health, entry);
	Roost__Node__Health now = silence_health(silence.ms, health->settings.stale_ms);
	if (now > node->announced_health && !entry->announcing)
		announce(health, entry, node->owner, now, &silence);
	return silence_left(&silence, health->settings.stale_ms);
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

static void look_in(struct health *health, int64_t ms)
{
	if (ms < LEAST_PAUSE_MS)
		ms = LEAST_PAUSE_MS;
	health->due_ms = clock_monotonic_ms() + ms;
	uv_timer_start(&health->timer, on_timer, (uint64_t)ms, 0);
}

/* A process that slept past its timer has not listened meanwhile, whatever its connection says. */
static void on_timer(uv_timer_t *timer)
{
	struct health *health = timer->data;
	if (clock_monotonic_ms() - health->due_ms > OVERSLEPT_MS)
		beats_overslept(health->settings.beats);
	int64_t since_ms = beats_listening_since(health->settings.beats);
	int64_t listened_ms = since_ms == 0 ? 0 : clock_monotonic_ms() - since_ms;
	int64_t unheard_ms = 2 * health->settings.stale_ms - listened_ms;
	look_in(health, unheard_ms > 0 ? unheard_ms : look_at_all(health));
}

/* ---- for the better ---- */

static bool is_announced_silent(const Roost__NodeState *node)
{
	return node->has_announced_health && node->announced_health != ROOST__NODE__HEALTH__HEALTHY;
}

static void heard_again(struct health *health, struct node_entry *entry, const Roost__NodeState *node)
{
	struct silence silence = silence_now(health, entry);
	bool healthy = entry->signs.beat && entry->signs.answer && !entry->signs.failing &&
		       silence_health(silence.ms, health->settings.stale_ms) == ROOST__NODE__HEALTH__HEALTHY;
	if (healthy && is_announced_silent(node) && !entry->announcing)
		announce(health, entry, node->owner, ROOST__NODE__HEALTH__HEALTHY, &silence);
}

void health_heard(struct health *health, struct node_entry *entry, const Roost__NodeState *node)
{
	if (entry->signs.failing || (!entry->signs.answer && is_announced_silent(node)))
		probes_ask(health->settings.probes, entry);
	heard_again(health, entry, node);
}

static void note_answer(struct health *health, struct node_entry *entry)
{
	struct error error;
	entry->signs.answer = true;
	entry->signs.failing = false;
	entry->signs.answer_at_ms = clock_monotonic_ms();
	entry->answer_server_ms = server_clock_now_ms(health->settings.clock);
	struct arena *arena = arena_new();
	const Roost__NodeState *node = projection_any_node(health->settings.projection, entry->id, arena, &error);
	if (node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED)
		heard_again(health, entry, node);
	arena_free(arena);
}

/* The silence began with the last answer, so it may be long already. */
static void note_failure(struct health *health, struct node_entry *entry)
{
	if (!entry->signs.failing)
		entry->signs.failing_since_ms = clock_monotonic_ms();
	entry->signs.failing = true;
	struct silence silence = silence_now(health, entry);
	int64_t left = silence_left(&silence, health->settings.stale_ms);
	if (left < health->due_ms - clock_monotonic_ms())
		look_in(health, left);
}

/* While our own connection is away nobody else is to blame. */
void health_called(struct health *health, struct node_entry *entry, bool answered)
{
	if (answered)
		note_answer(health, entry);
	else if (connection_is_online(health->settings.connection))
		note_failure(health, entry);
}

/* ---- for queries ---- */

static void add_heard(const struct node_entry *entry, struct live_node *out)
{
	out->has_last_heartbeat = entry->signs.beat;
	out->last_heartbeat_at = entry->beat_server_ms;
	out->has_last_answer = entry->signs.answer;
	out->last_answer_at = entry->answer_server_ms;
	if (entry->signs.beat)
		out->load = &entry->load;
}

static void add_health(const struct health *health, const struct silence *silence, struct live_node *out)
{
	out->has_health = true;
	out->health = silence_health(silence->ms, health->settings.stale_ms);
	if (out->health == ROOST__NODE__HEALTH__HEALTHY)
		return;
	char what[160];
	out->has_silent_since = true;
	out->silent_since_at = server_clock_now_ms(health->settings.clock) - silence->ms;
	silence_describe(silence, health->settings.stale_ms, what, sizeof(what));
	snprintf(out->message, sizeof(out->message), "The node is silent: %s", what);
}

/* What we have not found out ourselves yet is as it was announced. */
static void add_announced(const Roost__NodeState *node, struct live_node *out)
{
	if (!node->has_announced_health || (out->has_health && out->health >= node->announced_health))
		return;
	out->has_health = true;
	out->health = node->announced_health;
	out->has_silent_since = node->has_silent_since_at;
	out->silent_since_at = node->silent_since_at;
}

static void add_awaited(const Roost__NodeState *node, struct live_node *out)
{
	if (node->resource->status == ROOST__NODE__STATUS__CREATING)
		snprintf(out->message, sizeof(out->message),
			 "No node agent of this node has been heard of yet: start roost-nodeagent on its machine with "
			 "ROOST_NODE_ID=%s, ROOST_NATS_URL, ROOST_CREDENTIALS and a data folder of its own "
			 "(ROOST_DATA_DIR)",
			 node->resource->id);
}

/* With little heard, the log has a say. */
static void add_unsure(const struct health *health, const struct node_entry *entry, const Roost__NodeState *node,
		       struct live_node *out)
{
	if (!entry->signs.beat && node->report_position == NULL) {
		add_awaited(node, out);
		return;
	}
	struct silence silence = silence_now(health, entry);
	if (entry->signs.beat || silence_health(silence.ms, health->settings.stale_ms) != ROOST__NODE__HEALTH__HEALTHY)
		add_health(health, &silence, out);
	add_announced(node, out);
}

bool health_live(const struct health *health, const char *node_id, struct live_node *out)
{
	static const struct node_entry nobody;
	const struct node_entry *entry = node_table_find(health->settings.table, node_id);
	if (entry == NULL)
		entry = &nobody;
	*out = (struct live_node){0};
	add_heard(entry, out);
	if (entry->signs.beat && entry->signs.answer) {
		struct silence silence = silence_now(health, entry);
		add_health(health, &silence, out);
		return true;
	}
	struct arena *arena = arena_new();
	struct error error;
	const Roost__NodeState *node = projection_any_node(health->settings.projection, node_id, arena, &error);
	if (node != NULL)
		add_unsure(health, entry, node, out);
	arena_free(arena);
	return node != NULL;
}

struct health *health_start(const struct health_settings *settings)
{
	struct health *health = calloc(1, sizeof(*health));
	if (health == NULL)
		abort();
	health->settings = *settings;
	uv_timer_init(connection_loop(settings->connection), &health->timer);
	health->timer.data = health;
	look_in(health, 2 * settings->stale_ms);
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
