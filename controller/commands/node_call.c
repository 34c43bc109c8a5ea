/* The other side's own errors are passed on by code, as far as they are refusals; what went wrong inside
 * it is its operator's business and stays in the log. */
#include "controller/commands/node_call.h"

#include "bus/foundation/options.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "controller/commands/commands_state.h"

struct call {
	struct request *request;
	const char *whom; /* for people */
	const char *node; /* NULL: it is not a node */
	enum error_code silence;
	const ProtobufCMessageDescriptor *answer;
	void (*done)(struct request *request, const ProtobufCMessage *answer);
	uint64_t ticket;
	struct call *previous, *next; /* of those with wait_ms */
};

static void list_waiting(struct call *call)
{
	struct call **first = &call->request->commands->patient_calls;
	if (call->request->wait_ms == 0)
		return;
	call->next = *first;
	if (*first != NULL)
		(*first)->previous = call;
	*first = call;
}

static void unlist(struct call *call)
{
	if (call->request->wait_ms == 0)
		return;
	*(call->previous != NULL ? &call->previous->next : &call->request->commands->patient_calls) = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
}

/* The caller learns who was silent; the sentence of such a code is the table's. */
static void fail_silent(struct call *call, enum error_code code, const char *reason)
{
	struct error error;
	struct refusal_detail detail = {"reason", arena_printf(call->request->arena, "%s %s", call->whom, reason)};
	error_set(&error, code, "%s", detail.value);
	request_refuse(call->request, &error, &detail, 1);
}

/* Whatever it says, its command channel works. */
static void tell_answered(const struct call *call)
{
	const struct live_source *live = &call->request->commands->settings.live;
	if (call->node != NULL && live->answered != NULL)
		live->answered(live->context, call->node);
}

static void answered(void *context, const struct incoming *message, const struct error *failure)
{
	struct call *call = context;
	struct request *request = call->request;
	struct error error;
	unlist(call);
	if (message == NULL) {
		bool reachable = connection_is_online(request->commands->settings.work);
		fail_silent(call, reachable ? call->silence : ERROR_PLATFORM_UNAVAILABLE,
			    arena_printf(request->arena, "does not answer: %s", failure->message));
		return;
	}
	tell_answered(call);
	if (incoming_header(message, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(message->data, false, &error);
		request_fail(request, &error);
		return;
	}
	ProtobufCMessage *answer = message_unpack(call->answer, message->data, request->arena, &error);
	if (answer == NULL)
		fail_silent(call, call->silence, "gives an answer that does not decode");
	else
		call->done(request, answer);
}

static void ask(struct call *call, const char *subject, const ProtobufCMessage *message, uint32_t timeout_ms)
{
	struct request *request = call->request;
	struct header trace = {HEADER_TRACEPARENT, request->traceparent};
	struct outgoing outgoing = {
	    .subject = subject,
	    .data = message_pack(message, request->arena),
	    .headers = &trace,
	    .header_count = request->traceparent != NULL ? 1 : 0,
	};
	list_waiting(call);
	call->ticket = connection_request(request->commands->settings.work, &outgoing, timeout_ms, answered, call);
}

/* People know it by its name. */
static const char *name_of(struct request *request, const char *node)
{
	struct error error;
	const Roost__NodeState *state =
	    projection_node(request->commands->settings.projection, request->owner, node, request->arena, &error);
	if (state == NULL)
		return arena_printf(request->arena, "node %s", node);
	return arena_printf(request->arena, "node %s (%s)", state->resource->name, node);
}

/* Who asks should hear of the silence while he still listens. */
static uint32_t time_to_answer_before(const struct request *request)
{
	uint32_t left_ms = request_time_left(request);
	return left_ms - left_ms / 10;
}

void node_call(struct request *request, const char *node, const char *verb, const ProtobufCMessage *message,
	       const ProtobufCMessageDescriptor *answer,
	       void (*done)(struct request *request, const ProtobufCMessage *answer))
{
	struct call *call = arena_new_of(request->arena, struct call);
	*call = (struct call){.request = request,
			      .whom = name_of(request, node),
			      .node = arena_strdup(request->arena, node),
			      .silence = ERROR_NODE_UNREACHABLE,
			      .answer = answer,
			      .done = done};
	uint32_t timeout_ms = (uint32_t)option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS) + request->wait_ms;
	uint32_t most_ms = time_to_answer_before(request);
	ask(call, subject_node(node, verb).text, message, timeout_ms < most_ms ? timeout_ms : most_ms);
}

void sweeper_call(struct request *request, const ProtobufCMessage *message, const ProtobufCMessageDescriptor *answer,
		  void (*done)(struct request *request, const ProtobufCMessage *answer))
{
	struct call *call = arena_new_of(request->arena, struct call);
	*call = (struct call){.request = request,
			      .whom = "the sweeper",
			      .silence = ERROR_PLATFORM_UNAVAILABLE,
			      .answer = answer,
			      .done = done};
	ask(call, "roost.sweep", message, time_to_answer_before(request));
}

void node_calls_end(struct commands *commands)
{
	while (commands->patient_calls != NULL) {
		struct call *call = commands->patient_calls;
		connection_forget(commands->settings.work, call->ticket);
		unlist(call);
		fail_silent(call, ERROR_PLATFORM_UNAVAILABLE, "was asked by a controller that stops; ask again");
	}
}
