/* A heartbeat as people and integrators see it. */
#include "controller/effects/beat_tail.h"

#include "controller/effects/beats.h"
#include "controller/pipeline/tail.h"

/* What the agent itself says of its runtime, and what it is. */
static void add_runtime(Roost__NodeBeat *told, const Roost__Heartbeat *beat, const Roost__Node *node)
{
	const char *error = beat->degraded_error != NULL ? beat->degraded_error : beat->runtime_error;
	told->has_runtime_state = true;
	told->runtime_state = error != NULL ? ROOST__NODE__RUNTIME_STATE__DEGRADED : ROOST__NODE__RUNTIME_STATE__OK;
	told->runtime_error = error;
	if (node->capabilities == NULL)
		return;
	told->runtime = node->capabilities->runtime;
	told->n_agents = node->capabilities->n_agents;
	told->agents = node->capabilities->agents;
}

void beat_tail_publish(struct connection *connection, const Roost__NodeState *node, const Roost__Heartbeat *beat,
		       const struct live_node *live, int64_t now_ms)
{
	struct arena *arena = arena_new();
	Roost__Event event = ROOST__EVENT__INIT;
	Roost__NodeBeat told = ROOST__NODE_BEAT__INIT;
	Roost__Node__Load load = ROOST__NODE__LOAD__INIT;
	beat_load(beat, &load);
	told.load = &load;
	told.has_health_status = live->has_health;
	told.health_status = live->health;
	told.capacity = node->resource->capacity;
	told.has_reports_waiting = beat->has_reports_waiting;
	told.reports_waiting = beat->reports_waiting;
	add_runtime(&told, beat, node->resource);
	event.node_id = node->resource->id;
	event.has_level = event.has_created_at = true;
	event.level = ROOST__EVENT__LEVEL__DEBUG;
	event.type = "node_heartbeat";
	event.message = arena_printf(arena, "Node %s is alive: %u workspaces, %u sessions", node->resource->name,
				     beat->workspaces_running, beat->sessions_running);
	event.created_at = now_ms;
	event.heartbeat = &told;
	tail_publish_event(connection, node->owner, &event, arena);
	arena_free(arena);
}
