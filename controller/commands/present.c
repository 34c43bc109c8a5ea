/* Health, load, what was last heard and since when a workspace's status is uncertain are computed when they
 * are asked for, so an answer never shows a health that was true some time ago (S0-24, D3). */
#include "controller/commands/present.h"

#include "bus/foundation/options.h"
#include "bus/wire/json.h"
#include "controller/commands/commands_state.h"

static bool live(const struct commands *commands, const char *node_id, struct live_node *out)
{
	const struct live_source *source = &commands->settings.live;
	return source->node != NULL && node_id != NULL && source->node(source->context, node_id, out);
}

void present_node(const struct commands *commands, Roost__Node *node, struct arena *arena)
{
	struct live_node now = {0};
	node->has_heartbeat_stale_after_seconds = true;
	node->heartbeat_stale_after_seconds = (uint32_t)option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS);
	if (!live(commands, node->id, &now))
		return;
	node->has_health_status = now.has_health;
	node->health_status = now.health;
	node->has_last_heartbeat_at = now.has_last_heartbeat;
	node->last_heartbeat_at = now.last_heartbeat_at;
	node->has_last_probe_at = now.has_last_answer;
	node->last_probe_at = now.last_answer_at;
	node->load = (Roost__Node__Load *)now.load;
	if (now.message[0] != '\0' && (node->error_message == NULL || node->error_message[0] == '\0'))
		node->error_message = arena_strdup(arena, now.message);
}

void present_workspace(const struct commands *commands, Roost__Workspace *workspace, struct arena *arena)
{
	struct live_node now = {0};
	char time[32];
	if (!live(commands, workspace->node_id, &now) || !now.has_silent_since)
		return;
	json_time(now.silent_since_at, time);
	workspace->status_uncertain_since = arena_strdup(arena, time);
}

void present_answer(const struct commands *commands, const struct answer *answer, struct arena *arena)
{
	if (answer->node != NULL)
		present_node(commands, answer->node, arena);
	if (answer->workspace != NULL)
		present_workspace(commands, answer->workspace, arena);
}
