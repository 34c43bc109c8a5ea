/* The id is looked up, the command given; a refusal that wants a confirmation shows what would end, and on
 * a terminal asks for it. */
#include "controller/cli/change.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The resource in an answer; the answer itself when it has its status. */
static const ProtobufCMessage *resource_of(const ProtobufCMessage *answer, enum kind kind)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field_by_name(answer->descriptor, kind_name(kind));
	return field == NULL ? answer
			     : *(const ProtobufCMessage *const *)(const void *)((const char *)answer + field->offset);
}

static void show_answer(const struct change *change, const ProtobufCMessage *answer, const char *id,
			struct arena *arena)
{
	const ProtobufCMessage *resource = resource_of(answer, change->kind);
	if (change->says != NULL)
		printf("workspace %s %s\n", text_safe(((const Roost__Workspace *)resource)->display_name, false, arena),
		       change->says);
	else if (resource != answer)
		show_status(change->kind, resource, arena);
	else
		printf("%s %s is %s\n", kind_name(change->kind), id, status_word(answer, arena));
}

/* True when a person at the terminal says yes to what verb_refused has shown. */
static bool person_agrees(const struct invocation *invocation)
{
	char line[16];
	if (invocation->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fputs("Type yes to go on: ", stderr);
	return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

static const ProtobufCMessage *give(struct invocation *invocation, const struct change *change, struct api_call *call,
				    const struct waiting *waiting, ProtobufCMessage *request,
				    const ProtobufCMessage **reached, struct error *error)
{
	if (waiting == NULL || !change->platform_waits)
		return api_call(invocation->client, call, invocation->arena, error);
	return wait_for_outcome(waiting, call, request, invocation->arena, reached, error) ? request : NULL;
}

/* Says why not. */
static int refused(struct invocation *invocation, const struct api_call *call, const struct waiting *waiting,
		   const struct error *error)
{
	if (waiting != NULL)
		return wait_failed(waiting, error, call, invocation->arena);
	return verb_refused(error, call->details, call->detail_count, invocation->arena);
}

/* Other than EXIT_DONE after saying why not. */
static int give_confirmed(struct invocation *invocation, const struct change *change, struct api_call *call,
			  const struct waiting *waiting, ProtobufCMessage *request, const ProtobufCMessage **answer,
			  const ProtobufCMessage **reached)
{
	struct error error;
	*answer = give(invocation, change, call, waiting, request, reached, &error);
	if (*answer != NULL)
		return EXIT_DONE;
	int status = refused(invocation, call, waiting, &error);
	if (error.code != ERROR_CONFIRMATION_REQUIRED)
		return status;
	if (!person_agrees(invocation)) {
		fprintf(stderr, "Nothing was done. Add --yes to go on.\n");
		return status;
	}
	api_set(request, "confirm", true);
	call->idempotency_key = NULL;
	*answer = give(invocation, change, call, waiting, request, reached, &error);
	return *answer != NULL ? EXIT_DONE : refused(invocation, call, waiting, &error);
}

static void read_switches(const struct invocation *invocation, const struct change *change, ProtobufCMessage *request)
{
	if (invocation_has(invocation, "yes") || invocation_has(invocation, "confirm"))
		api_set(request, "confirm", true);
	if (invocation_has(invocation, "abandon"))
		api_set(request, "abandon", true);
	if (change->field != NULL)
		api_set(request, change->field, change->value);
}

int change_run(struct invocation *invocation, const struct change *change)
{
	struct arena *arena = invocation->arena;
	struct api_call call = {.command = change->command,
				.idempotency_key = invocation_value(invocation, "idempotency-key")};
	const char *id = argument_id(invocation, 0, change->kind, &call.min_seq);
	bool waits = invocation_has(invocation, "wait");
	const ProtobufCMessage *answer, *reached = NULL;
	struct error error;
	if (id == NULL)
		return EXIT_FAILED;
	ProtobufCMessage *request = api_request(change->command, id, arena);
	call.request = request;
	read_switches(invocation, change, request);
	struct waiting waiting = {.client = invocation->client,
				  .goal = change->goal,
				  .id = id,
				  .after_seq = call.min_seq,
				  .min_seq = call.min_seq,
				  .quiet = invocation->json};
	if (waits && !read_patience(invocation, change->goal, &waiting.until_ms, &error))
		return verb_misused(invocation->verb, error.message);
	int status = give_confirmed(invocation, change, &call, waits ? &waiting : NULL, request, &answer, &reached);
	if (status != EXIT_DONE)
		return status;
	if (waits && !change->platform_waits)
		return show_outcome(invocation, change->goal, id, call.min_seq, call.seq);
	if (waits)
		show_reached(invocation, change->kind, reached, id);
	else if (invocation->json)
		show_json(invocation, change->command, answer);
	else
		show_answer(change, answer, id, arena);
	return EXIT_DONE;
}

int get_run(struct invocation *invocation, enum kind kind, enum api_command command)
{
	struct api_call call = {.command = command};
	struct error error;
	const char *id = argument_id(invocation, 0, kind, &call.min_seq);
	if (id == NULL)
		return EXIT_FAILED;
	call.request = api_request(command, id, invocation->arena);
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, command, answer);
	show_fields(resource_of(answer, kind), invocation->arena);
	return EXIT_DONE;
}
