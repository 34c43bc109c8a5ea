/* roost node list */
#include "bus/foundation/clock.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"

static const char *health(const Roost__Node *node, struct arena *arena)
{
	if (node->has_runtime_state && node->runtime_state == ROOST__NODE__RUNTIME_STATE__DEGRADED &&
	    (!node->has_health_status || node->health_status == ROOST__NODE__HEALTH__HEALTHY))
		return "degraded";
	if (!node->has_health_status)
		return "";
	const char *word = json_enum_word(&roost__node__health__descriptor, node->health_status);
	return word == NULL ? "" : arena_strdup(arena, word);
}

/* Why it is not as it should be. */
static const char *note(const Roost__Node *node)
{
	bool degraded = node->has_runtime_state && node->runtime_state == ROOST__NODE__RUNTIME_STATE__DEGRADED;
	if (node->error_message != NULL && node->error_message[0] != '\0')
		return node->error_message;
	return degraded ? node->runtime_error : NULL;
}

static const char *capacity(const Roost__Node *node, struct arena *arena)
{
	if (node->capacity == NULL)
		return "";
	return arena_printf(arena, "%u/%u", node->capacity->used, node->capacity->workspaces);
}

static void print(const Roost__ListNodesResponse *list, struct arena *arena)
{
	static const char *const headings[] = {"NAME", "ID",  "STATUS", "HEALTH", "WORKSPACES",
					       "BEAT", "AGE", "NOTE",	NULL};
	struct table *table = table_new(headings, arena);
	const char **ids = arena_array_of(arena, const char *, list->n_nodes + 1);
	for (size_t i = 0; i < list->n_nodes; i++)
		ids[i] = list->nodes[i]->id;
	const char **short_ids = show_short_ids(ids, list->n_nodes, arena);
	int64_t now = clock_wall_ms();
	for (size_t i = 0; i < list->n_nodes; i++) {
		const Roost__Node *node = list->nodes[i];
		table_row(table, (const char *[]){node->name, short_ids[i], status_word(&node->base, arena),
						  health(node, arena), capacity(node, arena),
						  text_age(node->last_heartbeat_at, now, arena),
						  text_age(node->created_at, now, arena), note(node)});
	}
	table_print(table, "There is no node. " SHOW_HOW_TO_GET_A_NODE);
}

static int run(struct invocation *invocation)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	uint64_t seq = 0;
	struct error error;
	const ProtobufCMessage *list =
	    api_list(invocation->client, API_list_nodes, &request.base, invocation->arena, &seq, &error);
	if (list == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_list_nodes, list);
	print((const Roost__ListNodesResponse *)list, invocation->arena);
	return EXIT_DONE;
}

const struct verb verb_node_list = {
    .noun = "node",
    .name = "list",
    .arguments = "",
    .sentence = "Show your nodes, their health and how full they are.",
    .run = run,
};
