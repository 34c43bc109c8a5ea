/* Aggregates whose subject of the log can be made shorter, by the rules that the controllers use. What has
 * been purged shows in no record, so this witness notes for itself what it has had purged. */
#include "sweeper/run.h"

enum { AGGREGATES_PER_RUN = 1000 };

static struct sweep_judgement judge(const struct compaction_step *step, const struct compaction_facts *facts)
{
	struct sweep_judgement judgement = {.verdict = SWEEP_ACT, .since_ms = (int64_t)facts->last_seq};
	switch (step->kind) {
	case COMPACTION_SNAPSHOT:
		judgement.reason = "Many records have come since the last snapshot.";
		judgement.next_step = "A snapshot is appended.";
		break;
	case COMPACTION_PURGE:
		judgement.reason = "A snapshot has made older records dispensable.";
		judgement.next_step = "They are purged from the log.";
		break;
	case COMPACTION_REMOVE:
		judgement.reason = "The node was deleted long ago.";
		judgement.next_step = "Its last records are purged from the log.";
		break;
	default:
		judgement.verdict = SWEEP_NOTHING;
		break;
	}
	return judgement;
}

static bool look_at(struct run *run, const struct pass *pass, const struct compactable *due, struct arena *arena,
		    struct error *error)
{
	struct parts *parts = run_parts(run);
	struct compactable now;
	if (!projection_compactable(parts->projection, due->owner, due->node_id, arena, &now, error))
		return false;
	struct compaction_step step = {COMPACTION_NOTHING, 0};
	if (now.owner != NULL)
		step = compaction_judge(&now.facts, &parts->compaction, projection_time(parts->projection), UINT64_MAX);
	run_found(run, pass,
		  &(struct found){
		      .judgement = judge(&step, &now.facts),
		      .owner = due->owner,
		      .node_id = due->node_id,
		      .purges_below = step.below_seq,
		  });
	return true;
}

bool find_compaction(struct run *run, const struct pass *pass, struct error *error)
{
	struct parts *parts = run_parts(run);
	struct arena *arena = arena_new();
	struct compactables due = {0};
	bool good =
	    projection_compaction_due(parts->projection, &parts->compaction, AGGREGATES_PER_RUN, arena, &due, error);
	for (size_t i = 0; good && i < due.count && !run_is_spent(run, pass); i++) {
		const struct compactable *item = &due.items[run_place(run, i, due.count)];
		if (run_is_about(run, item->owner))
			good = look_at(run, pass, item, arena, error);
	}
	arena_free(arena);
	return good;
}
