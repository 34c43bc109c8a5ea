/* node.logs: the log of the node agent itself, asked of the node. */
#include "controller/commands/commands_state.h"
#include "controller/commands/node_log.h"
#include "controller/domain/validate.h"

static void shown(struct request *request, const ProtobufCMessage *answer)
{
	const Roost__NodeLogResponse *lines = (const Roost__NodeLogResponse *)answer;
	Roost__LogsNodeResponse *response;
	arena_message(request->arena, response, roost__logs_node_response__init);
	response->n_entries = lines->n_entries;
	response->entries = lines->entries;
	response->next_cursor = lines->next_cursor;
	request_answer(request, &response->base);
}

static void run(struct request *request)
{
	const Roost__LogsNodeRequest *input = (const Roost__LogsNodeRequest *)request->input;
	struct error error;
	bool found = validate_id("id", input->id, &error) &&
		     projection_node(request->commands->settings.projection, request->owner, input->id, request->arena,
				     &error) != NULL;
	struct log_question question = {
	    .node_id = input->id, .cursor = input->cursor, .has_limit = input->has_limit, .limit = input->limit};
	node_log_ask(request, &question, found ? NULL : &error, run, shown);
}

const struct command command_logs_node = {.run = run};
