/* The log on a real server stays bounded, and nothing is missed (design 3, "the log stays bounded"; D5, D15).
 * A random life of eighty days is appended; its times are those of the records, so days pass in
 * milliseconds. compaction_run does what is due. In the end projections that are made again, that were away
 * for days, and for too long, answer byte for byte as the one that saw everything. */
#include "controller/domain/snapshot.h"
#include "controller/effects/compaction.h"
#include "controller/effects/record_feed.h"
#include "tests/integration/log_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/random_steps.h"
#include "tests/unit/projection/projecting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 11 };

static const int64_t day_ms = 86400000;

static const struct compaction_limits limits = {
    .retention_ms = 7 * 86400000LL,
    .idempotency_ms = 7 * 86400000LL,
    .tombstone_ms = 30 * 86400000LL,
    .snapshot_records = 20,
};

/* A projection and the runner that keeps it up with the log. */
struct follower {
	struct projection *projection;
	struct projection_store inner;
	struct projection_runner *runner;
	int rebuilds;
};

static struct trial {
	struct log_fixture *fixture;
	char *folder;
	struct arena *arena;
	struct world *world;
	struct random_life life;
	size_t appended; /* records of the world that are in the log */
	struct follower grown;
	struct server_clock clock; /* of the pipeline: the world's time */
	struct pipeline *pipeline;
	struct compaction *compaction;
	int done[COMPACTION_REMOVE + 1];
	int errors;
	char last_error[ERROR_MESSAGE_MAX];
} * trial;

/* ---- followers ---- */

static bool position_of(void *context, struct projection_position *out, struct error *error)
{
	const struct follower *follower = context;
	return follower->inner.position(follower->inner.context, out, error);
}

static bool begin_in(void *context, struct error *error)
{
	const struct follower *follower = context;
	return follower->inner.begin(follower->inner.context, error);
}

/* What the world has not appended itself (pages of snapshots) it takes from here. */
static bool apply_to(void *context, const struct stored_record *record, struct error *error)
{
	const struct follower *follower = context;
	struct world *world = trial->world;
	if (record->seq > world->log_count) {
		struct decision decision = {.kind = DECISION_APPEND};
		assert_int_equal(record->seq, world->log_count + 1);
		arena_reset(world->step);
		decision.record = (Roost__Record *)protobuf_c_message_unpack(
		    &roost__record__descriptor, arena_allocator(world->step), record->data.size, record->data.data);
		world_take(world, &decision);
		trial->appended = world->log_count;
	}
	return follower->inner.apply(follower->inner.context, record, error);
}

static bool commit_to(void *context, const struct projection_position *position, struct error *error)
{
	const struct follower *follower = context;
	return follower->inner.commit(follower->inner.context, position, error);
}

static bool rebuild_it(void *context, const char *reason, struct error *error)
{
	struct follower *follower = context;
	follower->rebuilds++;
	return follower->inner.rebuild(follower->inner.context, reason, error);
}

static void nothing(void *context)
{
	(void)context;
}

static void failed(void *context, const struct error *error)
{
	(void)context;
	fail_msg("%s", error->message);
}

static bool is_up(void *context)
{
	const struct follower *follower = context;
	return projection_runner_caught_up(follower->runner) &&
	       projection_runner_applied_seq(follower->runner) >= trial->world->log_count;
}

static void follow(struct follower *follower, const char *file)
{
	struct error error = {0};
	*follower = (struct follower){.projection = open_in(trial->folder, file)};
	follower->inner = projection_runner_store(follower->projection);
	const struct projection_store store = {
	    .position = position_of,
	    .begin = begin_in,
	    .apply = apply_to,
	    .commit = commit_to,
	    .rebuild = rebuild_it,
	    .context = follower,
	    .absence_ms_max = follower->inner.absence_ms_max,
	};
	const struct projection_runner_events events = {.caught_up = nothing, .failed = failed};
	follower->runner =
	    projection_runner_start(trial->fixture->connection, &trial->fixture->clock, &store, &events, &error);
	if (follower->runner == NULL)
		fail_msg("%s", error.message);
	loop_until(&trial->fixture->loop, is_up, follower, PATIENCE_MS, "a projection that holds the log");
}

