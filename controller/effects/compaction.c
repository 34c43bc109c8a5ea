/* One run:
 *
 *	catch up --> judge --> a snapshot, page by page --> done
 *	                \----> ask how far effects are --> judge again --> look --> purge --> note --> done
 *
 * Catching up also tells whether this still is the log that the projection was made of. The look is the
 * last doubt before something goes for good: the record at which the purge stops must be where the
 * projection has it, on that subject. What goes wrong ends the run; the next one begins anew. */
#include "controller/effects/compaction.h"

#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/log/purge.h"
#include "bus/log/stored_message.h"
#include "bus/wire/subject.h"
#include "controller/effects/record_feed.h"
#include "controller/effects/snapshot_work.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 5000 };

struct run {
	struct compaction *compaction; /* NULL once it was freed */
	struct run *next;
	char *owner, *node_id;
	struct subject subject;
	struct compaction_step step;
	uint64_t stop_seq;	     /* the record at which a purge stops */
	struct jetstream_call *call; /* of what is asked of the server */
	bool catching_up;
	void (*done)(void *context, enum compaction_kind kind, const struct error *error);
	void *context;
};

struct compaction {
	struct compaction_settings settings;
	struct run *first;
};

struct compaction_limits compaction_limits_from_options(void)
{
	struct projection_lifetimes lifetimes = projection_lifetimes_from_options();
	return (struct compaction_limits){
	    .retention_ms = lifetimes.retention_ms,
	    .idempotency_ms = lifetimes.idempotency_ms,
	    .tombstone_ms = lifetimes.tombstone_ms,
	    .snapshot_records = (uint32_t)option_number(OPTION_LOG_SNAPSHOT_RECORDS),
	};
}

struct compaction *compaction_new(const struct compaction_settings *settings)
{
	struct compaction *compaction = calloc(1, sizeof(*compaction));
	if (compaction == NULL)
		abort();
	compaction->settings = *settings;
	return compaction;
}

static void run_free(struct run *run)
{
	free(run->owner);
	free(run->node_id);
	free(run);
}

static void finish(struct run *run, enum compaction_kind kind, const struct error *error)
{
	struct run **link = &run->compaction->first;
	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	if (error != NULL)
		log_warning("compaction of %s: %s", run->subject.text, error->message);
	run->done(run->context, kind, error);
	run_free(run);
}

/* By the present state. */
static bool judge(struct run *run, uint64_t effects_floor, struct error *error)
{
	const struct compaction_settings *settings = &run->compaction->settings;
	struct arena *arena = arena_new();
	struct compactable found;
	bool read = projection_compactable(settings->projection, run->owner, run->node_id, arena, &found, error);
	run->step = (struct compaction_step){COMPACTION_NOTHING, 0};
	if (read && found.owner != NULL)
		run->step = compaction_judge(&found.facts, &settings->limits, projection_time(settings->projection),
					     effects_floor);
	if (run->step.kind == COMPACTION_REMOVE)
		run->stop_seq = found.facts.last_seq;
	else if (run->step.kind == COMPACTION_PURGE)
		run->stop_seq = found.facts.snapshot->first_seq;
	arena_free(arena);
	return read;
}

/* ---- a purge ---- */

static void on_purged(void *context, const struct jetstream_answer *answer)
{
	struct run *run = context;
	uint64_t purged;
	struct error error = {0};
	run->call = NULL;
	if (!log_purge_read(answer, &purged, &error)) {
		finish(run, COMPACTION_NOTHING, &error);
		return;
	}
	cutpoint(CUTPOINT_COMPACTION_PURGED);
	log_info("%llu records of %s below %llu are purged%s", (unsigned long long)purged, run->subject.text,
		 (unsigned long long)run->step.below_seq, run->step.kind == COMPACTION_REMOVE ? "; it is no more" : "");
	bool noted = projection_note_purged(run->compaction->settings.projection, run->owner, run->node_id,
					    run->step.below_seq, &error);
	finish(run, run->step.kind, noted ? NULL : &error);
}

