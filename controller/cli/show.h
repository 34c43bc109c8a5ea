/* What verbs have in common at their ends: printing an answer as JSON or for people, waiting for its
 * effect, naming things. */
#ifndef ROOST_CONTROLLER_CLI_SHOW_H
#define ROOST_CONTROLLER_CLI_SHOW_H

#include "controller/cli/resolve.h"
#include "controller/cli/verb.h"
#include "controller/cli/wait.h"

/* What gives somebody without a node one: the installation's own node comes with its start only. */
#define SHOW_HOW_TO_GET_A_NODE                                                                                         \
	"This machine gets one with: roost down, then roost up. Another machine: roost node create <name>, and start " \
	"its agent."

/* Prints the body of an answer as one line of JSON. Returns EXIT_DONE. */
int show_json(struct invocation *invocation, enum api_command command, const ProtobufCMessage *answer);

/* Prints every field that a resource has, a line each. */
void show_fields(const ProtobufCMessage *resource, struct arena *arena);

/* A list of ids, shortened so that each stays unique among them. */
const char **show_short_ids(const char *const *ids, size_t count, struct arena *arena);

/* Until when --wait waits: --timeout, or the goal's own patience. */
bool read_patience(struct invocation *invocation, const struct goal *goal, int64_t *until_ms, struct error *error);

/* Shows the resource that was waited for, as below. NULL: it is gone. */
void show_reached(struct invocation *invocation, enum kind kind, const ProtobufCMessage *resource, const char *id);

/* Waits for the goal and then shows the resource, as JSON (through its get command) or as one sentence
 * "<kind> <name> is <status>". Returns the exit status. */
int show_outcome(struct invocation *invocation, const struct goal *goal, const char *id, uint64_t after_seq,
		 uint64_t min_seq);

/* The sentence alone. */
void show_status(enum kind kind, const ProtobufCMessage *resource, struct arena *arena);

/* resolve() of the n-th argument; NULL after saying why not. */
const char *argument_id(struct invocation *invocation, size_t n, enum kind kind, uint64_t *seq);

/* resolve() of an option's value: true with *id NULL when it was not given. */
bool option_id(struct invocation *invocation, const char *option, enum kind kind, const char **id, uint64_t *seq,
	       struct error *error);

/* api_call with the --idempotency-key that was given. */
ProtobufCMessage *call_with_key(struct invocation *invocation, struct api_call *call, struct error *error);

#endif
