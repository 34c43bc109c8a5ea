/* sweep.act: what the sweeper found, judged again from what this controller knows, and acted on. The
 * sweeper's alone; the payload names whose it is. Compaction is no decision: it changes no state. */
#include "bus/wire/subject.h"
#include "controller/commands/change.h"
#include "controller/commands/commands_state.h"
#include "controller/domain/validate.h"

static struct decision *decide(const struct decision_inputs *inputs, const ProtobufCMessage *input)
{
	return decide_act_sweep(inputs, ((const Roost__ActSweepRequest *)input)->finding);
}

static ProtobufCMessage *acted(struct request *request, bool acted)
{
	Roost__ActSweepResponse *response;
	arena_message(request->arena, response, roost__act_sweep_response__init);
	response->has_acted = true;
	response->acted = acted;
	return &response->base;
}

static ProtobufCMessage *respond(struct request *request, const struct answer *answer)
{
	(void)answer;
	return acted(request, request->changed);
}

static void compacted(void *context, enum compaction_kind kind, const struct error *error)
{
	struct request *request = context;
	if (error != NULL)
		request_fail(request, error);
	else
		request_answer(request, acted(request, kind != COMPACTION_NOTHING));
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
	else if (input->finding->node_id == NULL || validate_id("nodeId", input->finding->node_id, &error)) {
		request->owner = input->owner;
		if (input->finding->pass == ROOST__SWEEP_FINDING__PASS__COMPACTION)
			compaction_run(request->commands->settings.compaction, input->owner, input->finding->node_id,
				       compacted, request);
		else
			change_run(request);
		return;
	}
	request_fail(request, &error);
}

const struct command command_act_sweep = {.run = run, .decide = decide, .respond = respond, .system = true};
