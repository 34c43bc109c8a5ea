/* First the projection is brought up to the log; then the passes that look at the projection find, and
 * the nodes are walked for those that look at inventories. A finding to act on is sent at once, a few at
 * a time. The run is over when nothing is outstanding any more; one that was ended early lives on, dumb,
 * until the last answer has come. */
#include "sweeper/run.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "sweeper/act.h"
#include "sweeper/walk.h"

#include <stdlib.h>
#include <string.h>

enum { ACTS_AT_ONCE = 16, CATCH_UP_TIMEOUT_MS = 5000 };

struct errand {
	struct errand *next;
	struct run *run;
	const struct pass *pass;
	const char *owner;
	Roost__SweepFinding *finding;
	int64_t since_ms;
	uint64_t purges_below;
};

struct run {
	struct run_settings settings;
	struct arena *arena;
	struct run_outcome outcome;
	struct errand *first, **last; /* to be sent */
	uint32_t in_flight;
	uint32_t budget[PASS_COUNT];
	uint32_t holds; /* whoever will still call back */
	bool over;	/* said so */
};

bool parts_are_ready(const struct parts *parts, struct error *error)
{
	if (!projection_runner_caught_up(parts->runner))
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "the sweeper has not caught up with the log");
	if (!server_clock_fresh(parts->clock))
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "the sweeper does not know the server's time");
	if (!witness_is_complete(parts->witness, projection_runner_applied_seq(parts->runner)))
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "the sweeper misses a part of the log");
	return true;
}

struct parts *run_parts(struct run *run)
{
	return run->settings.parts;
}

const char *run_owner(const struct run *run)
{
	return run->settings.owner;
}

bool run_is_about(const struct run *run, const char *owner)
{
	return run->settings.owner == NULL || strcmp(run->settings.owner, owner) == 0;
}

static struct pass_tally *tally_of(struct run *run, const struct pass *pass)
{
	return &run->outcome.tallies[pass - passes];
}

static bool keeps_more(const struct run *run)
{
	return run->outcome.finding_count < run->settings.findings_max;
}

bool run_is_spent(const struct run *run, const struct pass *pass)
{
	return run->over || (run->budget[pass - passes] == 0 && !keeps_more(run));
}

size_t run_place(const struct run *run, size_t i, size_t count)
{
	const struct parts *parts = run->settings.parts;
	return ((size_t)parts->turn * parts->actions_per_run + i) % count;
}

/* ---- the end ---- */

static void let_go(struct run *run)
{
	if (--run->holds > 0)
		return;
	if (!run->over)
		run_end_now(run);
	else
		arena_free(run->arena);
}

void run_end_now(struct run *run)
{
	run->over = true;
	run->first = NULL;
	for (size_t i = 0; i < run->outcome.finding_count && !run->settings.dry_run; i++)
		if (run->outcome.findings[i]->error == NULL && !run->outcome.findings[i]->has_acted)
			run->outcome.findings[i]->error = "The controllers have not answered yet.";
	run->settings.done(run->settings.context, &run->outcome);
	run->holds++;
	let_go(run);
}

void run_cancel(struct run *run)
{
	run->over = true;
	run->first = NULL;
}

/* ---- acting ---- */

static void send_more(struct run *run);

/* Also when there was nothing to do: somebody else has had it purged. */
static void note_purged(const struct errand *errand)
{
	struct parts *parts = errand->run->settings.parts;
	struct error error = {0};
	if (errand->purges_below > 0 && !projection_note_purged(parts->projection, errand->owner,
								errand->finding->node_id, errand->purges_below, &error))
		log_warning("what was purged cannot be noted: %s", error.message);
}

static void on_acted(void *context, bool acted, const struct error *error)
{
	struct errand *errand = context;
	struct run *run = errand->run;
	struct pass_tally *tally = tally_of(run, errand->pass);
	run->in_flight--;
	errand->finding->has_acted = true;
	errand->finding->acted = acted;
	tally->acted += acted;
	if (error != NULL) {
		if (tally->refused++ == 0)
			tally->refusal = *error;
		errand->finding->error = arena_strdup(run->arena, error_code_sentence(error->code));
	} else {
		if (!acted)
			errand->finding->error = "The controllers found nothing to do about it now.";
		note_purged(errand);
	}
	send_more(run);
	let_go(run);
}