static void on_looked(void *context, const struct jetstream_answer *answer)
{
	struct run *run = context;
	struct stored_message stored;
	struct error error = {0};
	run->call = NULL;
	if (stored_message_read(answer, &stored, &error) && (!stored.found || stored.seq != run->stop_seq))
		error_set(&error, ERROR_CONFLICT, "record %llu is not there, nothing is purged",
			  (unsigned long long)run->stop_seq);
	if (error.code != ERROR_NONE) {
		finish(run, COMPACTION_NOTHING, &error);
		return;
	}
	cutpoint(CUTPOINT_COMPACTION_BEFORE_PURGE);
	run->call = log_purge_ask(run->compaction->settings.work, run->subject.text, run->step.below_seq, ASK_MS,
				  on_purged, run);
}

static void on_floor(void *context, const struct jetstream_answer *answer)
{
	struct run *run = context;
	struct compaction_settings *settings = &run->compaction->settings;
	uint64_t floor;
	struct error error = {0};
	run->call = NULL;
	if (!log_floor_read(answer, &floor, &error) || !judge(run, floor, &error)) {
		finish(run, COMPACTION_NOTHING, &error);
		return;
	}
	if (run->step.kind != COMPACTION_PURGE && run->step.kind != COMPACTION_REMOVE) {
		finish(run, COMPACTION_NOTHING, NULL);
		return;
	}
	struct stored_message_query query = {STORED_NEXT_OF, run->stop_seq, run->subject.text};
	run->call = stored_message_ask(settings->work, LOG_STREAM, &query, ASK_MS, on_looked, run);
}

/* ---- what is to be done ---- */

static void on_snapshot(void *context, bool taken, const struct error *error)
{
	struct run *run = context;
	if (taken)
		log_info("a snapshot of %s is in the log", run->subject.text);
	finish(run, taken ? COMPACTION_SNAPSHOT : COMPACTION_NOTHING, error);
}

static void begin(struct run *run)
{
	struct compaction_settings *settings = &run->compaction->settings;
	struct error error = {0};
	if (!judge(run, UINT64_MAX, &error))
		finish(run, COMPACTION_NOTHING, &error);
	else if (run->step.kind == COMPACTION_NOTHING)
		finish(run, COMPACTION_NOTHING, NULL);
	else if (run->step.kind == COMPACTION_SNAPSHOT)
		snapshot_work_run(settings->pipeline, settings->projection, &settings->limits, run->owner, run->node_id,
				  on_snapshot, run);
	else
		run->call = log_floor_ask(settings->work, RECORD_FEED_CONSUMER, ASK_MS, on_floor, run);
}

static void on_caught_up(void *context, const struct error *error)
{
	struct run *run = context;
	run->catching_up = false;
	if (run->compaction == NULL)
		run_free(run);
	else if (error != NULL)
		finish(run, COMPACTION_NOTHING, error);
	else
		begin(run);
}

static bool under_way(const struct compaction *compaction, const char *subject)
{
	const struct run *run = compaction->first;
	while (run != NULL && strcmp(run->subject.text, subject) != 0)
		run = run->next;
	return run != NULL;
}

void compaction_run(struct compaction *compaction, const char *owner, const char *node_id,
		    void (*done)(void *context, enum compaction_kind kind, const struct error *error), void *context)
{
	struct subject subject =
	    node_id == NULL ? subject_event(owner, "owner", owner) : subject_event(owner, "node", node_id);
	if (under_way(compaction, subject.text)) {
		done(context, COMPACTION_NOTHING, NULL);
		return;
	}
	struct run *run = calloc(1, sizeof(*run));
	if (run == NULL)
		abort();
	run->compaction = compaction;
	run->owner = strdup(owner);
	run->node_id = node_id == NULL ? NULL : strdup(node_id);
	run->subject = subject;
	run->done = done;
	run->context = context;
	run->next = compaction->first;
	compaction->first = run;
	run->catching_up = true;
	projection_runner_catch_up(compaction->settings.runner, ASK_MS, on_caught_up, run);
}

void compaction_free(struct compaction *compaction)
{
	if (compaction == NULL)
		return;
	while (compaction->first != NULL) {
		struct run *run = compaction->first;
		compaction->first = run->next;
		jetstream_forget(run->call);
		run->compaction = NULL;
		if (!run->catching_up) /* else the runner still knows it */
			run_free(run);
	}
	free(compaction);
}
