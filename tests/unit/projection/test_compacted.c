/* A projection from a compacted log answers byte for byte as one that saw everything (design 3, "the log
 * stays bounded"). Random lives over weeks; snapshots in small pages, some broken off or broken into; purges
 * and removed tombstones by compaction_judge; projections that were away for days and come back. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_steps.h"
#include "tests/unit/projection/projecting.h"

#include "controller/domain/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES = 12, STEPS = 330, PAGE_BYTES = 900, AGGREGATES_MAX = 64 };

static const int64_t hour_ms = 3600000, day_ms = 86400000;

static const struct compaction_limits limits = {
    .retention_ms = 7 * 86400000LL,
    .idempotency_ms = 7 * 86400000LL,
    .tombstone_ms = 30 * 86400000LL,
    .snapshot_records = 12,
};

static struct trial {
	char *folder;
	struct arena *arena;
	struct random_life life;
	struct world *world;
	struct projection *grown; /* saw everything */
	size_t fed;		  /* records of the log that it has */
	struct projection *away;
	size_t away_fed;
	bool gone[16384]; /* records that the log no longer has */
	uint64_t random;
	bool eager; /* purges at once: a snapshot holds all that is needed of what was before it */
	struct {
		unsigned snapshots, pages, voided, purged, removed, rebuilt, returned, expired;
	} seen;
} * trial;

static unsigned draw(unsigned below)
{
	trial->random = trial->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(trial->random >> 33) % below;
}

/* Applies what the log still has of [from, to), in transactions of some size. */
static void feed_rest(struct projection *projection, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t end = i;
		while (end < to && !trial->gone[end] && end - i < 40)
			end++;
		if (end > i)
			feed(projection, trial->world, i, end);
		i = end > i ? end - 1 : i;
	}
}

static void catch_up(void)
{
	feed_rest(trial->grown, trial->fed, trial->world->log_count);
	trial->fed = trial->world->log_count;
}

/* ---- compaction, as the controller does it ---- */

static struct compactable find(const char *node_id)
{
	struct compactable found;
	struct error error = {0};
	assert_true(projection_compactable(trial->grown, trial->world->owner, node_id, trial->arena, &found, &error));
	return found;
}

static uint64_t version_of(const char *node_id, struct arena *arena)
{
	const struct entity_store *store = projection_entities(trial->grown);
	return node_id != NULL ? store->node(store->context, node_id, arena)->version
			       : store->owner(store->context, trial->world->owner, arena)->version;
}

/* False when somebody else's record came before this page. */
static bool take_page(const char *node_id, struct snapshot_cursor *cursor, uint32_t number, const char *snapshot_id,
		      uint64_t expected, bool *last)
{
	struct world *world = trial->world;
	struct error error = {0};
	if (find(node_id).facts.last_seq != expected)
		return false;
	struct decision_inputs *inputs = world_inputs(world);
	struct decision decision = {.kind = DECISION_APPEND, .expected_last_seq = expected};
	Roost__Snapshot *page =
	    projection_snapshot_page(trial->grown, world->owner, node_id, cursor, PAGE_BYTES, inputs->arena, &error);
	assert_non_null(page);
	*last = page->last;
	page->snapshot_id = snapshot_id;
	page->has_page = true;
	page->page = number;
	decision.record = snapshot_record(inputs, world->owner, node_id, version_of(node_id, inputs->arena) + 1,
					  projection_time(trial->grown), page);
	assert_true(protobuf_c_message_get_packed_size(&decision.record->base) < PAGE_BYTES * 2 + 4000);
	world_take(world, &decision);
	catch_up();
	trial->seen.pages++;
	return true;
}

static bool is_of(const struct logged *logged, const char *node_id, struct arena *arena)
{
	const struct subject subject = subject_of(logged, arena);
	const struct subject wanted = node_id != NULL
					  ? subject_event(trial->world->owner, "node", node_id)
					  : subject_event(trial->world->owner, "owner", trial->world->owner);
	return strcmp(subject.text, wanted.text) == 0;
}

