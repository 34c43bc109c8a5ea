/* session.input: text for the program in a session. It goes straight to the node under an id that the
 * session host types once, so a retry with the same key does no harm; it is never recorded. */
#include "bus/foundation/limits.h"
#include "bus/foundation/ulid.h"
#include "controller/commands/commands_state.h"
#include "controller/commands/node_call.h"
#include "controller/domain/validate.h"
#include "node.pb-c.h"

#include <string.h>

static bool read_input(const Roost__InputSessionRequest *input, struct error *error)
{
	if (!validate_id("id", input->id, error))
		return false;
	if (input->text == NULL || input->text[0] == '\0')
		return error_set(error, ERROR_INVALID_ARGUMENT, "text: nothing to type");
	if (strlen(input->text) > INPUT_BYTES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "text: at most %d bytes at once", INPUT_BYTES_MAX);
	return true;
}

/* The running session, or why nothing can be typed into it. */
static const Roost__SessionState *find_session(struct request *request, const char *id, struct error *error)
{
	struct projection *projection = request->commands->settings.projection;
	const Roost__SessionState *session = projection_session(projection, request->owner, id, request->arena, error);
	if (session == NULL)
		return NULL;
	const Roost__WorkspaceState *workspace =
	    projection_workspace(projection, request->owner, session->resource->workspace_id, request->arena, error);
	if (workspace == NULL)
		return NULL;
	if (session->resource->status == ROOST__AGENT_SESSION__STATUS__STARTING)
		error_set(error, ERROR_SESSION_NOT_RUNNING, "The session is still starting. Try again in a moment.");
	else if (session->resource->status != ROOST__AGENT_SESSION__STATUS__RUNNING)
		error_set(error, ERROR_SESSION_NOT_RUNNING, "%s", error_code_sentence(ERROR_SESSION_NOT_RUNNING));
	else if (workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING)
		error_set(error, ERROR_WORKSPACE_NOT_RUNNING, "%s", error_code_sentence(ERROR_WORKSPACE_NOT_RUNNING));
	else
		return session;
	return NULL;
}

static void typed(struct request *request, const ProtobufCMessage *answer)
{
	(void)answer;
	Roost__InputSessionResponse *response;
	arena_message(request->arena, response, roost__input_session_response__init);
	response->has_success = true;
	response->success = true;
	request_answer(request, &response->base);
}

static void run(struct request *request)
{
	const Roost__InputSessionRequest *input = (const Roost__InputSessionRequest *)request->input;
	const Roost__SessionState *session = NULL;
	struct error error;
	if (read_input(input, &error))
		session = find_session(request, input->id, &error);
	if (session == NULL) {
		if (!request->fresh && refusal_needs_fresh(error.code))
			request_freshen(request, run);
		else
			request_fail(request, &error);
		return;
	}
	Roost__NodeInputRequest message = ROOST__NODE_INPUT_REQUEST__INIT;
	struct ulid fresh_id = ulid_new(clock_wall_ms());
	message.session_id = session->resource->id;
	message.input_id = request->key != NULL ? request->key : fresh_id.text;
	message.has_data = true;
	message.data = (ProtobufCBinaryData){strlen(input->text), (unsigned char *)input->text};
	node_call(request, session->node_id, "input", &message.base, &roost__node_input_response__descriptor, typed);
}

const struct command command_input_session = {.run = run};
