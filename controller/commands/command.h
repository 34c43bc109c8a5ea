/* What a command is: a row of schemas/commands.def and the `const struct command` that
 * <verb>_<resource>.c exports, in one of three forms. A row without its file does not link.
 *
 *  query    answers from the projection alone. Called again on a fresher projection when it refuses;
 *           so it changes nothing.
 *  decide   with respond: changes what the log says; pipeline.h does the rest. `respond` makes the
 *           response from the resource as it was right after the record; live fields are filled in.
 *  run      anything else, such as a call to a node. It ends the request itself, or goes on with
 *           change_run when it has `decide` as well. */
#ifndef ROOST_CONTROLLER_COMMANDS_COMMAND_H
#define ROOST_CONTROLLER_COMMANDS_COMMAND_H

#include "controller/commands/outcome.h"
#include "controller/commands/request.h"
#include "controller/domain/decision.h"

struct command {
	ProtobufCMessage *(*query)(struct request *request, struct error *error);
	struct decision *(*decide)(const struct decision_inputs *inputs, const ProtobufCMessage *input);
	ProtobufCMessage *(*respond)(struct request *request, const struct answer *answer);
	void (*run)(struct request *request);
	const struct goal *goal; /* of a decide with wait_ms: what its answer waits for */
	bool system;		 /* the sweeper's alone */
};

struct command_row {
	const char *resource;
	const char *verb;
	const char *name;    /* "workspace.create" */
	const char *subject; /* "roost.cmd.*.workspace.create" */
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	bool durable;
	const struct command *command;
};

enum command_index {
#define COMMAND(resource, verb, stem, name, durable, body) COMMAND_##name,
#include "schemas/commands.def"
#undef COMMAND
	COMMAND_COUNT
};

extern const struct command_row command_rows[COMMAND_COUNT];

/* The row of a resource and verb; NULL when there is none. */
const struct command_row *command_find(const char *resource, const char *verb);

#endif
