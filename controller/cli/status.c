/* roost status: how many of what, in which state. */
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/table.h"

#include <stdio.h>

/* The three lists, each read once. */
struct lists {
	const Roost__ListNodesResponse *nodes;
	const Roost__ListWorkspacesResponse *workspaces;
	const Roost__ListSessionsResponse *sessions;
};

static bool read_lists(struct invocation *invocation, struct lists *lists, struct error *error)
{
	Roost__ListNodesRequest nodes = ROOST__LIST_NODES_REQUEST__INIT;
	Roost__ListWorkspacesRequest workspaces = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	Roost__ListSessionsRequest sessions = ROOST__LIST_SESSIONS_REQUEST__INIT;
	struct client *client = invocation->client;
	struct arena *arena = invocation->arena;
	uint64_t seq = 0;
	lists->nodes =
	    (const Roost__ListNodesResponse *)api_list(client, API_list_nodes, &nodes.base, arena, &seq, error);
	if (lists->nodes == NULL)
		return false;
	lists->workspaces = (const Roost__ListWorkspacesResponse *)api_list(client, API_list_workspaces,
									    &workspaces.base, arena, &seq, error);
	if (lists->workspaces == NULL)
		return false;
	lists->sessions = (const Roost__ListSessionsResponse *)api_list(client, API_list_sessions, &sessions.base,
									arena, &seq, error);
	return lists->sessions != NULL;
}

/* A row per status that something is in. */
static void count(struct table *table, const char *what, const ProtobufCEnumDescriptor *words,
		  const ProtobufCMessage *const *things, size_t thing_count, const int *(*status)(const void *),
		  struct arena *arena)
{
	for (unsigned i = 0; i < words->n_values; i++) {
		size_t found = 0;
		for (size_t n = 0; n < thing_count; n++)
			found += *status(things[n]) == words->values[i].value;
		if (found > 0)
			table_row(table, (const char *[]){what, json_enum_word(words, words->values[i].value),
							  arena_printf(arena, "%zu", found)});
	}
}

static const int *node_status(const void *node)
{
	return (const int *)&((const Roost__Node *)node)->status;
}

static const int *node_health(const void *node)
{
	return (const int *)&((const Roost__Node *)node)->health_status;
}

static const int *workspace_status(const void *workspace)
{
	return (const int *)&((const Roost__Workspace *)workspace)->status;
}

static const int *session_status(const void *session)
{
	return (const int *)&((const Roost__AgentSession *)session)->status;
}

static void print(const struct lists *lists, struct arena *arena)
{
	static const char *const headings[] = {"WHAT", "STATE", "COUNT", NULL};
	struct table *table = table_new(headings, arena);
	const ProtobufCMessage *const *nodes = (const void *)lists->nodes->nodes;
	const ProtobufCMessage *const *workspaces = (const void *)lists->workspaces->workspaces;
	const ProtobufCMessage *const *sessions = (const void *)lists->sessions->sessions;
	count(table, "nodes", &roost__node__status__descriptor, nodes, lists->nodes->n_nodes, node_status, arena);
	count(table, "nodes", &roost__node__health__descriptor, nodes, lists->nodes->n_nodes, node_health, arena);
	count(table, "workspaces", &roost__workspace__status__descriptor, workspaces, lists->workspaces->n_workspaces,
	      workspace_status, arena);
	count(table, "sessions", &roost__agent_session__status__descriptor, sessions, lists->sessions->n_sessions,
	      session_status, arena);
	table_print(table, "There is nothing, not even a node. " SHOW_HOW_TO_GET_A_NODE);
}

static int run(struct invocation *invocation)
{
	struct lists lists;
	struct error error;
	struct arena *arena = invocation->arena;
	if (!read_lists(invocation, &lists, &error))
		return verb_failed(&error);
	if (!invocation->json) {
		print(&lists, arena);
		return EXIT_DONE;
	}
	printf("{\"nodes\":%s,\"workspaces\":%s,\"sessions\":%s}\n",
	       api_body(API_list_nodes, &lists.nodes->base, arena),
	       api_body(API_list_workspaces, &lists.workspaces->base, arena),
	       api_body(API_list_sessions, &lists.sessions->base, arena));
	return EXIT_DONE;
}

const struct verb verb_status = {
    .name = "status",
    .arguments = "",
    .sentence = "Sum up your nodes, workspaces and sessions.",
    .run = run,
};
