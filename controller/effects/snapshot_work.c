/* Page by page: each is decided as soon as the one before it is in the log and projected, out of the rows
 * as they then are, and expects that one to be the aggregate's newest record. If it is not, somebody
 * else's record came in between, and the pages so far are void; the next run begins anew. */
#include "controller/effects/snapshot_work.h"

#include "bus/foundation/cutpoint.h"
#include "bus/foundation/limits.h"
#include "controller/domain/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_TIMEOUT_MS = 60 * 1000 };

struct snapshot_work {
	struct pipeline_work work; /* first: the pipeline gives it back */
	struct projection *projection;
	struct compaction_limits limits;
	char *owner, *node_id;
	char snapshot_id[27];
	uint32_t page;			     /* the next one */
	uint64_t stored_seq;		     /* of the one before it */
	struct snapshot_cursor cursor, next; /* where this page begins, and where it ends */
	void (*done)(void *context, bool taken, const struct error *error);
	void *context;
};

static struct decision *nothing(const struct decision_inputs *inputs)
{
	struct decision *decision = arena_new_of(inputs->arena, struct decision);
	decision->kind = DECISION_NOTHING;
	decision->certain = true;
	return decision;
}

static uint64_t version_of(const struct snapshot_work *work, const struct decision_inputs *inputs)
{
	const struct entity_store *store = inputs->store;
	if (work->node_id == NULL)
		return store->owner(store->context, work->owner, inputs->arena)->version;
	return store->node(store->context, work->node_id, inputs->arena)->version;
}

/* Whether this page still may follow what is there. */
static bool stands(const struct snapshot_work *work, const struct compactable *found)
{
	if (found->owner == NULL)
		return false;
	if (work->page > 0)
		return found->facts.last_seq == work->stored_seq;
	return compaction_judge(&found->facts, &work->limits, projection_time(work->projection), UINT64_MAX).kind ==
	       COMPACTION_SNAPSHOT;
}

static struct decision *decide(struct pipeline_work *pipeline_work, const struct decision_inputs *inputs)
{
	struct snapshot_work *work = (struct snapshot_work *)pipeline_work;
	struct decision *decision = nothing(inputs);
	struct compactable found;
	struct error error = {0};
	if (!projection_compactable(work->projection, work->owner, work->node_id, inputs->arena, &found, &error) ||
	    !stands(work, &found))
		return decision;
	work->next = work->cursor;
	Roost__Snapshot *page = projection_snapshot_page(work->projection, work->owner, work->node_id, &work->next,
							 SNAPSHOT_PAGE_BYTES_MAX, inputs->arena, &error);
	if (page == NULL)
		return decision;
	if (work->page == 0)
		snprintf(work->snapshot_id, sizeof(work->snapshot_id), "%s", inputs->record_id);
	page->snapshot_id = work->snapshot_id;
	page->has_page = true;
	page->page = work->page;
	decision->kind = DECISION_APPEND;
	decision->expected_last_seq = found.facts.last_seq;
	decision->again = !page->last;
	decision->record = snapshot_record(inputs, work->owner, work->node_id, version_of(work, inputs) + 1,
					   projection_time(work->projection), page);
	cutpoint(CUTPOINT_COMPACTION_BEFORE_PAGE);
	return decision;
}

/* A page is in the log and projected: the next one follows at once, in the same turn. */
static void page_stored(struct pipeline_work *pipeline_work)
{
	struct snapshot_work *work = (struct snapshot_work *)pipeline_work;
	work->page++;
	work->stored_seq = work->work.seq;
	work->cursor = work->next;
	arena_reset(work->work.arena);
	cutpoint(CUTPOINT_COMPACTION_PAGE_STORED);
}

static void done(struct pipeline_work *pipeline_work, const struct decision *decision, const struct error *error)
{
	struct snapshot_work *work = (struct snapshot_work *)pipeline_work;
	bool taken = error == NULL && decision->kind == DECISION_APPEND;
	if (taken)
		cutpoint(CUTPOINT_COMPACTION_SNAPSHOT_STORED);
	work->done(work->context, taken, error);
	arena_free(work->work.arena);
	free(work->owner);
	free(work->node_id);
	free(work);
}

void snapshot_work_run(struct pipeline *pipeline, struct projection *projection, const struct compaction_limits *limits,
		       const char *owner, const char *node_id,
		       void (*done_function)(void *context, bool taken, const struct error *error), void *context)
{
	struct snapshot_work *work = calloc(1, sizeof(*work));
	if (work == NULL)
		abort();
	work->projection = projection;
	work->limits = *limits;
	work->owner = strdup(owner);
	work->node_id = node_id == NULL ? NULL : strdup(node_id);
	work->done = done_function;
	work->context = context;
	work->work = (struct pipeline_work){
	    .arena = arena_new(),
	    .owner = work->owner,
	    .actor = "controller",
	    .cause = "compaction",
	    .deadline_ms = clock_monotonic_ms() + SNAPSHOT_TIMEOUT_MS,
	    .decide = decide,
	    .done = done,
	    .claimed = page_stored,
	};
	pipeline_run(pipeline, &work->work);
}
