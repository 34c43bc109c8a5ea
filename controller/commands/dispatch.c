/* From a message on roost.cmd.> to a running command. The owner comes from the subject and nowhere
 * else; a reply subject outside that owner's inbox is dropped, since answering it would let one owner
 * write to another's subjects. Everything else that is wrong gets an answer that names it. */
#include "bus/foundation/limits.h"
#include "bus/foundation/options.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "controller/commands/change.h"
#include "controller/commands/commands_state.h"
#include "controller/domain/validate.h"

#include <stdlib.h>
#include <string.h>

/* The token after roost.cmd., so that a subject whose rest is rubbish can still be answered. */
static bool owner_of(const char *subject, char owner[129])
{
	static const char prefix[] = "roost.cmd.";
	if (strncmp(subject, prefix, sizeof(prefix) - 1) != 0)
		return false;
	const char *token = subject + sizeof(prefix) - 1;
	size_t length = strcspn(token, ".");
	if (length != strlen(SUBJECT_SYSTEM_OWNER) || memcmp(token, SUBJECT_SYSTEM_OWNER, length) != 0)
		return owner_from_token(token, length, owner);
	memcpy(owner, SUBJECT_SYSTEM_OWNER, sizeof(SUBJECT_SYSTEM_OWNER));
	return true;
}

static bool read_key(struct request *request, const char *key, struct error *error)
{
	if (key != NULL && !validate_idempotency_key(key, error))
		return false;
	request->key = arena_strdup(request->arena, key);
	return true;
}

static bool read_min_seq(const char *text, uint64_t *seq, struct error *error)
{
	*seq = 0;
	if (text == NULL)
		return true;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return error_set(error, ERROR_INVALID_ARGUMENT, "Roost-Min-Seq: not a sequence number");
	*seq = strtoull(text, NULL, 10);
	return true;
}

/* W3C trace context; one that is malformed is ignored, as that standard asks. */
static const char *read_traceparent(struct request *request, const char *text)
{
	static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
	if (text == NULL || strlen(text) != sizeof(shape) - 1)
		return NULL;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == '-' ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return NULL;
	return arena_strdup(request->arena, text);
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessage *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

/* wait_ms, where the verb has it. What needs no node waits after its record, within a time of its own;
 * what waits at a node does so within the request's, which is longer by as much. */
static bool read_wait(struct request *request, struct error *error)
{
	const ProtobufCFieldDescriptor *field = field_of(request->input, "wait_ms");
	uint32_t most = request->row->durable ? WAIT_MS_MAX : LOG_WAIT_MS_MAX;
	if (field == NULL)
		return true;
	const char *input = (const char *)request->input;
	if (*(const protobuf_c_boolean *)(input + field->quantifier_offset))
		request->wait_ms = *(const uint32_t *)(const void *)(input + field->offset);
	if (request->wait_ms > most)
		return error_set(error, ERROR_INVALID_ARGUMENT, "waitMs: at most %u", most);
	if (!request->row->durable)
		request->deadline_ms += request->wait_ms;
	return true;
}

/* How long somebody waits is no part of what is asked for: a retry may be more patient. */
static void hash_request(struct request *request)
{
	ProtobufCMessage *canonical = (ProtobufCMessage *)request->input;
	const ProtobufCFieldDescriptor *field = field_of(request->input, "wait_ms");
	if (field != NULL) {
		canonical = message_copy(request->input, request->arena);
		*(protobuf_c_boolean *)((char *)canonical + field->quantifier_offset) = 0;
	}
	message_request_hash(request->row->name, canonical, request->hash);
}

/* What the sweeper alone may ask for nobody else may, and it may ask for nothing else. */
static bool may_ask(const struct request *request, struct error *error)
{
	return request->row->command->system == request->system ||
	       error_set(error, ERROR_FORBIDDEN, "%s", error_code_sentence(ERROR_FORBIDDEN));
}

static bool read_request(struct request *request, const struct incoming *message, struct error *error)
{
	struct command_subject subject;
	request->json = envelope_is_json(incoming_header(message, HEADER_CONTENT_TYPE));
	request->traceparent = read_traceparent(request, incoming_header(message, HEADER_TRACEPARENT));
	if (!subject_parse_command(message->subject, &subject) ||
	    (request->row = command_find(subject.resource, subject.verb)) == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "there is no command of this name");
	request->system = subject.system;
	if (!may_ask(request, error))
		return false;
	if (message->data.size > REQUEST_BYTES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "the request has %zu bytes, at most %d are taken",
				 message->data.size, REQUEST_BYTES_MAX);
	if (!read_key(request, incoming_header(message, HEADER_IDEMPOTENCY_KEY), error) ||
	    !read_min_seq(incoming_header(message, HEADER_MIN_SEQ), &request->min_seq, error))
		return false;
	request->input = envelope_decode(request->row->request, message->data, request->json, request->arena, error);
	if (request->input == NULL || !read_wait(request, error))
		return false;
	if (request->key != NULL)
		hash_request(request);
	return true;
}

static void query_run(struct request *request)
{
	struct error error;
	ProtobufCMessage *answer = request->row->command->query(request, &error);
	if (answer != NULL)
		request_answer(request, answer);
	else if (!request->fresh && refusal_needs_fresh(error.code))
		request_freshen(request, query_run);
	else
		request_fail(request, &error);
}

static void command_run(struct request *request)
{
	const struct command *command = request->row->command;
	if (command->query != NULL)
		query_run(request);
	else if (command->run != NULL)
		command->run(request);
	else
		change_run(request);
}

static void new_enough(void *context, const struct error *error)
{
	struct request *request = context;
	if (error != NULL)
		request_fail(request, error);
	else
		command_run(request);
}

static void when_new_enough(struct request *request)
{
	struct projection_runner *runner = request->commands->settings.runner;
	if (projection_runner_applied_seq(runner) < request->min_seq)
		projection_runner_wait(runner, request->min_seq, request_time_left(request), new_enough, request);
	else
		command_run(request);
}

/* A projection that is being rebuilt knows too little to answer anything. */
static void start(struct request *request)
{
	if (projection_runner_caught_up(request->commands->settings.runner))
		when_new_enough(request);
	else
		request_freshen(request, when_new_enough);
}

static struct request *request_new(struct commands *commands, const struct incoming *message, const char *owner)
{
	struct arena *arena = commands_arena(commands);
	struct request *request = arena_new_of(arena, struct request);
	request->commands = commands;
	request->arena = arena;
	request->owner = arena_strdup(arena, owner);
	request->reply = arena_strdup(arena, message->reply);
	request->started_ns = clock_monotonic_ns();
	request->deadline_ms = message->received_ms + option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS);
	commands_begin(commands);
	return request;
}

void dispatch_command(void *context, const struct incoming *message)
{
	struct commands *commands = context;
	char owner[129];
	if (!owner_of(message->subject, owner) || !subject_reply_allowed(message->reply, owner)) {
		commands_count_forged(commands, message);
		return;
	}
	struct request *request = request_new(commands, message, owner);
	struct error error;
	if (commands->under_way > COMMANDS_WAITING_MAX)
		error_set(&error, ERROR_BUSY, "%zu commands are waiting", commands->under_way);
	else if (read_request(request, message, &error)) {
		start(request);
		return;
	}
	request_fail(request, &error);
}
