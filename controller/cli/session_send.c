/* roost session send: a session that is still starting is waited for, so that a script may type into
 * what it has just started. */
#include "command.pb-c.h"
#include "controller/cli/show.h"

/* The words with blanks between them, and Enter where it was asked for. */
static const char *text_to_type(struct invocation *invocation)
{
	const char *text = "";
	for (size_t i = 1; i < invocation->argument_count; i++)
		text = arena_printf(invocation->arena, "%s%s%s", text, i > 1 ? " " : "", invocation->arguments[i]);
	return arena_printf(invocation->arena, "%s%s", text, invocation_has(invocation, "enter") ? "\r" : "");
}

static int run(struct invocation *invocation)
{
	Roost__InputSessionRequest request = ROOST__INPUT_SESSION_REQUEST__INIT;
	struct api_call call = {.command = API_input_session, .request = &request.base};
	request.text = text_to_type(invocation);
	if (request.text[0] == '\0')
		return verb_misused(invocation->verb, "there is nothing to type");
	request.id = argument_id(invocation, 0, KIND_SESSION, &call.min_seq);
	if (request.id == NULL)
		return EXIT_FAILED;
	struct error error;
	struct waiting waiting = {.client = invocation->client,
				  .goal = &goal_session_running,
				  .id = request.id,
				  .after_seq = call.min_seq,
				  .min_seq = call.min_seq,
				  .quiet = true};
	const ProtobufCMessage *session;
	if (!read_patience(invocation, waiting.goal, &waiting.until_ms, &error))
		return verb_misused(invocation->verb, error.message);
	if (!wait_for(&waiting, invocation->arena, &session, &error))
		return wait_failed(&waiting, &error, &call, invocation->arena);
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_refused(&error, call.details, call.detail_count, invocation->arena);
	return invocation->json ? show_json(invocation, API_input_session, answer) : EXIT_DONE;
}

static const struct verb_option options[] = {
    {"enter", NULL, "Press Enter after the text."},
    {"timeout", "seconds", "How long a session that is starting is waited for, 600 without it."},
    OPTION_END,
};

const struct verb verb_session_send = {
    .noun = "session",
    .name = "send",
    .arguments = "<session> <text>...",
    .sentence = "Type text into a session, as it is. Text that begins with dashes comes after --.",
    .least = 1,
    .most = SIZE_MAX,
    .options = options,
    .run = run,
};