static void unfollow(struct follower *follower)
{
	projection_runner_stop(follower->runner);
	projection_close(follower->projection);
}

/* ---- the log ---- */

struct appending {
	bool done;
	struct append_result result;
};

static void on_appended(void *context, const struct append_result *result)
{
	struct appending *appending = context;
	appending->done = true;
	appending->result = *result;
}

static uint64_t last_seq_before(size_t index, const char *subject)
{
	while (index-- > 0)
		if (strcmp(subject_of(&trial->world->log[index], trial->arena).text, subject) == 0)
			return trial->world->log[index].seq;
	return 0;
}

/* An append expects the newest record of its subject; what was removed wholly leaves 0. */
static void append_what_is_new(void)
{
	for (; trial->appended < trial->world->log_count; trial->appended++) {
		const struct logged *logged = &trial->world->log[trial->appended];
		const struct subject subject = subject_of(logged, trial->arena);
		struct appending appending = {0};
		struct append_request request = {
		    .subject = subject.text,
		    .record_id = logged->record_id,
		    .expected_last_seq = last_seq_before(trial->appended, subject.text),
		    .record = {logged->data, logged->size},
		};
		log_append(trial->fixture->connection, &request, PATIENCE_MS / 2, on_appended, &appending);
		loop_until_true(&trial->fixture->loop, &appending.done, "an append");
		assert_int_equal(appending.result.outcome, APPEND_DONE);
		assert_int_equal(appending.result.seq, logged->seq);
	}
	loop_until(&trial->fixture->loop, is_up, &trial->grown, PATIENCE_MS, "our own records");
}

/* The effects' consumer, made anew so that it has acknowledged everything, or nothing. */
static void make_effects_consumer(const char *policy)
{
	json_decref(
	    log_fixture_api(trial->fixture, "$JS.API.CONSUMER.DELETE." LOG_STREAM "." RECORD_FEED_CONSUMER, NULL));
	json_t *made = log_fixture_api(trial->fixture, "$JS.API.CONSUMER.CREATE." LOG_STREAM "." RECORD_FEED_CONSUMER,
				       json_pack("{ss s{ss ss ss ss s[ss]}}", "stream_name", LOG_STREAM, "config",
						 "name", RECORD_FEED_CONSUMER, "durable_name", RECORD_FEED_CONSUMER,
						 "deliver_policy", policy, "ack_policy", "explicit", "filter_subjects",
						 "roost.evt.*.node.*", "roost.evt.*.owner.*"));
	assert_null(json_object_get(made, "error"));
	json_decref(made);
}

/* ---- compaction ---- */

static void on_compacted(void *context, enum compaction_kind kind, const struct error *error)
{
	trial->done[kind]++;
	trial->errors += error != NULL;
	if (error != NULL)
		snprintf(trial->last_error, sizeof(trial->last_error), "%s", error->message);
	*(bool *)context = true;
}

static void compact(const char *node_id)
{
	bool done = false;
	trial->clock = (struct server_clock){.known = true, .offset_ms = trial->world->now_ms - clock_monotonic_ms()};
	compaction_run(trial->compaction, trial->world->owner, node_id, on_compacted, &done);
	loop_until_true(&trial->fixture->loop, &done, "a compaction");
	loop_until(&trial->fixture->loop, is_up, &trial->grown, PATIENCE_MS, "pages of a snapshot");
}

static size_t compact_what_is_due(void)
{
	struct compactables due;
	struct error error = {0};
	assert_true(projection_compaction_due(trial->grown.projection, &limits, 100, trial->arena, &due, &error));
	for (size_t i = 0; i < due.count; i++)
		compact(due.items[i].node_id);
	return due.count;
}

static uint64_t records_in_the_log(void)
{
	json_t *info = log_fixture_api(trial->fixture, "$JS.API.STREAM.INFO." LOG_STREAM, NULL);
	uint64_t records = (uint64_t)json_integer_value(json_object_get(json_object_get(info, "state"), "messages"));
	json_decref(info);
	return records;
}

