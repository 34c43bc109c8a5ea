/* Hands a durable command to the pipeline and turns what comes of it into the answer. Creating is
 * refused while the disk under the log is nearly full: what is left is for stopping and deleting. */
#include "controller/commands/change.h"

#include "bus/foundation/cutpoint.h"
#include "controller/commands/commands_state.h"
#include "controller/commands/disk_reserve.h"
#include "controller/commands/present.h"

#include <string.h>

struct change {
	struct pipeline_work work; /* first: the pipeline gives it back */
	struct request *request;
};

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	struct request *request = ((struct change *)work)->request;
	struct decision *decision = request->row->command->decide(inputs, request->input);
	if (decision->kind == DECISION_APPEND && strcmp(request->row->verb, "create") == 0 &&
	    !disk_reserve_left(request->commands->settings.disk_folder, &decision->refusal)) {
		decision->kind = DECISION_REFUSE;
		decision->certain = true;
	}
	return decision;
}

static void claimed(struct pipeline_work *work)
{
	(void)work;
	cutpoint(CUTPOINT_CONTROLLER_CLAIM_ACKNOWLEDGED);
}

static void done(struct pipeline_work *work, const struct decision *decision, const struct error *error)
{
	struct request *request = ((struct change *)work)->request;
	struct commands *commands = request->commands;
	if (error != NULL) {
		request_fail(request, error);
		return;
	}
	if (decision->kind == DECISION_REFUSE) {
		request_refuse(request, &decision->refusal, decision->details, decision->detail_count);
		return;
	}
	request->changed = decision->kind != DECISION_NOTHING;
	request->cascaded = decision->cascade_deleted;
	if (request->wait_ms > 0 && request->row->command->goal != NULL) {
		waiting_begin(commands->waiting, request, &decision->answer);
		return;
	}
	present_answer(commands, &decision->answer, request->arena);
	request_answer(request, request->row->command->respond(request, &decision->answer));
}

void change_run(struct request *request)
{
	struct commands *commands = request->commands;
	struct change *change = arena_new_of(request->arena, struct change);
	change->request = request;
	change->work = (struct pipeline_work){
	    .arena = request->arena,
	    .owner = request->owner,
	    .actor = request->system ? "sweeper" : request->owner,
	    .cause = request->row->name,
	    .idempotency_key = request->key,
	    .request_hash = request->key != NULL ? request->hash : NULL,
	    .traceparent = request->traceparent,
	    .deadline_ms = request->deadline_ms,
	    .fresh = request->fresh,
	    .decide = decide,
	    .claimed = claimed,
	    .done = done,
	};
	pipeline_run(commands->settings.pipeline, &change->work);
}
