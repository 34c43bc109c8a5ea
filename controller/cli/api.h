/* The commands of schemas/commands.def as calls: one request, tried again with the same key until an
 * answer has come or ROOST_COMMAND_TIMEOUT_MS is over. */
#ifndef ROOST_CONTROLLER_CLI_API_H
#define ROOST_CONTROLLER_CLI_API_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "controller/cli/client.h"
#include "resource.pb-c.h"

enum api_command {
#define COMMAND(resource, verb, stem, name, durable, body) API_##name,
#include "schemas/commands.def"
#undef COMMAND
	API_COMMAND_COUNT
};

struct api_call {
	enum api_command command;
	const ProtobufCMessage *request;
	const char *idempotency_key; /* NULL: one is made for whatever changes something */
	uint64_t min_seq;
	uint32_t wait_ms;		      /* each try may take so much longer */
	uint64_t seq;			      /* out: what the answer was read from */
	Roost__Error__DetailsEntry **details; /* out: of an error, in the arena */
	size_t detail_count;
};

/* The answer, in the arena; NULL with the error as the controller gave it, or
 * ERROR_PLATFORM_UNAVAILABLE when none came in time. */
ProtobufCMessage *api_call(struct client *client, struct api_call *call, struct arena *arena, struct error *error);

/* A key for a call that is made several times as one. */
const char *api_new_key(struct arena *arena);

/* An empty request of a command about one thing: its `id` is set. */
ProtobufCMessage *api_request(enum api_command command, const char *id, struct arena *arena);

/* Sets a field of a request by its name: a switch, or a number. The request must have it. */
void api_set(ProtobufCMessage *request, const char *field, uint32_t value);

/* A list with all its pages in one answer. The request is changed: its cursor moves. */
ProtobufCMessage *api_list(struct client *client, enum api_command command, ProtobufCMessage *request,
			   struct arena *arena, uint64_t *seq, struct error *error);

/* The part of an answer that is meant for people, as JSON: the body that commands.def names. */
const char *api_body(enum api_command command, const ProtobufCMessage *answer, struct arena *arena);

#endif
