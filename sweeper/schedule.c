/* A timer per lane, set to the next moment at which a pass of it is due. While the sweeper's view is not
 * to be trusted a due pass waits for a second at a time; that is said once, not every time. A run that
 * did something is one line. */
#include "sweeper/schedule.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_READY_PAUSE_MS = 1000, TROUBLE_LENGTH = 160 };

struct lane {
	uv_timer_t timer;
	struct schedule *schedule;
	unsigned passes;
	struct run *run; /* under way */
	bool waits;	 /* said that it is not ready */
};

enum { LANE_FIND, LANE_LOOK, LANE_COUNT };

struct schedule {
	struct parts *parts;
	int64_t due_ms[PASS_COUNT]; /* monotonic */
	struct lane lanes[LANE_COUNT];
	char troubles[PASS_COUNT][TROUBLE_LENGTH]; /* what was said last of each pass */
	int open_timers;
};

static void on_timer(uv_timer_t *timer);

static void sleep_until_due(struct lane *lane)
{
	int64_t next_ms = INT64_MAX, now_ms = clock_monotonic_ms();
	for (size_t i = 0; i < PASS_COUNT; i++)
		if ((lane->passes & pass_bit(&passes[i])) != 0 && lane->schedule->due_ms[i] < next_ms)
			next_ms = lane->schedule->due_ms[i];
	if (next_ms != INT64_MAX)
		uv_timer_start(&lane->timer, on_timer, next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 0, 0);
}

/* A trouble that lasts is said once. */
static void complain(struct schedule *schedule, const struct pass *pass, const char *what, const struct error *error)
{
	char *last = schedule->troubles[pass - passes];
	if (error == NULL)
		last[0] = '\0';
	else if (strncmp(last, error->message, TROUBLE_LENGTH - 1) != 0)
		log_warning("%s: %s: %s", pass->name, what, error->message);
	if (error != NULL)
		snprintf(last, TROUBLE_LENGTH, "%.*s", TROUBLE_LENGTH - 1, error->message);
}

static void tell(struct schedule *schedule, const struct pass *pass, const struct pass_tally *tally)
{
	if (tally->acted > 0)
		log_info("%s: %u found, %u sent to the controllers, %u of them acted on", pass->name, tally->found,
			 tally->sent, tally->acted);
	if (tally->refused > 0)
		complain(schedule, pass, "could not be acted on", &tally->refusal);
	else
		complain(schedule, pass, "the look was not complete", tally->failed ? &tally->failure : NULL);
}

static void on_done(void *context, const struct run_outcome *outcome)
{
	struct lane *lane = context;
	lane->run = NULL;
	for (size_t i = 0; i < PASS_COUNT; i++)
		if ((outcome->passes & pass_bit(&passes[i])) != 0)
			tell(lane->schedule, &passes[i], &outcome->tallies[i]);
	sleep_until_due(lane);
}

static void wait_for_view(struct lane *lane, const struct error *error)
{
	if (!lane->waits)
		log_info("no sweep yet: %s", error->message);
	lane->waits = true;
	uv_timer_start(&lane->timer, on_timer, NOT_READY_PAUSE_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct lane *lane = timer->data;
	struct schedule *schedule = lane->schedule;
	int64_t now_ms = clock_monotonic_ms();
	struct run_settings settings = {.parts = schedule->parts, .done = on_done, .context = lane};
	struct error error = {0};
	for (size_t i = 0; i < PASS_COUNT; i++)
		if ((lane->passes & pass_bit(&passes[i])) != 0 && schedule->due_ms[i] <= now_ms)
			settings.passes |= pass_bit(&passes[i]);
	lane->run = run_start(&settings, &error);
	if (lane->run == NULL) {
		wait_for_view(lane, &error);
		return;
	}
	lane->waits = false;
	for (size_t i = 0; i < PASS_COUNT; i++)
		if ((settings.passes & pass_bit(&passes[i])) != 0)
			schedule->due_ms[i] = now_ms + 1000 * option_number(passes[i].interval);
}

struct schedule *schedule_start(uv_loop_t *loop, struct parts *parts)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	int64_t now_ms = clock_monotonic_ms();
	if (schedule == NULL)
		abort();
	schedule->parts = parts;
	for (size_t i = 0; i < PASS_COUNT; i++) {
		int64_t interval_ms = 1000 * option_number(passes[i].interval);
		schedule->due_ms[i] =
		    now_ms + (interval_ms < parts->rules.stale_ms ? interval_ms : parts->rules.stale_ms);
	}
	schedule->lanes[LANE_FIND].passes = passes_switched_on() & ~passes_that_look();
	schedule->lanes[LANE_LOOK].passes = passes_switched_on() & passes_that_look();
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane *lane = &schedule->lanes[i];
		lane->schedule = schedule;
		lane->timer.data = lane;
		uv_timer_init(loop, &lane->timer);
		sleep_until_due(lane);
	}
	return schedule;
}

static void on_closed(uv_handle_t *handle)
{
	struct schedule *schedule = ((struct lane *)handle->data)->schedule;
	if (--schedule->open_timers == 0)
		free(schedule);
}

void schedule_stop(struct schedule *schedule)
{
	if (schedule == NULL)
		return;
	schedule->open_timers = LANE_COUNT;
	for (int i = 0; i < LANE_COUNT; i++) {
		if (schedule->lanes[i].run != NULL)
			run_cancel(schedule->lanes[i].run);
		uv_close((uv_handle_t *)&schedule->lanes[i].timer, on_closed);
	}
}
