/* The owner is checked by whoever asks here; the node is only told which log. */
#include "controller/commands/node_log.h"

#include "controller/commands/node_call.h"
#include "controller/domain/validate.h"

void node_log_ask(struct request *request, const struct log_question *question, const struct error *found,
		  void (*again)(struct request *request),
		  void (*done)(struct request *request, const ProtobufCMessage *answer))
{
	Roost__NodeLogRequest message = ROOST__NODE_LOG_REQUEST__INIT;
	struct error error;
	if (found != NULL && !request->fresh && refusal_needs_fresh(found->code)) {
		request_freshen(request, again);
		return;
	}
	if (found != NULL) {
		request_fail(request, found);
		return;
	}
	if (!validate_list_limit(question->has_limit, question->limit, &message.limit, &error)) {
		request_fail(request, &error);
		return;
	}
	message.workspace_id = question->workspace_id;
	message.cursor = question->cursor;
	message.has_limit = true;
	message.has_wait_ms = request->wait_ms > 0;
	message.wait_ms = request->wait_ms;
	node_call(request, question->node_id, "log", &message.base, &roost__node_log_response__descriptor, done);
}