static void purge(const char *node_id, uint64_t below_seq)
{
	struct arena *arena = arena_new();
	struct error error = {0};
	for (size_t i = 0; i < trial->world->log_count && trial->world->log[i].seq < below_seq; i++) {
		if (trial->gone[i] || !is_of(&trial->world->log[i], node_id, arena))
			continue;
		trial->gone[i] = true;
		trial->seen.purged++;
	}
	assert_true(projection_note_purged(trial->grown, trial->world->owner, node_id, below_seq, &error));
	arena_free(arena);
}

static void take_snapshot(const char *node_id)
{
	struct snapshot_cursor cursor = {0};
	const char *id = world_id(trial->world);
	bool last = false;
	for (uint32_t number = 0; !last; number++) {
		uint64_t expected = find(node_id).facts.last_seq;
		if (number > 0 && draw(20) == 0) { /* its controller dies, or another one changes something */
			random_step(&trial->life);
			catch_up();
		}
		if ((number > 0 && draw(60) == 0) || !take_page(node_id, &cursor, number, id, expected, &last)) {
			trial->seen.voided++;
			return;
		}
	}
	trial->seen.snapshots++;
	struct compaction_facts facts = find(node_id).facts;
	assert_int_equal(facts.snapshot->records_since, 0);
	if (trial->eager)
		purge(node_id, facts.snapshot->first_seq);
}

static void compact(const char *node_id)
{
	struct compactable found = find(node_id);
	if (found.owner == NULL)
		return;
	uint64_t floor = draw(4) == 0 ? found.facts.last_seq / 2 : UINT64_MAX;
	struct compaction_step step = compaction_judge(&found.facts, &limits, projection_time(trial->grown), floor);
	if (step.kind == COMPACTION_SNAPSHOT)
		take_snapshot(node_id);
	else if (step.kind != COMPACTION_NOTHING)
		purge(node_id, step.below_seq);
	trial->seen.removed += step.kind == COMPACTION_REMOVE;
}

/* What the sweeper is told of is exactly what the judgement says of each one. */
static void compact_what_is_due(void)
{
	struct compactables due;
	struct error error = {0};
	assert_true(projection_compaction_due(trial->grown, &limits, AGGREGATES_MAX, trial->arena, &due, &error));
	for (size_t i = 0; i < due.count; i++)
		compact(due.items[i].node_id);
}

/* ---- the comparison ---- */

static void assert_same(struct bytes left, struct bytes right)
{
	assert_int_equal(left.size, right.size);
	assert_memory_equal(left.data, right.data, left.size);
}

/* By id: a session is there until its time is over, and with it its workspace's. */
static void assert_same_things(struct projection *other)
{
	const struct random_life *life = &trial->life;
	const char *owner = trial->world->owner;
	for (size_t i = 0; i < life->session_count; i++) {
		bool here = projection_session(trial->grown, owner, life->sessions[i], trial->arena, NULL) != NULL;
		assert_int_equal(here, projection_session(other, owner, life->sessions[i], trial->arena, NULL) != NULL);
		const Roost__SessionState *session = world_session(trial->world, life->sessions[i]);
		const Roost__WorkspaceState *workspace = world_workspace(trial->world, session->resource->workspace_id);
		int64_t floor = projection_time(trial->grown) / hour_ms * hour_ms - limits.tombstone_ms;
		bool over = session->resource->has_stopped_at && session->resource->stopped_at < floor;
		assert_int_equal(here, !over && workspace->resource->status != ROOST__WORKSPACE__STATUS__DELETED);
		trial->seen.expired += over;
	}
}

static void compare_fresh(void)
{
	struct projection *fresh = open_in(trial->folder, "fresh.db");
	struct projection_store store = projection_runner_store(fresh);
	struct error error = {0};
	assert_true(store.rebuild(store.context, "the test says so", &error));
	feed_rest(fresh, 0, trial->world->log_count);
	assert_int_equal(projection_time(fresh), projection_time(trial->grown));
	assert_same(answers(trial->grown, trial->world->owner, trial->arena),
		    answers(fresh, trial->world->owner, trial->arena));
	assert_same_things(fresh);
	projection_close(fresh);
}

