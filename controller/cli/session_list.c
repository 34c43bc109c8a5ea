/* roost session list */
#include "bus/foundation/clock.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"

#include <string.h>

static const Roost__ListWorkspacesResponse *read_workspaces(struct invocation *invocation, uint64_t *seq,
							    struct error *error)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	return (const Roost__ListWorkspacesResponse *)api_list(invocation->client, API_list_workspaces, &request.base,
							       invocation->arena, seq, error);
}

static const char *workspace_name(const Roost__ListWorkspacesResponse *workspaces, const char *id)
{
	for (size_t i = 0; i < workspaces->n_workspaces; i++)
		if (strcmp(workspaces->workspaces[i]->id, id) == 0)
			return workspaces->workspaces[i]->display_name;
	return id;
}

/* How it ended: "0", "143", "workspace_stop 143"; "" while it lives. */
static const char *ending(const Roost__AgentSession *session, struct arena *arena)
{
	const char *code = session->has_exit_code ? arena_printf(arena, "%d", session->exit_code) : "";
	if (!session->has_stop_reason || session->stop_reason == ROOST__AGENT_SESSION__STOP_REASON__EXITED)
		return code;
	const char *reason = json_enum_word(&roost__agent_session__stop_reason__descriptor, session->stop_reason);
	return arena_printf(arena, "%s%s%s", reason == NULL ? "" : reason, code[0] == '\0' ? "" : " ", code);
}

static void print(const Roost__ListSessionsResponse *list, const Roost__ListWorkspacesResponse *workspaces,
		  struct arena *arena)
{
	static const char *const headings[] = {"LABEL", "ID", "WORKSPACE", "STATUS", "ENDED", "AGE", NULL};
	struct table *table = table_new(headings, arena);
	const char **ids = arena_array_of(arena, const char *, list->n_sessions + 1);
	for (size_t i = 0; i < list->n_sessions; i++)
		ids[i] = list->sessions[i]->id;
	const char **short_ids = show_short_ids(ids, list->n_sessions, arena);
	int64_t now = clock_wall_ms();
	for (size_t i = 0; i < list->n_sessions; i++) {
		const Roost__AgentSession *session = list->sessions[i];
		table_row(table, (const char *[]){session->label, short_ids[i],
						  workspace_name(workspaces, session->workspace_id),
						  status_word(&session->base, arena), ending(session, arena),
						  text_age(session->created_at, now, arena)});
	}
	table_print(table, "There is no session. Start one with: roost session start <workspace>");
}

static int run(struct invocation *invocation)
{
	Roost__ListSessionsRequest request = ROOST__LIST_SESSIONS_REQUEST__INIT;
	uint64_t seq = 0;
	struct error error;
	if (invocation->argument_count > 0) {
		request.workspace_id = argument_id(invocation, 0, KIND_WORKSPACE, &seq);
		if (request.workspace_id == NULL)
			return EXIT_FAILED;
	}
	const ProtobufCMessage *list =
	    api_list(invocation->client, API_list_sessions, &request.base, invocation->arena, &seq, &error);
	if (list == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_list_sessions, list);
	const Roost__ListWorkspacesResponse *workspaces = read_workspaces(invocation, &seq, &error);
	if (workspaces == NULL)
		return verb_failed(&error);
	print((const Roost__ListSessionsResponse *)list, workspaces, invocation->arena);
	return EXIT_DONE;
}

const struct verb verb_session_list = {
    .noun = "session",
    .name = "list",
    .arguments = "[<workspace>]",
    .sentence = "Show the sessions of a workspace, or all of yours; ended ones too.",
    .most = 1,
    .run = run,
};
