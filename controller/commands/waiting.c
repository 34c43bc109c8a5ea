/* A list with the node of each; a record marks those of its node, and at the end of the turn they look. */
#include "controller/commands/waiting.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "controller/commands/commands_state.h"
#include "controller/commands/present.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiter {
	struct waiter *next;
	struct request *request;
	const struct watched *watched;
	int64_t until_ms; /* monotonic */
	bool touched;
};

struct waiting {
	struct commands *commands;
	struct waiter *first;
	size_t count;
	bool ended, dirty;
	uv_timer_t timer;
	struct arena *scratch; /* of one look */
};

/* A projection that is being rebuilt knows too little, or what was so long ago: then the answer is what it
 * was when the wait began. */
static void answer_now(struct waiting *waiting, struct request *request, const struct watched *watched)
{
	struct commands *commands = waiting->commands;
	struct outcome outcome = {.answer = watched->answer};
	if (projection_runner_caught_up(commands->settings.runner))
		outcome_look(projection_entities(commands->settings.projection), watched, request->arena, &outcome);
	if (outcome.failed) {
		request_refuse(request, &outcome.refusal, outcome.details, outcome.detail_count);
		return;
	}
	present_answer(commands, &outcome.answer, request->arena);
	request_answer(request, request->row->command->respond(request, &outcome.answer));
}

static bool is_settled(struct waiting *waiting, const struct watched *watched)
{
	struct commands *commands = waiting->commands;
	struct outcome outcome;
	if (!projection_runner_caught_up(commands->settings.runner))
		return false;
	arena_reset(waiting->scratch);
	outcome_look(projection_entities(commands->settings.projection), watched, waiting->scratch, &outcome);
	return outcome.settled;
}

/* Takes those out for whom it is over, and answers them: an answer may free what it came from. */
static void answer_those(struct waiting *waiting, bool (*over)(struct waiting *waiting, struct waiter *waiter))
{
	struct waiter *ready = NULL;
	for (struct waiter **at = &waiting->first; *at != NULL;) {
		struct waiter *waiter = *at;
		if (!over(waiting, waiter)) {
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		waiter->next = ready;
		ready = waiter;
		waiting->count--;
	}
	while (ready != NULL) {
		struct waiter *waiter = ready;
		ready = waiter->next;
		answer_now(waiting, waiter->request, waiter->watched);
	}
}

static bool is_late(struct waiting *waiting, struct waiter *waiter)
{
	(void)waiting;
	return waiter->until_ms <= clock_monotonic_ms();
}

static void set_timer(struct waiting *waiting);

static void time_over(uv_timer_t *timer)
{
	struct waiting *waiting = timer->data;
	answer_those(waiting, is_late);
	set_timer(waiting);
}

static void set_timer(struct waiting *waiting)
{
	int64_t earliest = INT64_MAX;
	for (const struct waiter *waiter = waiting->first; waiter != NULL; waiter = waiter->next)
		if (waiter->until_ms < earliest)
			earliest = waiter->until_ms;
	int64_t left = earliest - clock_monotonic_ms();
	if (earliest == INT64_MAX)
		uv_timer_stop(&waiting->timer);
	else
		uv_timer_start(&waiting->timer, time_over, left > 0 ? (uint64_t)left : 0, 0);
}

struct waiting *waiting_new(struct commands *commands)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	if (waiting == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	waiting->commands = commands;
	waiting->scratch = arena_new();
	uv_timer_init(connection_loop(commands->settings.answers), &waiting->timer);
	waiting->timer.data = waiting;
	return waiting;
}

static bool is_anyone(struct waiting *waiting, struct waiter *waiter)
{
	(void)waiting;
	(void)waiter;
	return true;
}

void waiting_end(struct waiting *waiting)
{
	waiting->ended = true;
	uv_timer_stop(&waiting->timer);
	answer_those(waiting, is_anyone);
}

static void timer_closed(uv_handle_t *handle)
{
	struct waiting *waiting = handle->data;
	arena_free(waiting->scratch);
	free(waiting);
}

void waiting_free(struct waiting *waiting)
{
	uv_close((uv_handle_t *)&waiting->timer, timer_closed);
}

void waiting_begin(struct waiting *waiting, struct request *request, const struct answer *answer)
{
	const struct entity_store *store = projection_entities(waiting->commands->settings.projection);
	const struct watched *watched = outcome_watch(store, request->row->command->goal, answer, request->arena);
	if (waiting->ended || waiting->count == WAITERS_MAX || is_settled(waiting, watched)) {
		answer_now(waiting, request, watched);
		return;
	}
	struct waiter *waiter = arena_new_of(request->arena, struct waiter);
	*waiter = (struct waiter){.next = waiting->first,
				  .request = request,
				  .watched = watched,
				  .until_ms = clock_monotonic_ms() + request->wait_ms,
				  .touched = !projection_runner_caught_up(waiting->commands->settings.runner)};
	waiting->dirty = waiting->dirty || waiter->touched;
	waiting->first = waiter;
	waiting->count++;
	set_timer(waiting);
}

void waiting_touched(struct waiting *waiting, const char *aggregate_id)
{
	for (struct waiter *waiter = waiting->first; waiter != NULL; waiter = waiter->next)
		if (!waiter->touched && strcmp(waiter->watched->node_id, aggregate_id) == 0)
			waiter->touched = waiting->dirty = true;
}

/* What cannot be judged yet stays marked. */
static bool has_settled(struct waiting *waiting, struct waiter *waiter)
{
	if (!waiter->touched)
		return false;
	waiter->touched = !projection_runner_caught_up(waiting->commands->settings.runner);
	waiting->dirty = waiting->dirty || waiter->touched;
	return is_settled(waiting, waiter->watched);
}

void waiting_advanced(struct waiting *waiting)
{
	if (!waiting->dirty)
		return;
	waiting->dirty = false;
	answer_those(waiting, has_settled);
	set_timer(waiting);
}
