/* sweep.run: the sweeper looks at what is the owner's and says what it finds; without dry_run it acts,
 * which comes back as commands of its own. */
#include "controller/commands/commands_state.h"
#include "controller/commands/node_call.h"
#include "node.pb-c.h"

static void found(struct request *request, const ProtobufCMessage *answer)
{
	const Roost__SweepResponse *findings = (const Roost__SweepResponse *)answer;
	Roost__RunSweepResponse *response;
	arena_message(request->arena, response, roost__run_sweep_response__init);
	response->n_findings = findings->n_findings;
	response->findings = findings->findings;
	request_answer(request, &response->base);
}

static void run(struct request *request)
{
	const Roost__RunSweepRequest *input = (const Roost__RunSweepRequest *)request->input;
	Roost__SweepRequest message = ROOST__SWEEP_REQUEST__INIT;
	message.owner = request->owner;
	message.has_dry_run = true;
	message.dry_run = input->dry_run;
	sweeper_call(request, &message.base, &roost__sweep_response__descriptor, found);
}

const struct command command_run_sweep = {.run = run};
