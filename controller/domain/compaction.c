/* A subject is purged up to the first page of a complete snapshot, and only when nothing older than that
 * page is needed any more: events by retention, keys by their own lifetime. Of a deleted node nothing
 * comes after the deletion, so its age counts instead of the snapshot's. */
#include "controller/domain/compaction.h"

static int64_t later(int64_t left, int64_t right)
{
	return left > right ? left : right;
}

static int64_t dispensable_after(const struct compaction_limits *limits)
{
	return later(limits->retention_ms, limits->idempotency_ms) + COMPACTION_MARGIN_MS;
}

/* Who has missed a record must not make others forget it.
 * A snapshot costs about as much as the records that made it due: each page of the last one must have
 * had its records before the next is taken. */
static bool snapshot_is_due(const Roost__SnapshotState *snapshot, const struct compaction_limits *limits)
{
	uint64_t pages = snapshot == NULL || snapshot->pages == 0 ? 1 : snapshot->pages;
	return snapshot != NULL && !snapshot->incomplete && snapshot->records_since >= pages * limits->snapshot_records;
}

static struct compaction_step purge_below(uint64_t seq, const struct compaction_facts *facts, uint64_t effects_floor)
{
	if (seq <= facts->purged_seq || seq <= 1 || effects_floor < seq - 1)
		return (struct compaction_step){COMPACTION_NOTHING, 0};
	return (struct compaction_step){COMPACTION_PURGE, seq};
}

static struct compaction_step judge_deleted(const struct compaction_facts *facts,
					    const struct compaction_limits *limits, int64_t now_ms,
					    uint64_t effects_floor)
{
	int64_t age_ms = now_ms - facts->deleted_ms, keep_ms = dispensable_after(limits);
	const Roost__SnapshotState *snapshot = facts->snapshot;
	bool forgotten = age_ms >= later(limits->tombstone_ms + COMPACTION_MARGIN_MS, keep_ms);
	if (facts->purged_seq > facts->last_seq)
		return (struct compaction_step){COMPACTION_NOTHING, 0};
	if (forgotten && !facts->in_roster && effects_floor >= facts->last_seq)
		return (struct compaction_step){COMPACTION_REMOVE, facts->last_seq + 1};
	if (age_ms < keep_ms || snapshot == NULL)
		return (struct compaction_step){COMPACTION_NOTHING, 0};
	if (snapshot->records_since > 0)
		return (struct compaction_step){snapshot->incomplete ? COMPACTION_NOTHING : COMPACTION_SNAPSHOT, 0};
	return purge_below(snapshot->first_seq, facts, effects_floor);
}

struct compaction_step compaction_judge(const struct compaction_facts *facts, const struct compaction_limits *limits,
					int64_t now_ms, uint64_t effects_floor)
{
	const Roost__SnapshotState *snapshot = facts->snapshot;
	struct compaction_step nothing = {COMPACTION_NOTHING, 0};
	if (facts->deleted)
		return judge_deleted(facts, limits, now_ms, effects_floor);
	if (snapshot != NULL && snapshot->first_seq > 0 && now_ms - snapshot->taken_at >= dispensable_after(limits)) {
		struct compaction_step purge = purge_below(snapshot->first_seq, facts, effects_floor);
		if (purge.kind != COMPACTION_NOTHING)
			return purge;
	}
	return snapshot_is_due(snapshot, limits) ? (struct compaction_step){COMPACTION_SNAPSHOT, 0} : nothing;
}