/* ---- the life ---- */

static int setup(void **state)
{
	(void)state;
	trial = calloc(1, sizeof(*trial));
	trial->fixture = log_fixture_start(NULL, NULL);
	log_fixture_ensure(trial->fixture);
	trial->folder = make_folder();
	trial->arena = arena_new();
	trial->world = world_new();
	trial->world->now_ms = server_clock_now_ms(&trial->fixture->clock) - 80 * day_ms;
	trial->world->limits.idempotency_ms = 10000 * day_ms; /* the steps compare answers for ever */
	make_effects_consumer("new");
	follow(&trial->grown, "grown.db");
	const struct pipeline_settings way = {
	    .work = trial->fixture->connection,
	    .projection = trial->grown.projection,
	    .runner = trial->grown.runner,
	    .clock = &trial->clock,
	};
	trial->pipeline = pipeline_new(&way);
	const struct compaction_settings settings = {
	    .work = trial->fixture->connection,
	    .projection = trial->grown.projection,
	    .runner = trial->grown.runner,
	    .pipeline = trial->pipeline,
	    .limits = limits,
	};
	trial->compaction = compaction_new(&settings);
	random_life_begin(&trial->life, trial->world, SEED);
	append_what_is_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	compaction_free(trial->compaction);
	unfollow(&trial->grown);
	pipeline_free(trial->pipeline);
	random_life_end(&trial->life);
	world_free(trial->world);
	arena_free(trial->arena);
	log_fixture_stop(trial->fixture);
	remove_folder(trial->folder);
	free(trial);
	return 0;
}

static void a_node_goes(void)
{
	struct world *world = trial->world;
	Roost__DeleteNodeRequest request = ROOST__DELETE_NODE_REQUEST__INIT;
	request.id = trial->life.nodes[1];
	request.has_confirm = request.has_abandon = request.confirm = request.abandon = true;
	world_take(world, decide_delete_node(world_inputs(world), &request));
	world_take(world, decide_release_node(world_inputs(world), trial->life.nodes[1]));
	trial->life.nodes[1] = world_make_node(world, "another");
}

/* Lives until so many days before now. */
static void live_until(int days_before_now)
{
	struct world *world = trial->world;
	int64_t end = server_clock_now_ms(&trial->fixture->clock) - days_before_now * day_ms;
	for (int step = 0; world->now_ms < end; step++) {
		random_step(&trial->life);
		world->now_ms += step % 5 == 0 ? day_ms / 2 : 60000;
		if (step % 100 == 50)
			a_node_goes();
		append_what_is_new();
		if (step % 10 == 0) {
			make_effects_consumer("new");
			compact_what_is_due();
		}
		arena_reset(trial->arena);
	}
}

static void assert_answers_alike(struct follower *other)
{
	struct bytes expected = answers(trial->grown.projection, trial->world->owner, trial->arena);
	struct bytes got = answers(other->projection, trial->world->owner, trial->arena);
	assert_int_equal(projection_time(trial->grown.projection), projection_time(other->projection));
	assert_int_equal(got.size, expected.size);
	assert_memory_equal(got.data, expected.data, got.size);
}

/* Follows with the file of a projection that ended some time ago. */
static int come_back(const char *file)
{
	struct follower away;
	follow(&away, file);
	assert_answers_alike(&away);
	unfollow(&away);
	return away.rebuilds;
}

static void leave(const char *file)
{
	struct follower away;
	follow(&away, file);
	unfollow(&away);
}

/* An event's cursor of before holds for a projection that is made of what is left. */
static void read_on(struct projection *first, struct projection *then)
{
	const struct event_filter all = {.ascending = true};
	struct event_page begun, went_on, whole;
	struct error error = {0};
	const char *owner = trial->world->owner;
	assert_true(projection_list_events(first, owner, &all, 3, NULL, trial->arena, &begun, &error));
	assert_true(projection_list_events(first, owner, &all, 20, NULL, trial->arena, &whole, &error));
	assert_true(projection_list_events(then, owner, &all, 17, begun.next_cursor, trial->arena, &went_on, &error));
	assert_int_equal(begun.count + went_on.count, whole.count);
	for (size_t i = 0; i < went_on.count; i++)
		assert_string_equal(went_on.items[i]->id, whole.items[3 + i]->id);
}

