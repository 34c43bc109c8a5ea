/* workspace.logs: what making and keeping a workspace said, build output included, asked of its node
 * (S0-30). */
#include "controller/commands/commands_state.h"
#include "controller/commands/node_log.h"
#include "controller/domain/validate.h"

static void shown(struct request *request, const ProtobufCMessage *answer)
{
	const Roost__NodeLogResponse *lines = (const Roost__NodeLogResponse *)answer;
	Roost__LogsWorkspaceResponse *response;
	arena_message(request->arena, response, roost__logs_workspace_response__init);
	response->n_entries = lines->n_entries;
	response->entries = lines->entries;
	response->next_cursor = lines->next_cursor;
	request_answer(request, &response->base);
}

static void run(struct request *request)
{
	const Roost__LogsWorkspaceRequest *input = (const Roost__LogsWorkspaceRequest *)request->input;
	const Roost__WorkspaceState *workspace = NULL;
	struct error error;
	if (validate_id("id", input->id, &error))
		workspace = projection_workspace(request->commands->settings.projection, request->owner, input->id,
						 request->arena, &error);
	struct log_question question = {
	    .workspace_id = input->id, .cursor = input->cursor, .has_limit = input->has_limit, .limit = input->limit};
	if (workspace != NULL)
		question.node_id = workspace->resource->node_id;
	node_log_ask(request, &question, workspace != NULL ? NULL : &error, run, shown);
}

const struct command command_logs_workspace = {.run = run};
