/* One request of roost.cmd.> under way: what came, where the answer goes, and the ways to end it.
 * Everything of it lives in its arena. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_REQUEST_H
#define ROOST_CONTROLLER_COMMANDS_REQUEST_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "controller/domain/decision.h"

#include <stdbool.h>
#include <stdint.h>

struct commands;
struct command_row;

struct request {
	struct commands *commands;
	const struct command_row *row; /* NULL for a verb that nobody knows */
	struct arena *arena;
	const char *owner; /* from the subject, nowhere else; what the sweeper commands names its owner itself */
	const char *reply; /* an inbox of that owner, or of the sweeper */
	bool system;	   /* the sweeper's */
	const ProtobufCMessage *input;
	const char *key;	 /* NULL without one */
	unsigned char hash[32];	 /* of the command's name and the input; set with a key */
	const char *traceparent; /* NULL without one */
	bool json;
	uint64_t min_seq;    /* answer only from a projection at least this new */
	uint32_t wait_ms;    /* of verbs that have it: how long the outcome, or a line, is waited for */
	bool fresh;	     /* the projection holds all that the log held when the request came */
	bool changed;	     /* its record is in the log; set before `respond` */
	uint32_t cascaded;   /* workspaces that a delete of one takes along; set before `respond` */
	int64_t started_ns;  /* monotonic */
	int64_t deadline_ms; /* monotonic */
};

/* Milliseconds until the deadline, at least 1. */
uint32_t request_time_left(const struct request *request);

/* Answers and frees the request. */
void request_answer(struct request *request, const ProtobufCMessage *answer);
void request_fail(struct request *request, const struct error *error);

/* The same with details for the error's body. */
void request_refuse(struct request *request, const struct error *error, const struct refusal_detail *details,
		    size_t detail_count);

/* Waits until the projection is as new as the log is now, sets `fresh`, and calls `again`; answers
 * itself when that cannot be had within the deadline. */
void request_freshen(struct request *request, void (*again)(struct request *request));

/* True for refusals that depend on what the projection holds: they are final only when it is fresh. */
bool refusal_needs_fresh(enum error_code code);

#endif