/* The runner's rules: after more than the tombstones' time it is made again, and when its last record is
 * gone. */
static void bring_back(void)
{
	struct projection_store store = projection_runner_store(trial->away);
	struct error error = {0};
	if (projection_time(trial->grown) - projection_time(trial->away) > limits.tombstone_ms ||
	    (trial->away_fed > 0 && trial->gone[trial->away_fed - 1] && draw(2) == 0)) {
		assert_true(store.rebuild(store.context, "it was away for too long", &error));
		trial->away_fed = 0;
		trial->seen.rebuilt++;
	}
	feed_rest(trial->away, trial->away_fed, trial->world->log_count);
	trial->away_fed = trial->world->log_count;
	assert_same(answers(trial->grown, trial->world->owner, trial->arena),
		    answers(trial->away, trial->world->owner, trial->arena));
	trial->seen.returned++;
}

/* ---- lives ---- */

static void node_of_the_life_goes(void)
{
	struct world *world = trial->world;
	const char *node = trial->life.nodes[1];
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = node;
	request.has_confirm = request.has_abandon = request.confirm = request.abandon = true;
	world_take(world, decide_delete_node(world_inputs(world), &request));
	assert_int_equal(world_node(world, node)->resource->status, ROOST__NODE__STATUS__DELETED);
	if (draw(3) > 0)
		world_take(world, decide_release_node(world_inputs(world), node));
	trial->life.nodes[1] = world_make_node(world, "another");
	catch_up();
}

static void live_a_step(int step)
{
	random_step(&trial->life);
	trial->world->now_ms += draw(20) == 0 ? 3 * day_ms : (int64_t)draw(8) * hour_ms / 2;
	catch_up();
	if (step % 90 == 60)
		node_of_the_life_goes();
	if (draw(4) == 0)
		compact_what_is_due();
	if (draw(60) == 0)
		compare_fresh();
	if (draw(50) == 0)
		bring_back();
	arena_reset(trial->arena);
}

static void begin(uint64_t seed)
{
	trial = calloc(1, sizeof(*trial));
	assert_non_null(trial);
	trial->folder = make_folder();
	trial->arena = arena_new();
	trial->random = seed;
	trial->eager = seed % 3 == 0;
	trial->world = world_new();
	trial->world->limits.idempotency_ms = 10000 * day_ms; /* the steps compare answers for ever */
	random_life_begin(&trial->life, trial->world, seed);
	trial->grown = open_in(trial->folder, "grown.db");
	trial->away = open_in(trial->folder, "away.db");
}

static void end(void)
{
	random_life_end(&trial->life);
	projection_close(trial->grown);
	projection_close(trial->away);
	world_free(trial->world);
	arena_free(trial->arena);
	remove_folder(trial->folder);
	free(trial);
}

static void test_a_compacted_log_tells_the_same_as_the_whole(void **state)
{
	(void)state;
	unsigned snapshots = 0, pages = 0, voided = 0, purged = 0, removed = 0, rebuilt = 0, returned = 0, expired = 0;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		begin(seed);
		for (int i = 0; i < STEPS; i++)
			live_a_step(i);
		compare_fresh();
		bring_back();
		snapshots += trial->seen.snapshots;
		pages += trial->seen.pages;
		voided += trial->seen.voided;
		purged += trial->seen.purged;
		removed += trial->seen.removed;
		rebuilt += trial->seen.rebuilt;
		returned += trial->seen.returned;
		expired += trial->seen.expired;
		end();
	}
	print_message("%u snapshots of %u pages, %u void; %u records purged, %u tombstones removed; back %u times, "
		      "%u of them made again; %u looks at what had expired\n",
		      snapshots, pages, voided, purged, removed, returned, rebuilt, expired);
	assert_true(snapshots > 20 && pages > 2 * snapshots && voided > 5 && purged > 500 && removed > 3);
	assert_true(expired > 4 && returned > 20 && rebuilt > 2 && rebuilt < returned / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_compacted_log_tells_the_same_as_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
