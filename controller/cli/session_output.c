/* roost session output */
#include "bus/foundation/limits.h"
#include "command.pb-c.h"
#include "controller/cli/show.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>

static int run(struct invocation *invocation)
{
	Roost__OutputSessionRequest request = ROOST__OUTPUT_SESSION_REQUEST__INIT;
	struct api_call call = {.command = API_output_session, .request = &request.base};
	struct error error;
	if (!invocation_number(invocation, "lines", 1, OUTPUT_LINES_MAX, 0, &request.lines, &error))
		return verb_misused(invocation->verb, error.message);
	request.has_lines = request.lines > 0;
	request.id = argument_id(invocation, 0, KIND_SESSION, &call.min_seq);
	if (request.id == NULL)
		return EXIT_FAILED;
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_refused(&error, call.details, call.detail_count, invocation->arena);
	if (invocation->json)
		return show_json(invocation, API_output_session, answer);
	const char *text = text_safe(((const Roost__OutputSessionResponse *)answer)->text, true, invocation->arena);
	size_t length = strlen(text);
	printf("%s%s", text, length > 0 && text[length - 1] != '\n' ? "\n" : "");
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"lines", "number", "The last lines of its output instead of what the screen shows."},
    OPTION_END,
};

const struct verb verb_session_output = {
    .noun = "session",
    .name = "output",
    .arguments = "<session>",
    .sentence = "Show what the screen of a session shows; of an ended one, what it showed last.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
