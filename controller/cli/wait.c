/* Each round reads the thing itself and then its events up to at least that state, so that the last
 * step is shown before the verdict; then it sleeps until the feed has something. */
#include "controller/cli/wait.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/follow.h"
#include "controller/cli/interrupt.h"
#include "controller/cli/silence.h"

#include <string.h>

enum { WAIT_STEP_MS = 3000, SILENCE_LOOK_MS = 5000 };

const struct goal goal_node_running = {KIND_NODE,
				       "running",
				       "error stopping stopped deleting deleted",
				       ERROR_NODE_NOT_RUNNING,
				       false,
				       PATIENCE_SECONDS_STOP};
const struct goal goal_node_stopped = {KIND_NODE,	  "stopped", "error creating running deleting deleted",
				       ERROR_STOP_FAILED, false,     PATIENCE_SECONDS_STOP};
const struct goal goal_node_deleted = {KIND_NODE, "deleted", "", ERROR_STOP_FAILED, true, PATIENCE_SECONDS_STOP};
const struct goal goal_workspace_running = {
    KIND_WORKSPACE,	   "running", "error stopping stopped deleting deleted", ERROR_PROVISIONING_FAILED, false,
    PATIENCE_SECONDS_START};
const struct goal goal_workspace_stopped = {KIND_WORKSPACE,    "stopped", "error creating running deleting deleted",
					    ERROR_STOP_FAILED, false,	  PATIENCE_SECONDS_STOP};
const struct goal goal_workspace_deleted = {KIND_WORKSPACE,    "deleted", "",
					    ERROR_STOP_FAILED, true,	  PATIENCE_SECONDS_STOP};
const struct goal goal_session_running = {
    KIND_SESSION, "running", "error stopping stopped", ERROR_SESSION_NOT_RUNNING, false, PATIENCE_SECONDS_STOP};
/* A short command may have run and ended before anybody looks. */
const struct goal goal_session_started = {
    KIND_SESSION, "running stopped", "error stopping", ERROR_SESSION_NOT_RUNNING, false, PATIENCE_SECONDS_STOP};
const struct goal goal_session_ended = {KIND_SESSION, "stopped",	   "error", ERROR_SESSION_NOT_RUNNING,
					false,	      PATIENCE_SECONDS_DAY};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	while (*words != '\0') {
		size_t next = strcspn(words, " ");
		if (next == length && memcmp(words, word, length) == 0)
			return true;
		words += next + strspn(words + next, " ");
	}
	return false;
}

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessage *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

static const void *member(const ProtobufCMessage *message, const char *name)
{
	return (const char *)message + field_named(message, name)->offset;
}

const char *status_word(const ProtobufCMessage *resource, struct arena *arena)
{
	const char *word =
	    json_enum_word(field_named(resource, "status")->descriptor, *(const int *)member(resource, "status"));
	return word == NULL ? "" : arena_strdup(arena, word);
}

/* The thing itself; NULL with the error. *seq is what it was read from. */
static const ProtobufCMessage *read_resource(const struct waiting *waiting, uint64_t *seq, struct arena *arena,
					     struct error *error)
{
	Roost__GetNodeRequest node = ROOST__GET_NODE_REQUEST__INIT;
	Roost__GetWorkspaceRequest workspace = ROOST__GET_WORKSPACE_REQUEST__INIT;
	Roost__GetSessionRequest session = ROOST__GET_SESSION_REQUEST__INIT;
	node.id = workspace.id = session.id = waiting->id;
	const struct {
		enum api_command command;
		const ProtobufCMessage *request;
	} calls[] = {
	    [KIND_NODE] = {API_get_node, &node.base},
	    [KIND_WORKSPACE] = {API_get_workspace, &workspace.base},
	    [KIND_SESSION] = {API_get_session, &session.base},
	};
	enum kind kind = waiting->goal->kind;
	struct api_call call = {.command = calls[kind].command, .request = calls[kind].request, .min_seq = *seq};
	const ProtobufCMessage *answer;
	do {
		answer = api_call(waiting->client, &call, arena, error);
	} while (answer == NULL && error_code_retryable(error->code) && clock_monotonic_ms() < waiting->until_ms);
	if (answer == NULL)
		return NULL;
	if (call.seq > *seq)
		*seq = call.seq;
	return *(const ProtobufCMessage *const *)member(answer, kind_name(kind));
}

static void show(void *context, const Roost__Event *event, struct arena *arena)
{
	const struct waiting *waiting = context;
	if (!waiting->quiet)
		event_print(event, false, arena);
}

static bool is_not_found(enum error_code code)
{
	return code == ERROR_NODE_NOT_FOUND || code == ERROR_WORKSPACE_NOT_FOUND || code == ERROR_SESSION_NOT_FOUND;
}

static bool failed(const struct goal *goal, const ProtobufCMessage *resource, struct arena *arena, struct error *error)
{
	const char *reason = *(const char *const *)member(resource, "error_message");
	if (reason != NULL && reason[0] != '\0')
		return error_set(error, goal->failure, "%s", reason);
	return error_set(error, goal->failure, "The %s is %s now.", kind_name(goal->kind),
			 status_word(resource, arena));
}

static struct follow follow_of(const struct waiting *waiting)
{
	enum kind kind = waiting->goal->kind;
	return (struct follow){.client = waiting->client,
			       .node_id = kind == KIND_NODE ? waiting->id : NULL,
			       .workspace_id = kind == KIND_WORKSPACE ? waiting->id : NULL,
			       .session_id = kind == KIND_SESSION ? waiting->id : NULL,
			       .after_seq = waiting->after_seq,
			       .seq = waiting->min_seq,
			       .until_ms = waiting->until_ms,
			       .each = show,
			       .context = (void *)waiting};
}

