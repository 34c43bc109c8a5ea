/* Each round reads the thing itself and then its events up to at least that state, so that the last
 * step is shown before the verdict; then it sleeps until the feed has something. */
#include "controller/cli/wait.h"

#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/follow.h"

#include <string.h>

const struct goal goal_node_running = {KIND_NODE, "running", "error stopping stopped deleting deleted",
				       ERROR_NODE_NOT_RUNNING, false};
const struct goal goal_workspace_running = {KIND_WORKSPACE, "running", "error stopping stopped deleting deleted",
					    ERROR_PROVISIONING_FAILED, false};
const struct goal goal_workspace_stopped = {KIND_WORKSPACE, "stopped", "error creating running deleting deleted",
					    ERROR_STOP_FAILED, false};
const struct goal goal_workspace_deleted = {KIND_WORKSPACE, "deleted", "", ERROR_STOP_FAILED, true};
const struct goal goal_session_running = {KIND_SESSION, "running", "error stopping stopped", ERROR_SESSION_NOT_RUNNING,
					  false};
/* A short command may have run and ended before anybody looks. */
const struct goal goal_session_started = {KIND_SESSION, "running stopped", "error stopping", ERROR_SESSION_NOT_RUNNING,
					  false};
const struct goal goal_session_ended = {KIND_SESSION, "stopped", "error", ERROR_SESSION_NOT_RUNNING, false};

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
	} while (answer == NULL && error_code_retryable(error->code));
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

bool wait_for(const struct waiting *waiting, struct arena *arena, const ProtobufCMessage **resource,
	      struct error *error)
{
	const struct goal *goal = waiting->goal;
	struct follow follow = {.client = waiting->client,
				.node_id = goal->kind == KIND_NODE ? waiting->id : NULL,
				.workspace_id = goal->kind == KIND_WORKSPACE ? waiting->id : NULL,
				.session_id = goal->kind == KIND_SESSION ? waiting->id : NULL,
				.after_seq = waiting->after_seq,
				.seq = waiting->min_seq,
				.each = show,
				.context = (void *)waiting};
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
		const char *word = status_word(*resource, arena);
		if (has_word(goal->reached, word))
			return true;
		if (has_word(goal->failed, word))
			return failed(goal, *resource, arena, error);
		if (!follow_wait(&follow, error))
			return false;
	}
}
