/* Looks for the next deadline at most every LOOK_MS, however many records come, and sleeps until it.
 * While the server's clock is not known freshly, or the projection is behind, nothing fires. */
#include "controller/effects/deadlines.h"

#include "bus/foundation/log.h"
#include "controller/effects/deciding_work.h"

#include <stdlib.h>

enum { LOOK_MS = 200, NOT_NOW_MS = 1000, SLEEP_MS_MAX = 3600 * 1000 };

struct deadlines {
	struct deadlines_settings settings;
	uv_timer_t timer;
	bool look_soon; /* the timer is set to LOOK_MS at most */
	bool deciding;
};

static void on_timer(uv_timer_t *timer);

static void sleep_for(struct deadlines *deadlines, int64_t ms)
{
	deadlines->look_soon = ms <= LOOK_MS;
	uv_timer_start(&deadlines->timer, on_timer, (uint64_t)(ms < 0 ? 0 : ms > SLEEP_MS_MAX ? SLEEP_MS_MAX : ms), 0);
}

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	const struct deciding_work *deadline = (struct deciding_work *)work;
	return decide_provision_deadline(inputs, deadline->workspace_id, deadline->generation);
}

static void ended(void *context, struct deciding_work *work, bool stands)
{
	struct deadlines *deadlines = context;
	(void)work;
	deadlines->deciding = false;
	sleep_for(deadlines, stands ? 0 : NOT_NOW_MS);
}

static void fire(struct deadlines *deadlines, const struct next_deadline *next)
{
	struct deciding_work *work = deciding_work_new(next->owner, "deadline", decide);
	work->context = deadlines;
	work->ended = ended;
	work->workspace_id = arena_strdup(work->work.arena, next->workspace_id);
	work->generation = next->generation;
	log_info("workspace %s, generation %u, has not become ready in time", next->workspace_id, next->generation);
	deadlines->deciding = true;
	deciding_work_run(work, deadlines->settings.pipeline);
}

static void look(struct deadlines *deadlines, struct arena *arena)
{
	const struct deadlines_settings *settings = &deadlines->settings;
	struct next_deadline next;
	struct error error = {0};
	if (!projection_next_deadline(settings->projection, arena, &next, &error)) {
		log_error("the next deadline cannot be read: %s", error.message);
		return;
	}
	if (next.workspace_id == NULL)
		return; /* deadlines_advanced wakes us */
	int64_t left = next.deadline_ms - server_clock_now_ms(settings->clock);
	if (left > 0)
		sleep_for(deadlines, left);
	else if (!server_clock_fresh(settings->clock) || !projection_runner_caught_up(settings->runner))
		sleep_for(deadlines, NOT_NOW_MS);
	else
		fire(deadlines, &next);
}

static void on_timer(uv_timer_t *timer)
{
	struct deadlines *deadlines = timer->data;
	struct arena *arena = arena_new();
	deadlines->look_soon = false;
	if (!deadlines->deciding)
		look(deadlines, arena);
	arena_free(arena);
}

struct deadlines *deadlines_start(const struct deadlines_settings *settings)
{
	struct deadlines *deadlines = calloc(1, sizeof(*deadlines));
	if (deadlines == NULL)
		abort();
	deadlines->settings = *settings;
	uv_timer_init(settings->loop, &deadlines->timer);
	deadlines->timer.data = deadlines;
	sleep_for(deadlines, 0);
	return deadlines;
}

void deadlines_advanced(struct deadlines *deadlines)
{
	if (!deadlines->look_soon && !deadlines->deciding)
		sleep_for(deadlines, LOOK_MS);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void deadlines_stop(struct deadlines *deadlines)
{
	uv_close((uv_handle_t *)&deadlines->timer, on_closed);
}