static bool still_on_its_way(const struct waiting *waiting, const char *word, struct error *error)
{
	const char *kind = kind_name(waiting->goal->kind);
	return error_set(error, ERROR_BUSY,
			 "The %s is %s, and the time for waiting is over; it goes on. See: roost %s get %s", kind, word,
			 kind, waiting->id);
}

/* What Ctrl-C says: like the end of --timeout. */
static void prepare_farewell(const struct waiting *waiting, struct arena *arena)
{
	const char *kind = kind_name(waiting->goal->kind);
	interrupt_says(
	    arena_printf(arena, "\nroost: no longer waited for; it goes on. See: roost %s get %s", kind, waiting->id));
}

int wait_failed(const struct waiting *waiting, const struct error *error, const struct api_call *call,
		struct arena *arena)
{
	bool over = clock_monotonic_ms() >= waiting->until_ms;
	int status = verb_refused(error, call->details, call->detail_count, arena);
	return over && error_code_retryable(error->code) && error->code != ERROR_STOP_FAILED ? EXIT_TIMED_OUT : status;
}

/* What a status means; false with ERROR_NONE while it may still come. */
static bool judge(const struct goal *goal, const ProtobufCMessage *resource, struct arena *arena, struct error *error)
{
	const char *word = status_word(resource, arena);
	error->code = ERROR_NONE;
	if (has_word(goal->reached, word))
		return true;
	return has_word(goal->failed, word) && failed(goal, resource, arena, error);
}

/* No record says that a node has fallen silent, so until that was told it is looked for. */
static int64_t next_look_ms(const struct waiting *waiting, const struct silence *silence)
{
	int64_t next_ms = clock_monotonic_ms() + SILENCE_LOOK_MS;
	return silence->told || next_ms > waiting->until_ms ? waiting->until_ms : next_ms;
}

static bool wait_by_looking(const struct waiting *waiting, struct arena *arena, const ProtobufCMessage **resource,
			    struct error *error)
{
	const struct goal *goal = waiting->goal;
	struct follow follow = follow_of(waiting);
	struct silence silence = silence_of(waiting);
	if (!client_watch(waiting->client, error))
		return false;
	for (;;) {
		*resource = read_resource(waiting, &follow.seq, arena, error);
		bool seen = *resource != NULL && follow_pull(&follow, error);
		if (!seen && goal->gone_is_reached && is_not_found(error->code)) {
			*resource = NULL;
			return true;
		}
		if (!seen)
			return false;
		if (judge(goal, *resource, arena, error))
			return true;
		if (error->code != ERROR_NONE)
			return false;
		if (clock_monotonic_ms() >= waiting->until_ms)
			return still_on_its_way(waiting, status_word(*resource, arena), error);
		silence_look(&silence, follow.seq, arena);
		if (!follow_wait(&follow, next_look_ms(waiting, &silence), error))
			return false;
	}
}

bool wait_for(const struct waiting *waiting, struct arena *arena, const ProtobufCMessage **resource,
	      struct error *error)
{
	prepare_farewell(waiting, arena);
	bool reached = wait_by_looking(waiting, arena, resource, error);
	interrupt_says_nothing();
	return reached;
}

static uint32_t next_step_ms(const struct waiting *waiting)
{
	int64_t left = waiting->until_ms - clock_monotonic_ms();
	return left < 1 ? 1 : left < WAIT_STEP_MS ? (uint32_t)left : WAIT_STEP_MS;
}

/* Shows what happened up to the answer. What is gone has no events that anybody may ask for by its id. */
static void show_steps(struct follow *follow, uint64_t seq)
{
	struct error ignored;
	if (seq > follow->seq)
		follow->seq = seq;
	follow_pull(follow, &ignored);
}

static bool wait_by_asking(const struct waiting *waiting, struct api_call *call, ProtobufCMessage *request,
			   struct arena *arena, const ProtobufCMessage **resource, struct error *error)
{
	const struct goal *goal = waiting->goal;
	struct follow follow = follow_of(waiting);
	struct silence silence = silence_of(waiting);
	*resource = NULL;
	if (call->idempotency_key == NULL)
		call->idempotency_key = api_new_key(arena);
	for (;;) {
		call->wait_ms = next_step_ms(waiting);
		api_set(request, "wait_ms", call->wait_ms);
		const ProtobufCMessage *answer = api_call(waiting->client, call, arena, error);
		bool over = clock_monotonic_ms() >= waiting->until_ms;
		if (answer == NULL && goal->gone_is_reached && is_not_found(error->code))
			return true;
		if (answer == NULL && (over || !error_code_retryable(error->code) || error->code == ERROR_STOP_FAILED))
			return false;
		if (answer == NULL)
			continue;
		show_steps(&follow, call->seq);
		const char *word = status_word(answer, arena);
		if (has_word(goal->reached, word) && goal->gone_is_reached)
			return true;
		if (has_word(goal->reached, word) || has_word(goal->failed, word)) {
			*resource = read_resource(waiting, &follow.seq, arena, error);
			return *resource != NULL &&
			       (judge(goal, *resource, arena, error) || failed(goal, *resource, arena, error));
		}
		if (over)
			return still_on_its_way(waiting, word, error);
		silence_look(&silence, follow.seq, arena);
	}
}

bool wait_for_outcome(const struct waiting *waiting, struct api_call *call, ProtobufCMessage *request,
		      struct arena *arena, const ProtobufCMessage **resource, struct error *error)
{
	prepare_farewell(waiting, arena);
	bool reached = wait_by_asking(waiting, call, request, arena, resource, error);
	interrupt_says_nothing();
	return reached;
}