static void send_more(struct run *run)
{
	const struct parts *parts = run->settings.parts;
	while (run->first != NULL && run->in_flight < ACTS_AT_ONCE) {
		struct errand *errand = run->first;
		run->first = errand->next;
		run->in_flight++;
		run->holds++;
		act_send(parts->connection, errand->owner, errand->finding, errand->since_ms, parts->command_timeout_ms,
			 on_acted, errand);
	}
}

static void queue_errand(struct run *run, const struct pass *pass, const struct found *found,
			 Roost__SweepFinding *finding)
{
	struct errand *errand = arena_new_of(run->arena, struct errand);
	*errand = (struct errand){
	    .run = run,
	    .pass = pass,
	    .owner = arena_strdup(run->arena, found->owner),
	    .finding = finding,
	    .since_ms = found->judgement.since_ms,
	    .purges_below = found->purges_below,
	};
	if (run->first == NULL)
		run->last = &run->first;
	*run->last = errand;
	run->last = &errand->next;
	tally_of(run, pass)->sent++;
	send_more(run);
}

/* ---- findings ---- */

static Roost__SweepFinding *describe(const struct run *run, const struct pass *pass, const struct found *found)
{
	Roost__SweepFinding *finding;
	arena_message(run->arena, finding, roost__sweep_finding__init);
	finding->has_pass = true;
	finding->pass = pass->pass;
	finding->node_id = arena_strdup(run->arena, found->node_id);
	finding->workspace_id = arena_strdup(run->arena, found->workspace_id);
	finding->session_id = arena_strdup(run->arena, found->session_id);
	finding->has_generation = found->generation > 0;
	finding->generation = found->generation;
	finding->reason = found->judgement.reason;
	finding->next_step = found->judgement.next_step;
	return finding;
}

static void keep(struct run *run, Roost__SweepFinding *finding, const char *why_not)
{
	finding->error = why_not;
	run->outcome.findings[run->outcome.finding_count++] = finding;
}

void run_found(struct run *run, const struct pass *pass, const struct found *found)
{
	uint32_t *budget = &run->budget[pass - passes];
	bool waits = found->judgement.verdict == SWEEP_WAIT;
	bool sends = !waits && *budget > 0 && !run->settings.dry_run;
	if (run->over || found->judgement.verdict == SWEEP_NOTHING)
		return;
	tally_of(run, pass)->found++;
	tally_of(run, pass)->waiting += waits;
	if (!sends && !keeps_more(run))
		return;
	Roost__SweepFinding *finding = describe(run, pass, found);
	if (keeps_more(run))
		keep(run, finding,
		     waits	    ? found->judgement.why_not
		     : *budget == 0 ? "The run's budget is spent: the next one sees to it."
				    : NULL);
	if (!waits && *budget > 0)
		--*budget;
	if (sends)
		queue_errand(run, pass, found, finding);
}

/* ---- the passes ---- */

static void failed(struct run *run, const struct pass *pass, const struct error *error)
{
	struct pass_tally *tally = tally_of(run, pass);
	if (!tally->failed)
		tally->failure = *error;
	tally->failed = true;
}

static void look_at(void *context, const struct look *look)
{
	struct run *run = context;
	for (size_t i = 0; i < PASS_COUNT && !run->over; i++) {
		struct error error = {0};
		bool looks = passes[i].look != NULL && (run->settings.passes & pass_bit(&passes[i])) != 0;
		if (looks && !passes[i].look(run, &passes[i], look, &error))
			failed(run, &passes[i], &error);
	}
}

static void looks_failed(struct run *run, const struct error *error)
{
	for (size_t i = 0; i < PASS_COUNT; i++)
		if (passes[i].look != NULL && (run->settings.passes & pass_bit(&passes[i])) != 0)
			failed(run, &passes[i], error);
}

