/* session.get: one session of the owner's; somebody else's does not exist (D14). */
#include "controller/commands/commands_state.h"
#include "controller/domain/validate.h"

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__GetSessionRequest *input = (const Roost__GetSessionRequest *)request->input;
	struct projection *projection = request->commands->settings.projection;
	if (!validate_id("id", input->id, error))
		return NULL;
	Roost__SessionState *state = projection_session(projection, request->owner, input->id, request->arena, error);
	if (state == NULL)
		return NULL;
	Roost__GetSessionResponse *response;
	arena_message(request->arena, response, roost__get_session_response__init);
	response->session = state->resource;
	return &response->base;
}

const struct command command_get_session = {.query = query};
