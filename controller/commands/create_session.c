/* session.create: a program in a running workspace; at most once for one idempotency key (S0-14, S0-18). */
#include "controller/commands/command.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_create_session(inputs, (const Roost__CreateSessionRequest *)input);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__CreateSessionResponse *response;
	arena_message(request->arena, response, roost__create_session_response__init);
	response->session = answer->session;
	return &response->base;
}

const struct command command_create_session = {.decide = decide, .respond = respond};
