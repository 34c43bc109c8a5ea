/* One run of some passes: finds, judges, acts within the budget, and tells what it found. Several may be
 * under way at once; what they act on twice is done once. Loop thread. */
#ifndef ROOST_SWEEPER_RUN_H
#define ROOST_SWEEPER_RUN_H

#include "sweeper/pass.h"

/* What came of a pass. */
struct pass_tally {
	uint32_t found;	      /* findings, of which: */
	uint32_t waiting;     /* a proof or the time was missing */
	uint32_t sent;	      /* went to the controllers, of which: */
	uint32_t acted;	      /* something was done */
	uint32_t refused;     /* could not be acted on; they are tried in the next run */
	struct error refusal; /* the first one */
	bool failed;	      /* the pass itself, wholly or on some node */
	struct error failure; /* the first one */
};

struct run_outcome {
	unsigned passes;
	struct pass_tally tallies[PASS_COUNT];
	Roost__SweepFinding **findings; /* as far as they were to be kept; gone when `done` returns */
	size_t finding_count;
};

struct run_settings {
	struct parts *parts;
	unsigned passes;
	const char *owner; /* whose things alone; NULL: everybody's. Copied */
	bool dry_run;	   /* shows what it would do, and does nothing */
	uint32_t findings_max;
	uint32_t node_timeout_ms; /* how long a node may be silent; 0: as long as with any call */
	void (*done)(void *context, const struct run_outcome *outcome);
	void *context;
};

/* NULL with an error while the sweeper's view is not to be trusted. `done` is called once, never before
 * this returns, unless the run is cancelled. */
struct run *run_start(const struct run_settings *settings, struct error *error);

/* Ends it here and now: `done` is called with what there is. What was sent takes its way. */
void run_end_now(struct run *run);

/* Ends it without a word. */
void run_cancel(struct run *run);

/* ---- for passes ---- */

struct parts *run_parts(struct run *run);

/* The one owner that the run is about; NULL for all. */
const char *run_owner(const struct run *run);

/* False when the node is not one of the run's. */
bool run_is_about(const struct run *run, const char *owner);

/* True when the pass may act on nothing more in this run, and nobody wants to know the rest. */
bool run_is_spent(const struct run *run, const struct pass *pass);

/* The i-th of a list, which each run begins elsewhere: what is in vain hides nothing for ever. */
size_t run_place(const struct run *run, size_t i, size_t count);

/* Takes a finding: to wait, to act on, or nothing. */
void run_found(struct run *run, const struct pass *pass, const struct found *found);

#endif
