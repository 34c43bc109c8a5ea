/* A beat is a picture of the agent at one moment; a lost one is made good by the next. */
#include "nodeagent/control/beat.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/wire/subject.h"
#include "nodeagent/control/capabilities.h"
#include "nodeagent/control/health.h"
#include "nodeagent/control/machine.h"
#include "nodeagent/control/work.h"

#include <stdlib.h>

struct beat {
	uv_timer_t timer;
	struct agent *agent;
	void (*closed)(void *context);
	void *context;
};

static void on_timer(uv_timer_t *timer)
{
	struct beat *beat = timer->data;
	beat_now(beat);
	work_stop_sessions_again(beat->agent);
	work_node_may_search(beat->agent);
	if (store_node(beat->agent->store)->wanted.desired == ROOST__WANTED_NODE__DESIRED__REMOVE)
		return; /* nothing shall be made any more */
	health_beat(beat->agent);
	if (beat->agent->runtime_error[0])
		capabilities_refresh(beat->agent);
	else
		capabilities_tend(beat->agent);
}

struct beat *beat_open(struct agent *agent)
{
	struct beat *beat = calloc(1, sizeof(*beat));
	if (!beat)
		abort();
	beat->agent = agent;
	beat->timer.data = beat;
	uv_timer_init(agent->loop, &beat->timer);
	uv_timer_start(&beat->timer, on_timer, agent->settings.heartbeat_ms, agent->settings.heartbeat_ms);
	return beat;
}

static void on_closed(uv_handle_t *handle)
{
	struct beat *beat = handle->data;
	void (*closed)(void *) = beat->closed;
	void *context = beat->context;
	free(beat);
	if (closed)
		closed(context);
}

void beat_close(struct beat *beat, void (*closed)(void *context), void *context)
{
	beat->closed = closed;
	beat->context = context;
	uv_close((uv_handle_t *)&beat->timer, on_closed);
}

/* Running workspaces, and those that no log names. */
static void count_workspaces(struct agent *agent, struct arena *arena, Roost__Heartbeat *message)
{
	struct workspace_row *rows = NULL;
	size_t count = store_workspaces(agent->store, arena, &rows);
	message->unknown_workspaces = arena_array_of(arena, const char *, UNKNOWN_WORKSPACES_MAX);
	message->has_workspaces_running = true;
	for (size_t i = 0; i < count; i++) {
		message->workspaces_running += rows[i].actual.phase == WORKSPACE_RUNNING;
		bool there = rows[i].actual.phase != WORKSPACE_ABSENT && rows[i].actual.phase != WORKSPACE_REMOVED;
		if (!rows[i].wanted.known && there && message->n_unknown_workspaces < UNKNOWN_WORKSPACES_MAX)
			message->unknown_workspaces[message->n_unknown_workspaces++] = rows[i].id;
	}
}

static void add_figures(struct agent *agent, Roost__Heartbeat *message)
{
	message->has_sessions_running = true;
	message->sessions_running = (uint32_t)session_count(agent->sessions);
	message->has_load_1m = true;
	message->load_1m = machine_load_1m();
	message->has_memory_available_bytes = true;
	message->memory_available_bytes = machine_memory_available();
	message->has_disk_available_bytes = true;
	message->disk_available_bytes = machine_disk_available(agent->settings.folder);
	message->has_reports_waiting = true;
	message->reports_waiting = (uint32_t)store_reports_waiting(agent->store);
	message->degraded_error = agent->health.degraded ? store_degraded(agent->store) : NULL;
	message->runtime_error = agent->runtime_error[0] ? agent->runtime_error : NULL;
}

static void add_identity(struct agent *agent, Roost__Heartbeat *message)
{
	const struct agent_identity *identity = store_identity(agent->store);
	message->node_id = agent->settings.node_id;
	message->has_agent_epoch = true;
	message->agent_epoch = identity->agent_epoch;
	message->has_sent_at = true;
	message->sent_at = clock_wall_ms();
	message->log_id = identity->log_id;
	message->has_log_epoch = true;
	message->log_epoch = identity->log_epoch;
	message->has_held_version = true;
	message->held_version = identity->held_version;
}

void beat_now(struct beat *beat)
{
	if (!beat || !connection_is_online(beat->agent->connection))
		return;
	struct arena *arena = arena_new();
	Roost__Heartbeat message = ROOST__HEARTBEAT__INIT;
	add_identity(beat->agent, &message);
	add_figures(beat->agent, &message);
	count_workspaces(beat->agent, arena, &message);
	struct subject subject = subject_beat(beat->agent->settings.node_id);
	struct outgoing outgoing = {.subject = subject.text, .data = message_pack(&message.base, arena)};
	struct error error = {0};
	if (!connection_publish(beat->agent->connection, &outgoing, &error))
		log_debug("a heartbeat was not sent: %s", error.message);
	arena_free(arena);
}
