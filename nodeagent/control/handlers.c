/* The verbs, a function each. `apply` is answered as soon as the wanted state is stored; the work
 * begins after the answer. */
#include "nodeagent/control/handlers.h"

#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "nodeagent/control/apply.h"
#include "nodeagent/control/beat.h"
#include "nodeagent/control/inventory.h"
#include "nodeagent/control/log_answer.h"
#include "nodeagent/control/reply.h"
#include "nodeagent/control/work.h"

#include <string.h>

/* The workspace of the i-th session was named before it: by itself, or by an earlier session. */
static bool named_before(const Roost__ApplyRequest *request, size_t i)
{
	const char *id = request->sessions[i]->workspace_id;
	for (size_t k = 0; k < request->n_workspaces; k++)
		if (strcmp(request->workspaces[k]->id, id) == 0)
			return true;
	for (size_t k = 0; k < i; k++)
		if (strcmp(request->sessions[k]->workspace_id, id) == 0)
			return true;
	return false;
}

static void work_on_wanted(struct agent *agent, const Roost__ApplyRequest *request)
{
	for (size_t i = 0; i < request->n_workspaces; i++)
		work_on_workspace(agent, request->workspaces[i]->id);
	for (size_t i = 0; i < request->n_sessions; i++)
		if (!named_before(request, i))
			work_on_workspace(agent, request->sessions[i]->workspace_id);
}

/* Whatever waits for its time is tried at once. */
static void node_wanted_anew(struct agent *agent)
{
	agent->node.found_clear = false;
	agent->node.search_due = true;
	agent->node.vain = 0;
	work_node_comes_back(agent);
	work_on_all(agent);
}

static void handle_apply(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	/* The request must outlive its answer. */
	struct arena *arena = arena_new();
	const Roost__ApplyRequest *request = (const Roost__ApplyRequest *)message_copy(message, arena);
	struct agent_identity before = *store_identity(agent->store);
	uint64_t node_version = store_node(agent->store)->wanted.version;
	struct error error = {0};
	Roost__ApplyResponse answer = ROOST__APPLY_RESPONSE__INIT;
	if (!apply_store(agent->store, request, &answer, &error)) {
		reply_error(reply, &error);
		arena_free(arena);
		return;
	}
	reply_with(reply, &answer.base);
	const struct agent_identity *now = store_identity(agent->store);
	bool another = strcmp(before.log_id, now->log_id) != 0 || before.log_epoch != now->log_epoch;
	if (before.log_id[0] && another)
		agent_tell_all(agent);
	if (before.held_version != now->held_version)
		beat_now(agent->beat);
	if (node_version != store_node(agent->store)->wanted.version)
		node_wanted_anew(agent);
	else
		work_on_wanted(agent, request);
	arena_free(arena);
}

static void handle_probe(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	(void)message;
	const struct agent_identity *identity = store_identity(agent->store);
	Roost__ProbeResponse answer = ROOST__PROBE_RESPONSE__INIT;
	answer.has_held_version = true;
	answer.held_version = identity->held_version;
	answer.has_agent_epoch = true;
	answer.agent_epoch = identity->agent_epoch;
	reply_with(reply, &answer.base);
}

static void on_input_done(void *context, const struct error *error)
{
	static const Roost__NodeInputResponse answer = ROOST__NODE_INPUT_RESPONSE__INIT;
	if (error)
		reply_error(context, error);
	else
		reply_with(context, &answer.base);
}

static bool check_session_id(const char *id, struct error *error)
{
	if (id && strlen(id) == IDENTIFIER_LENGTH && !strchr(id, '/'))
		return true;
	return error_set(error, ERROR_INVALID_ARGUMENT, "session_id: is not an id");
}

static bool check_input(const Roost__NodeInputRequest *request, struct error *error)
{
	if (!check_session_id(request->session_id, error))
		return false;
	if (!request->input_id || !request->input_id[0] || strlen(request->input_id) > IDEMPOTENCY_KEY_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "input_id: 1 to %d bytes", IDEMPOTENCY_KEY_BYTES_MAX);
	if (!request->has_data || request->data.len == 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "data: is missing");
	if (request->data.len > INPUT_BYTES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "data: at most %d bytes", INPUT_BYTES_MAX);
	return true;
}

static void handle_input(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	const Roost__NodeInputRequest *request = (const Roost__NodeInputRequest *)message;
	struct error error = {0};
	if (!check_input(request, &error)) {
		reply_error(reply, &error);
		return;
	}
	session_input(agent->sessions, request->session_id, request->input_id, request->data.data, request->data.len,
		      on_input_done, reply);
}

static void on_text(void *context, const char *text, const struct error *error)
{
	struct reply *reply = context;
	if (error) {
		reply_error(reply, error);
		return;
	}
	Roost__NodeOutputResponse answer = ROOST__NODE_OUTPUT_RESPONSE__INIT;
	answer.text = text;
	reply_with(reply, &answer.base);
}

static void handle_output(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	const Roost__NodeOutputRequest *request = (const Roost__NodeOutputRequest *)message;
	struct error error = {0};
	if (!check_session_id(request->session_id, &error)) {
		reply_error(reply, &error);
		return;
	}
	uint32_t lines = request->lines < OUTPUT_LINES_MAX ? request->lines : OUTPUT_LINES_MAX;
	session_text(agent->sessions, request->session_id, lines, on_text, reply);
}

static void handle_inventory(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	inventory_answer(agent, (const Roost__InventoryRequest *)message, reply);
}

static void handle_log(struct agent *agent, const ProtobufCMessage *message, struct reply *reply)
{
	log_answer(agent, (const Roost__NodeLogRequest *)message, reply);
}

/* Each handler answers `reply` once, now or later; the message lives in the reply's arena. */
static const struct verb {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	void (*handle)(struct agent *agent, const ProtobufCMessage *message, struct reply *reply);
} verbs[] = {
    {"apply", &roost__apply_request__descriptor, handle_apply},
    {"input", &roost__node_input_request__descriptor, handle_input},
    {"inventory", &roost__inventory_request__descriptor, handle_inventory},
    {"log", &roost__node_log_request__descriptor, handle_log},
    {"output", &roost__node_output_request__descriptor, handle_output},
    {"probe", &roost__probe_request__descriptor, handle_probe},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

void handlers_on_request(void *context, const struct incoming *message)
{
	struct agent *agent = context;
	struct node_subject subject = {.verb = ""};
	bool legal = subject_parse_node(message->subject, &subject);
	const struct verb *verb = legal ? find_verb(subject.verb) : NULL;
	struct reply *reply = reply_new(agent->connection, message, verb ? verb->name : "an unknown request");
	struct error error = {0};
	const ProtobufCMessage *request = NULL;
	if (!verb)
		error_set(&error, ERROR_INVALID_ARGUMENT, "a node agent has no verb \"%s\"", subject.verb);
	else
		request = envelope_decode(verb->request, message->data, reply->json, reply->arena, &error);
	if (request)
		verb->handle(agent, request, reply);
	else
		reply_error(reply, &error);
}
