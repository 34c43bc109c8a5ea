/* roost session start */
#include "command.pb-c.h"
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	struct api_call call = {.command = API_create_session, .request = &request.base};
	request.workspace_id = argument_id(invocation, 0, KIND_WORKSPACE, &call.min_seq);
	if (request.workspace_id == NULL)
		return EXIT_FAILED;
	request.label = invocation_value(invocation, "label");
	request.command = invocation->command;
	request.n_command = invocation->command_count;
	struct error error;
	const ProtobufCMessage *answer = call_with_key(invocation, &call, &error);
	if (answer == NULL)
		return verb_failed(&error);
	const Roost__AgentSession *session = ((const Roost__CreateSessionResponse *)answer)->session;
	if (invocation_has(invocation, "wait"))
		return show_outcome(invocation, &goal_session_started, session->id, 0, call.seq);
	if (invocation->json)
		return show_json(invocation, API_create_session, answer);
	show_status(KIND_SESSION, &session->base, invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"label", "label", "What you call it; the program's name without it."},
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_session_start = {
    .noun = "session",
    .name = "start",
    .arguments = "<workspace> [-- <command>...]",
    .sentence = "Start a program in a terminal of its own inside a workspace; a shell without a command.",
    .least = 1,
    .most = 1,
    .takes_command = true,
    .options = options,
    .run = run,
};
