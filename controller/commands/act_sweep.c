/* sweep.act: what the sweeper found, judged again from what this controller knows, and acted on. The
 * sweeper's alone; the payload names whose it is. */
#include "bus/wire/subject.h"
#include "controller/commands/change.h"
#include "controller/commands/commands_state.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_act_sweep(inputs, ((const Roost__ActSweepRequest *)input)->finding);
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	Roost__ActSweepResponse *response;
	(void)answer;
	arena_message(request->arena, response, roost__act_sweep_response__init);
	response->has_acted = true;
	response->acted = request->changed;
	return &response->base;
}

static void run(struct request *request)
{
	const Roost__ActSweepRequest *input = (const Roost__ActSweepRequest *)request->input;
	char token[OWNER_TOKEN_MAX];
	struct error error;
	if (!owner_to_token(input->owner, token))
		error_set(&error, ERROR_INVALID_ARGUMENT, "owner: not an owner");
	else if (input->finding == NULL)
		error_set(&error, ERROR_INVALID_ARGUMENT, "finding: must be given");
	else {
		request->owner = input->owner;
		change_run(request);
		return;
	}
	request_fail(request, &error);
}

const struct command command_act_sweep = {.run = run, .decide = decide, .respond = respond, .system = true};
