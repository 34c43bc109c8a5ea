/* Calls by the table. A lost answer and a retryable error are the same thing to the caller: the request
 * is sent again with the same key, so it is carried out once however often it is sent. */
#include "controller/cli/api.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "bus/wire/envelope.h"
#include "bus/wire/json.h"
#include "bus/wire/subject.h"
#include "command.pb-c.h"

#include <string.h>
#include <time.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000, ANSWER_MARGIN_MS = 500 };

static const struct row {
	const char *resource;
	const char *verb;
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	bool durable;
	const char *body;
} rows[API_COMMAND_COUNT] = {
#define COMMAND(resource, verb, stem, name, durable, body)                                                             \
	[API_##name] = {#resource, #verb, &roost__##name##_request__descriptor, &roost__##name##_response__descriptor, \
			durable,   body},
#include "schemas/commands.def"
#undef COMMAND
};

static ProtobufCMessage *read_answer(struct api_call *call, const struct client_answer *answer, struct arena *arena,
				     struct error *error)
{
	if (answer->is_error) {
		call->details = envelope_decode_error_details(answer->data, false, arena, &call->detail_count, error);
		return NULL;
	}
	struct error unreadable;
	ProtobufCMessage *message = message_unpack(rows[call->command].response, answer->data, arena, &unreadable);
	if (message == NULL)
		error_set(error, ERROR_INTERNAL, "The answer cannot be read: %s", unreadable.message);
	return message;
}

static void pause_ms(int64_t ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&pause, &pause) != 0)
		;
}

/* A key for whatever would otherwise happen twice when it is sent twice. */
static const char *make_key(const struct api_call *call, struct arena *arena)
{
	if (call->idempotency_key != NULL)
		return call->idempotency_key;
	if (!rows[call->command].durable && call->command != API_input_session)
		return NULL;
	return api_new_key(arena);
}

/* What could not be stopped is tried again by the platform, not by us. A node whose agent is just being
 * started anew refuses at once and is asked again; one that was waited for in vain is silent. */
static bool is_worth_a_retry(const struct error *error, int64_t took_ms)
{
	if (error->code == ERROR_NODE_UNREACHABLE && took_ms > option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS) / 2)
		return false;
	return error_code_retryable(error->code) && error->code != ERROR_STOP_FAILED;
}

static bool asks_a_node(enum api_command command)
{
	return command == API_input_session || command == API_output_session || command == API_logs_node ||
	       command == API_logs_workspace;
}

/* Half of the time leaves as much for a second try after a lost answer. But the controller waits for a node
 * as long as a node may take, and only then says that it is silent. */
static int64_t first_try_ms(enum api_command command, int64_t timeout_ms)
{
	int64_t node_ms = option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS) + ANSWER_MARGIN_MS;
	int64_t try_ms = asks_a_node(command) && node_ms > timeout_ms / 2 ? node_ms : timeout_ms / 2;
	return try_ms < timeout_ms ? try_ms : timeout_ms;
}

const char *api_new_key(struct arena *arena)
{
	return arena_strdup(arena, ulid_new(clock_wall_ms()).text);
}

ProtobufCMessage *api_call(struct client *client, struct api_call *call, struct arena *arena, struct error *error)
{
	const struct row *row = &rows[call->command];
	struct subject subject = subject_command(client_owner(client), row->resource, row->verb);
	const struct client_request request = {
	    .subject = subject.text,
	    .data = message_pack(call->request, arena),
	    .idempotency_key = make_key(call, arena),
	    .min_seq = call->min_seq,
	};
	int64_t timeout_ms = option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS);
	int64_t most_ms = first_try_ms(call->command, timeout_ms);
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	call->detail_count = 0;
	for (int64_t pause = PAUSE_FIRST_MS;; pause *= 2) {
		int64_t began_ms = clock_monotonic_ms();
		int64_t left_ms = deadline_ms - began_ms;
		int64_t try_ms = (left_ms > most_ms ? most_ms : left_ms) + call->wait_ms;
		struct client_answer answer;
		ProtobufCMessage *message = NULL;
		if (client_ask(client, &request, try_ms, arena, &answer, error)) {
			call->seq = answer.seq;
			message = read_answer(call, &answer, arena, error);
		}
		if (message != NULL || !is_worth_a_retry(error, clock_monotonic_ms() - began_ms))
			return message;
		if (pause > PAUSE_MAX_MS)
			pause = PAUSE_MAX_MS;
		if (clock_monotonic_ms() + pause >= deadline_ms)
			return NULL;
		pause_ms(pause);
	}
}

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessage *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

static void *member(ProtobufCMessage *message, unsigned offset)
{
	return (char *)message + offset;
}

ProtobufCMessage *api_request(enum api_command command, const char *id, struct arena *arena)
{
	const ProtobufCMessageDescriptor *descriptor = rows[command].request;
	ProtobufCMessage *request = arena_alloc(arena, descriptor->sizeof_message);
	protobuf_c_message_init(descriptor, request);
	*(const char **)member(request, field_named(request, "id")->offset) = id;
	return request;
}

void api_set(ProtobufCMessage *request, const char *name, uint32_t value)
{
	const ProtobufCFieldDescriptor *field = field_named(request, name);
	*(protobuf_c_boolean *)member(request, field->quantifier_offset) = 1;
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		*(protobuf_c_boolean *)member(request, field->offset) = value != 0;
	else
		*(uint32_t *)member(request, field->offset) = value;
}

/* Adds the items of `page` to those of `all`; both answer the same list command. */
static void join(ProtobufCMessage *all, ProtobufCMessage *page, const char *body, struct arena *arena)
{
	const ProtobufCFieldDescriptor *items = field_named(all, body);
	size_t *count = member(all, items->quantifier_offset);
	void ***array = member(all, items->offset);
	size_t more = *(size_t *)member(page, items->quantifier_offset);
	void **joined = arena_array_of(arena, void *, *count + more);
	if (*count > 0)
		memcpy(joined, *array, *count * sizeof(void *));
	if (more > 0)
		memcpy(joined + *count, *(void ***)member(page, items->offset), more * sizeof(void *));
	*array = joined;
	*count += more;
}

ProtobufCMessage *api_list(struct client *client, enum api_command command, ProtobufCMessage *request,
			   struct arena *arena, uint64_t *seq, struct error *error)
{
	const char **cursor = member(request, field_named(request, "cursor")->offset);
	uint32_t *limit = member(request, field_named(request, "limit")->offset);
	*limit = LIST_LIMIT_MAX;
	*(protobuf_c_boolean *)member(request, field_named(request, "limit")->quantifier_offset) = 1;
	ProtobufCMessage *all = NULL;
	do {
		struct api_call call = {.command = command, .request = request, .min_seq = *seq};
		ProtobufCMessage *page = api_call(client, &call, arena, error);
		if (page == NULL)
			return NULL;
		/* The first page's: whatever came later may be missing from the list. */
		if (all == NULL)
			*seq = call.seq;
		*cursor = *(const char **)member(page, field_named(page, "next_cursor")->offset);
		if (all == NULL)
			all = page;
		else
			join(all, page, rows[command].body, arena);
	} while (*cursor != NULL);
	*(const char **)member(all, field_named(all, "next_cursor")->offset) = NULL;
	return all;
}

const char *api_body(enum api_command command, const ProtobufCMessage *answer, struct arena *arena)
{
	const char *body = rows[command].body;
	return body[0] == '\0' ? json_from_message(answer, arena, NULL) : json_from_field(answer, body, arena, NULL);
}
