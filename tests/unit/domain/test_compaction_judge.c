/* When an aggregate's subject is snapshot, purged and removed (design 3: "the log stays bounded"). */
#include "controller/domain/compaction.h"
#include "tests/unit/cmocka_all.h"

static const int64_t day = 86400000, hour = 3600000;
static const int64_t now = 1000 * 86400000LL;

static const struct compaction_limits limits = {
    .retention_ms = 7 * 86400000LL,
    .idempotency_ms = 7 * 86400000LL,
    .tombstone_ms = 30 * 86400000LL,
    .snapshot_records = 1000,
};

static Roost__SnapshotState snapshot_of(uint64_t first_seq, int64_t taken_at, uint32_t records_since, uint32_t pages)
{
	Roost__SnapshotState snapshot = ROOST__SNAPSHOT_STATE__INIT;
	snapshot.has_first_seq = snapshot.has_taken_at = snapshot.has_records_since = snapshot.has_pages = true;
	snapshot.first_seq = first_seq;
	snapshot.taken_at = taken_at;
	snapshot.records_since = records_since;
	snapshot.pages = pages;
	return snapshot;
}

static void expect(const struct compaction_facts *facts, uint64_t floor, enum compaction_kind kind, uint64_t below)
{
	struct compaction_step step = compaction_judge(facts, &limits, now, floor);
	assert_int_equal(step.kind, kind);
	assert_int_equal(step.below_seq, below);
}

static void test_a_snapshot_is_taken_after_so_many_records_and_costs_no_more_than_they_did(void **state)
{
	(void)state;
	Roost__SnapshotState snapshot = snapshot_of(0, 0, 999, 0);
	struct compaction_facts facts = {.last_seq = 5000, .snapshot = &snapshot};
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	snapshot.records_since = 1000;
	expect(&facts, UINT64_MAX, COMPACTION_SNAPSHOT, 0);
	snapshot = snapshot_of(2000, now - day, 2999, 3);
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	snapshot.records_since = 3000;
	expect(&facts, UINT64_MAX, COMPACTION_SNAPSHOT, 0);
	snapshot.has_incomplete = snapshot.incomplete = true; /* a record was missed here: others know better */
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	facts.snapshot = NULL;
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
}

static void test_a_purge_waits_for_events_and_keys_and_stops_at_the_snapshot(void **state)
{
	(void)state;
	Roost__SnapshotState snapshot = snapshot_of(2000, now - 7 * day - hour + 1, 10, 1);
	struct compaction_facts facts = {.last_seq = 5000, .snapshot = &snapshot};
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	snapshot.taken_at -= 1;
	expect(&facts, UINT64_MAX, COMPACTION_PURGE, 2000);
	facts.purged_seq = 2000;
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);

	/* Keys that live longer than events hold it back as well. */
	struct compaction_limits longer = limits;
	facts.purged_seq = 0;
	longer.idempotency_ms = 20 * day;
	assert_int_equal(compaction_judge(&facts, &longer, now, UINT64_MAX).kind, COMPACTION_NOTHING);
}

static void test_nothing_goes_whose_effect_is_not_done(void **state)
{
	(void)state;
	Roost__SnapshotState snapshot = snapshot_of(2000, now - 9 * day, 10, 1);
	struct compaction_facts facts = {.last_seq = 5000, .snapshot = &snapshot};
	expect(&facts, 0, COMPACTION_NOTHING, 0);
	expect(&facts, 1998, COMPACTION_NOTHING, 0);
	expect(&facts, 1999, COMPACTION_PURGE, 2000);
}

static void test_a_new_snapshot_waits_for_the_purge_of_the_last_one(void **state)
{
	(void)state;
	Roost__SnapshotState snapshot = snapshot_of(2000, now - 9 * day, 5000, 1);
	struct compaction_facts facts = {.last_seq = 9000, .snapshot = &snapshot};
	expect(&facts, UINT64_MAX, COMPACTION_PURGE, 2000);
	facts.purged_seq = 2000;
	expect(&facts, UINT64_MAX, COMPACTION_SNAPSHOT, 0);
}

static void test_a_tombstone_is_one_snapshot_after_retention_and_goes_after_its_time(void **state)
{
	(void)state;
	Roost__SnapshotState snapshot = snapshot_of(0, 0, 3, 0);
	struct compaction_facts facts = {.last_seq = 50, .snapshot = &snapshot, .deleted = true};
	facts.deleted_ms = now - 7 * day;
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	facts.deleted_ms = now - 8 * day;
	expect(&facts, UINT64_MAX, COMPACTION_SNAPSHOT, 0);
	snapshot = snapshot_of(51, now, 0, 1);
	facts.last_seq = 51;
	expect(&facts, UINT64_MAX, COMPACTION_PURGE, 51);
	facts.purged_seq = 51;
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	facts.deleted_ms = now - 30 * day - hour;
	expect(&facts, UINT64_MAX, COMPACTION_REMOVE, 52);
	expect(&facts, 50, COMPACTION_NOTHING, 0);
	facts.purged_seq = 52;
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
	facts.purged_seq = 51;
	facts.in_roster = true; /* or its claim would be completed, and the node made once more */
	expect(&facts, UINT64_MAX, COMPACTION_NOTHING, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_snapshot_is_taken_after_so_many_records_and_costs_no_more_than_they_did),
	    cmocka_unit_test(test_a_purge_waits_for_events_and_keys_and_stops_at_the_snapshot),
	    cmocka_unit_test(test_nothing_goes_whose_effect_is_not_done),
	    cmocka_unit_test(test_a_new_snapshot_waits_for_the_purge_of_the_last_one),
	    cmocka_unit_test(test_a_tombstone_is_one_snapshot_after_retention_and_goes_after_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
