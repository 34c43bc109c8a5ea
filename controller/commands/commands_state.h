/* The parts that the files of this room share. Private to controller/commands. */
#ifndef ROOST_CONTROLLER_COMMANDS_COMMANDS_STATE_H
#define ROOST_CONTROLLER_COMMANDS_COMMANDS_STATE_H

#include "bus/link/service.h"
#include "controller/commands/command.h"
#include "controller/commands/commands.h"
#include "controller/commands/waiting.h"

enum { ARENAS_KEPT = 64, ENDPOINT_REPORT = COMMAND_COUNT, ENDPOINT_COUNT };

struct commands {
	struct commands_settings settings;
	uint64_t forged_replies; /* dropped: the reply subject is no inbox of the owner */
	struct subscription *command_subscription, *report_subscription;
	int subscriptions; /* that may still bring requests */
	struct service *service;
	struct service_endpoint endpoints[ENDPOINT_COUNT];
	char service_id[27];
	struct waiting *waiting;
	struct call *patient_calls; /* to nodes, with wait_ms: node_call.c */
	size_t under_way;	    /* requests and reports that are not answered yet */

	struct arena *arenas[ARENAS_KEPT]; /* used before, ready to be used again */
	size_t arena_count;

	uv_timer_t drain_timer;
	bool draining;
	void (*drained)(void *context);
	void *drained_context;
};

/* An arena for one request, and its return. */
struct arena *commands_arena(struct commands *commands);
void commands_arena_return(struct commands *commands, struct arena *arena);

/* Bookkeeping of what is under way; the last one to end lets a drain end. */
void commands_begin(struct commands *commands);
void commands_end(struct commands *commands);

/* The handlers of the two subscriptions: dispatch.c and reports.c. */
void dispatch_command(void *context, const struct incoming *message);
void dispatch_report(void *context, const struct incoming *message);

/* Counts a message whose reply subject is not its sender's, and says so once in a while. */
void commands_count_forged(struct commands *commands, const struct incoming *message);

#endif
