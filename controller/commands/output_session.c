/* session.output: what the screen of a session shows, or its last lines, asked of the node. It works
 * for ended sessions too: their last output stays readable (D15). */
#include "bus/foundation/limits.h"
#include "controller/commands/commands_state.h"
#include "controller/commands/node_call.h"
#include "controller/domain/validate.h"
#include "node.pb-c.h"

static const Roost__SessionState *find_session(struct request *request, struct error *error)
{
	const Roost__OutputSessionRequest *input = (const Roost__OutputSessionRequest *)request->input;
	if (!validate_id("id", input->id, error))
		return NULL;
	if (input->has_lines && (input->lines < 1 || input->lines > OUTPUT_LINES_MAX)) {
		error_set(error, ERROR_INVALID_ARGUMENT, "lines: from 1 to %d", OUTPUT_LINES_MAX);
		return NULL;
	}
	const Roost__SessionState *session = projection_session(request->commands->settings.projection, request->owner,
								input->id, request->arena, error);
	if (session == NULL || session->resource->status != ROOST__AGENT_SESSION__STATUS__STARTING)
		return session;
	error_set(error, ERROR_SESSION_NOT_RUNNING, "The session is still starting. Try again in a moment.");
	return NULL;
}

static void shown(struct request *request, const ProtobufCMessage *answer)
{
	const char *text = ((const Roost__NodeOutputResponse *)answer)->text;
	Roost__OutputSessionResponse *response;
	arena_message(request->arena, response, roost__output_session_response__init);
	response->text = text != NULL ? text : "";
	request_answer(request, &response->base);
}

static void run(struct request *request)
{
	const Roost__OutputSessionRequest *input = (const Roost__OutputSessionRequest *)request->input;
	struct error error;
	const Roost__SessionState *session = find_session(request, &error);
	if (session == NULL) {
		if (!request->fresh && refusal_needs_fresh(error.code))
			request_freshen(request, run);
		else
			request_fail(request, &error);
		return;
	}
	Roost__NodeOutputRequest message = ROOST__NODE_OUTPUT_REQUEST__INIT;
	message.session_id = session->resource->id;
	message.has_lines = input->has_lines;
	message.lines = input->lines;
	node_call(request, session->node_id, "output", &message.base, &roost__node_output_response__descriptor, shown);
}

const struct command command_output_session = {.run = run};
