/* Start, listening, draining and the end of the commands' side. Requests are taken once the projection
 * has caught up, under one queue group over all controllers, and each is handled in an arena of its
 * own that is kept for the next one. */
#include "controller/commands/commands_state.h"
#include "controller/commands/node_call.h"

#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_GROUP "controllers"

enum { ARENA_KEPT_BYTES_MAX = 256 * 1024 };

struct arena *commands_arena(struct commands *commands)
{
	return commands->arena_count > 0 ? commands->arenas[--commands->arena_count] : arena_new();
}

void commands_arena_return(struct commands *commands, struct arena *arena)
{
	if (commands->arena_count == ARENAS_KEPT || arena_used(arena) > ARENA_KEPT_BYTES_MAX) {
		arena_free(arena);
		return;
	}
	arena_reset(arena);
	commands->arenas[commands->arena_count++] = arena;
}

void commands_begin(struct commands *commands)
{
	commands->under_way++;
}

/* Also the end of a drain that took too long. */
static void drain_over(uv_timer_t *timer)
{
	struct commands *commands = timer->data;
	if (commands->under_way > 0 || commands->subscriptions > 0)
		log_warning("%zu requests were still under way at the deadline for stopping", commands->under_way);
	commands->drained(commands->drained_context);
}

/* Whoever ends the last request is still inside it: the drain ends at the loop's next turn. */
static void end_drain_if_quiet(struct commands *commands)
{
	if (commands->draining && commands->under_way == 0 && commands->subscriptions == 0)
		uv_timer_start(&commands->drain_timer, drain_over, 0, 0);
}

void commands_end(struct commands *commands)
{
	assert(commands->under_way > 0);
	commands->under_way--;
	end_drain_if_quiet(commands);
}

void commands_count_forged(struct commands *commands, const struct incoming *message)
{
	uint64_t count = ++commands->forged_replies;
	if ((count & (count - 1)) == 0) /* the 1st, 2nd, 4th, 8th ...: a flood does not fill the disk */
		log_warning("dropped %llu messages whose reply subject is not their sender's; the last on %.200s",
			    (unsigned long long)count, message->subject);
}

static void name_endpoints(struct commands *commands)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		commands->endpoints[i].name = command_rows[i].name;
		commands->endpoints[i].subject = command_rows[i].subject;
		commands->endpoints[i].queue = QUEUE_GROUP;
	}
	commands->endpoints[ENDPOINT_REPORT].name = "report";
	commands->endpoints[ENDPOINT_REPORT].subject = "roost.report.*";
	commands->endpoints[ENDPOINT_REPORT].queue = QUEUE_GROUP;
}

struct commands *commands_new(const struct commands_settings *settings)
{
	struct commands *commands = calloc(1, sizeof(*commands));
	if (commands == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	commands->settings = *settings;
	name_endpoints(commands);
	uv_timer_init(connection_loop(settings->answers), &commands->drain_timer);
	commands->drain_timer.data = commands;
	commands->waiting = waiting_new(commands);
	snprintf(commands->service_id, sizeof(commands->service_id), "%s", ulid_new(clock_wall_ms()).text);
	return commands;
}

void commands_listen(struct commands *commands)
{
	if (commands->service != NULL || commands->draining)
		return;
	struct connection *answers = commands->settings.answers;
	commands->command_subscription =
	    connection_subscribe(answers, "roost.cmd.*.*.*", QUEUE_GROUP, dispatch_command, commands);
	commands->report_subscription =
	    connection_subscribe(answers, "roost.report.*", QUEUE_GROUP, dispatch_report, commands);
	commands->subscriptions = 2;
	commands->service =
	    service_start(answers, "roost-controller", ROOST_VERSION, commands->service_id,
			  "Answers roost.cmd.> and roost.report.>", commands->endpoints, ENDPOINT_COUNT);
}

static void subscription_drained(void *context)
{
	struct commands *commands = context;
	commands->subscriptions--;
	end_drain_if_quiet(commands);
}

void commands_drain(struct commands *commands, uint32_t timeout_ms, void (*drained)(void *context), void *context)
{
	commands->draining = true;
	waiting_end(commands->waiting);
	node_calls_end(commands);
	commands->drained = drained;
	commands->drained_context = context;
	uv_timer_start(&commands->drain_timer, drain_over, timeout_ms, 0);
	if (commands->service != NULL) {
		service_stop(commands->service);
		commands->service = NULL;
		subscription_drain(commands->command_subscription, subscription_drained, commands);
		subscription_drain(commands->report_subscription, subscription_drained, commands);
	}
	end_drain_if_quiet(commands);
}

static void timer_closed(uv_handle_t *handle)
{
	struct commands *commands = handle->data;
	for (size_t i = 0; i < commands->arena_count; i++)
		arena_free(commands->arenas[i]);
	free(commands);
}

void commands_applied(struct commands *commands, const struct stored_record *record)
{
	const char *dot = strrchr(record->subject, '.');
	if (dot != NULL)
		waiting_touched(commands->waiting, dot + 1);
}

void commands_advanced(struct commands *commands)
{
	waiting_advanced(commands->waiting);
}

void commands_free(struct commands *commands)
{
	waiting_free(commands->waiting);
	uv_close((uv_handle_t *)&commands->drain_timer, timer_closed);
}
