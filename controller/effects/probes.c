/* One timer whose tick is the interval divided by the number of nodes, and a place in the table that moves
 * on by one node with each: every node has its turn once per interval. When too many are on their way the
 * round waits: nodes that hang must not keep us from asking the others for longer than their deadlines. */
#include "controller/effects/probes.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/wire/subject.h"

#include <stdlib.h>

enum { TICK_MS_MIN = 20, OUT_OF_TURN_MS = 1000 };

struct probe {
	struct probe *next;
	struct probes *probes;
	struct node_entry *entry;
};

struct probes {
	struct probes_settings settings;
	uv_timer_t timer;
	struct node_entry *place; /* whose turn was last; NULL at the beginning */
	struct probe *first;	  /* under way */
	int under_way;
};

static void take_out(struct probes *probes, struct probe *probe)
{
	struct probe **place = &probes->first;
	while (*place != probe)
		place = &(*place)->next;
	*place = probe->next;
	probe->entry->probing.under_way = false;
	probes->under_way--;
	free(probe);
}

static void on_answer(void *context, const struct incoming *answer, const struct error *error)
{
	struct probe *probe = context;
	struct probes *probes = probe->probes;
	struct node_entry *entry = probe->entry;
	(void)error;
	take_out(probes, probe);
	probes->settings.called(probes->settings.context, entry, answer != NULL);
}

static void ask(struct probes *probes, struct node_entry *entry)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	struct subject subject = subject_node(entry->id, "probe");
	struct outgoing message = {.subject = subject.text}; /* a ProbeRequest has no fields */
	if (probe == NULL)
		abort();
	probe->probes = probes;
	probe->entry = entry;
	probe->next = probes->first;
	probes->first = probe;
	probes->under_way++;
	entry->probing.under_way = true;
	entry->probing.tried_at_ms = clock_monotonic_ms();
	entry->probing.ticket =
	    connection_request(probes->settings.connection, &message, probes->settings.timeout_ms, on_answer, probe);
}

/* Nodes that are gone, and those of which no agent was ever heard, have nobody who could answer. */
static bool can_answer(const struct probes *probes, const struct node_entry *entry)
{
	struct arena *arena = arena_new();
	struct error error;
	const Roost__NodeState *node = projection_any_node(probes->settings.projection, entry->id, arena, &error);
	bool can = node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED &&
		   (entry->signs.beat || node->report_position != NULL);
	arena_free(arena);
	return can;
}

/* One that has answered in this round or the last half of the one before is left alone. */
static bool is_due(const struct probes *probes, const struct node_entry *entry)
{
	const struct node_signs *signs = &entry->signs;
	if (entry->probing.under_way)
		return false;
	bool answered = signs->answer && !signs->failing &&
			clock_monotonic_ms() - signs->answer_at_ms < probes->settings.interval_ms / 2;
	return !answered && can_answer(probes, entry);
}

static void next_turn(struct probes *probes)
{
	struct node_entry *next = probes->place != NULL ? probes->place->next_made : NULL;
	probes->place = next != NULL ? next : node_table_first(probes->settings.table);
	if (probes->place != NULL && is_due(probes, probes->place))
		ask(probes, probes->place);
}

static void on_tick(uv_timer_t *timer)
{
	struct probes *probes = timer->data;
	int64_t interval_ms = probes->settings.interval_ms;
	int64_t count = (int64_t)node_table_count(probes->settings.table);
	int64_t tick_ms = count == 0 ? interval_ms : interval_ms / count;
	if (tick_ms < TICK_MS_MIN)
		tick_ms = TICK_MS_MIN;
	int64_t turns = (count * tick_ms + interval_ms - 1) / interval_ms;
	for (int64_t i = 0; i < turns && probes->under_way < PROBES_UNDER_WAY_MAX; i++)
		if (connection_is_online(probes->settings.connection))
			next_turn(probes);
	uv_timer_start(timer, on_tick, (uint64_t)tick_ms, 0);
}

struct probes *probes_start(const struct probes_settings *settings)
{
	struct probes *probes = calloc(1, sizeof(*probes));
	if (probes == NULL)
		abort();
	probes->settings = *settings;
	uv_timer_init(connection_loop(settings->connection), &probes->timer);
	probes->timer.data = probes;
	uv_timer_start(&probes->timer, on_tick, TICK_MS_MIN, 0);
	return probes;
}

void probes_ask(struct probes *probes, struct node_entry *entry)
{
	bool just_done = clock_monotonic_ms() - entry->probing.tried_at_ms < OUT_OF_TURN_MS;
	if (!just_done && !entry->probing.under_way && probes->under_way < PROBES_UNDER_WAY_MAX &&
	    connection_is_online(probes->settings.connection))
		ask(probes, entry);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void probes_stop(struct probes *probes)
{
	while (probes->first != NULL) {
		connection_forget(probes->settings.connection, probes->first->entry->probing.ticket);
		take_out(probes, probes->first);
	}
	uv_close((uv_handle_t *)&probes->timer, on_closed);
}
