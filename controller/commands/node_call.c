/* The node's own errors are passed on by code, as far as they are refusals; what went wrong inside a
 * node is its operator's business and stays in the log. */
#include "controller/commands/node_call.h"

#include "bus/foundation/options.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "controller/commands/commands_state.h"

struct call {
	struct request *request;
	const char *node;
	const ProtobufCMessageDescriptor *answer;
	void (*done)(struct request *request, const ProtobufCMessage *answer);
};

static bool read_answer(const struct call *call, const struct incoming *message, const struct error *failure,
			ProtobufCMessage **answer, struct error *error)
{
	if (message == NULL) {
		bool reachable = connection_is_online(call->request->commands->settings.work);
		return error_set(error, reachable ? ERROR_NODE_UNREACHABLE : ERROR_PLATFORM_UNAVAILABLE, "node %s: %s",
				 call->node, failure->message);
	}
	if (incoming_header(message, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(message->data, false, error);
		return false;
	}
	*answer = message_unpack(call->answer, message->data, call->request->arena, error);
	if (*answer == NULL)
		return error_set(error, ERROR_NODE_UNREACHABLE, "node %s gave an answer that does not decode",
				 call->node);
	return true;
}

static void answered(void *context, const struct incoming *message, const struct error *failure)
{
	struct call *call = context;
	ProtobufCMessage *answer = NULL;
	struct error error;
	if (read_answer(call, message, failure, &answer, &error))
		call->done(call->request, answer);
	else
		request_fail(call->request, &error);
}

void node_call(struct request *request, const char *node, const char *verb, const ProtobufCMessage *message,
	       const ProtobufCMessageDescriptor *answer,
	       void (*done)(struct request *request, const ProtobufCMessage *answer))
{
	struct call *call = arena_new_of(request->arena, struct call);
	*call = (struct call){request, arena_strdup(request->arena, node), answer, done};
	struct subject subject = subject_node(node, verb);
	struct header trace = {HEADER_TRACEPARENT, request->traceparent};
	struct outgoing outgoing = {
	    .subject = subject.text,
	    .data = message_pack(message, request->arena),
	    .headers = &trace,
	    .header_count = request->traceparent != NULL ? 1 : 0,
	};
	uint32_t timeout_ms = (uint32_t)option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS);
	if (timeout_ms > request_time_left(request))
		timeout_ms = request_time_left(request);
	connection_request(request->commands->settings.work, &outgoing, timeout_ms, answered, call);
}
