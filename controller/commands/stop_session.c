/* session.stop: the program ends, the workspace stays up (S0-17). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_stop_session(inputs, (const Roost__StopSessionRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__StopSessionResponse *response;
	arena_message(request->arena, response, roost__stop_session_response__init);
	response->has_status = true;
	response->status = answer->session->status;
	return &response->base;
}

const struct command command_stop_session = {.decide = decide, .respond = respond};