static void test_whoever_comes_late_finds_everything(void **state)
{
	(void)state;
	struct follower late;
	live_until(45);
	leave("forty-five.db");
	live_until(20);
	leave("twenty.db");
	world_make_node(trial->world, "quiet"); /* whose few records nothing ever compacts */
	append_what_is_new();
	leave("nineteen.db");
	live_until(0);
	make_effects_consumer("new");
	compact_what_is_due();
	print_message("%zu records were appended, %llu are left; %d snapshots, %d purges, %d nodes removed\n",
		      trial->world->log_count, (unsigned long long)records_in_the_log(),
		      trial->done[COMPACTION_SNAPSHOT], trial->done[COMPACTION_PURGE], trial->done[COMPACTION_REMOVE]);
	assert_int_equal(trial->errors, 0);
	assert_true(trial->done[COMPACTION_SNAPSHOT] > 5 && trial->done[COMPACTION_PURGE] > 3 &&
		    trial->done[COMPACTION_REMOVE] > 0);
	assert_true(records_in_the_log() < trial->world->log_count / 2);

	follow(&late, "late.db");
	assert_answers_alike(&late);
	read_on(trial->grown.projection, late.projection);
	unfollow(&late);
	assert_int_equal(come_back("forty-five.db"), 1);
	come_back("twenty.db"); /* made again when its last record is gone */
	assert_int_equal(come_back("nineteen.db"), 0);
}

/* ---- what must not be purged ---- */

static const char *a_compactable_node(void)
{
	live_until(60);
	struct compactable found;
	struct error error = {0};
	const char *node = trial->life.nodes[0];
	assert_true(
	    projection_compactable(trial->grown.projection, trial->world->owner, node, trial->arena, &found, &error));
	assert_true(found.facts.snapshot->first_seq > 0);
	/* Something on another aggregate makes the time pass. */
	trial->world->now_ms += 9 * day_ms;
	world_make_node(trial->world, "clock");
	append_what_is_new();
	return node;
}

static void test_records_whose_effects_are_not_done_stay(void **state)
{
	(void)state;
	const char *node = a_compactable_node();
	make_effects_consumer("all"); /* and nobody acknowledges */
	uint64_t before = records_in_the_log();
	int purges = trial->done[COMPACTION_PURGE];
	compact(node);
	assert_int_equal(trial->done[COMPACTION_PURGE], purges);
	assert_int_equal(records_in_the_log(), before);
	make_effects_consumer("new");
	compact(node);
	assert_int_equal(trial->done[COMPACTION_PURGE], purges + 1);
	assert_true(records_in_the_log() < before);
	compact(node); /* again: nothing is left to do */
	assert_int_equal(trial->done[COMPACTION_PURGE], purges + 1);
	assert_int_equal(trial->errors, 0);
}

static void test_nothing_is_purged_when_the_snapshot_is_not_where_it_should_be(void **state)
{
	(void)state;
	const char *node = a_compactable_node();
	struct compactable found;
	struct error error = {0};
	assert_true(
	    projection_compactable(trial->grown.projection, trial->world->owner, node, trial->arena, &found, &error));
	make_effects_consumer("new");
	json_decref(log_fixture_api(trial->fixture, "$JS.API.STREAM.MSG.DELETE." LOG_STREAM,
				    json_pack("{sI}", "seq", (json_int_t)found.facts.snapshot->first_seq)));
	uint64_t before = records_in_the_log();
	compact(node);
	assert_int_equal(records_in_the_log(), before);
	assert_int_equal(trial->errors, 1);
	assert_non_null(strstr(trial->last_error, "nothing is purged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_whoever_comes_late_finds_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_records_whose_effects_are_not_done_stay, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nothing_is_purged_when_the_snapshot_is_not_where_it_should_be, setup,
					    teardown),
	};
	return cmocka_run_group_tests_name("compaction", tests, NULL, NULL);
}