static bool is_silence(const struct error *error)
{
	return error->code == ERROR_NODE_UNREACHABLE || error->code == ERROR_PLATFORM_UNAVAILABLE;
}

/* Only for those who read the findings: what may be wrong on this node is missing from them. */
static Roost__SweepFinding *describe_silent(const struct run *run, const char *node_id)
{
	Roost__SweepFinding *finding;
	arena_message(run->arena, finding, roost__sweep_finding__init);
	finding->has_pass = true;
	finding->pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE;
	finding->node_id = arena_strdup(run->arena, node_id);
	finding->reason = "The node beats, but could not be looked at.";
	finding->next_step = "Look at it again.";
	return finding;
}

static void could_not_look(void *context, const char *node_id, const struct error *error)
{
	struct run *run = context;
	log_debug("node %s could not be looked at: %s", node_id, error->message);
	if (keeps_more(run) && !run->over && is_silence(error))
		keep(run, describe_silent(run, node_id), "What is on it was not looked at.");
	looks_failed(run, error);
}

static bool walk_goes_on(void *context)
{
	const struct run *run = context;
	for (size_t i = 0; i < PASS_COUNT; i++)
		if ((run->settings.passes & passes_that_look() & pass_bit(&passes[i])) != 0 &&
		    !run_is_spent(run, &passes[i]))
			return true;
	return false;
}

static void walked(void *context)
{
	let_go(context);
}

static void find_all(struct run *run)
{
	for (size_t i = 0; i < PASS_COUNT && !run->over; i++) {
		struct error error = {0};
		bool finds = passes[i].find != NULL && (run->settings.passes & pass_bit(&passes[i])) != 0;
		if (finds && !passes[i].find(run, &passes[i], &error))
			failed(run, &passes[i], &error);
	}
}

static uint32_t node_timeout_ms(const struct run *run)
{
	uint32_t of_any_call = run->settings.parts->node_call_timeout_ms;
	uint32_t own = run->settings.node_timeout_ms;
	return own > 0 && own < of_any_call ? own : of_any_call;
}

static void walk_all(struct run *run)
{
	const struct walk_settings settings = {
	    .parts = run->settings.parts,
	    .owner = run->settings.owner,
	    .node_timeout_ms = node_timeout_ms(run),
	    .look = look_at,
	    .failed = could_not_look,
	    .goes_on = walk_goes_on,
	    .done = walked,
	    .context = run,
	};
	struct error error = {0};
	run->holds++;
	if (!walk_start(&settings, &error)) {
		looks_failed(run, &error);
		let_go(run);
	}
}

static void on_caught_up(void *context, const struct error *error)
{
	struct run *run = context;
	struct error reason = {0};
	if (error == NULL && !run->over && !parts_are_ready(run->settings.parts, &reason))
		error = &reason;
	for (size_t i = 0; i < PASS_COUNT && error != NULL; i++)
		if ((run->settings.passes & pass_bit(&passes[i])) != 0)
			failed(run, &passes[i], error);
	if (error == NULL && !run->over)
		find_all(run);
	if (error == NULL && !run->over && (run->settings.passes & passes_that_look()) != 0)
		walk_all(run);
	let_go(run);
}

struct run *run_start(const struct run_settings *settings, struct error *error)
{
	if (!parts_are_ready(settings->parts, error))
		return NULL;
	struct arena *arena = arena_new();
	struct run *run = arena_new_of(arena, struct run);
	*run = (struct run){.settings = *settings, .arena = arena, .holds = 1, .last = &run->first};
	run->settings.owner = arena_strdup(arena, settings->owner);
	run->outcome.passes = settings->passes;
	run->outcome.findings = arena_array_of(arena, Roost__SweepFinding *, settings->findings_max + 1u);
	for (size_t i = 0; i < PASS_COUNT; i++)
		run->budget[i] = settings->parts->actions_per_run;
	settings->parts->turn++;
	projection_runner_catch_up(settings->parts->runner, CATCH_UP_TIMEOUT_MS, on_caught_up, run);
	return run;
}
