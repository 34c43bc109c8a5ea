/* Replaying a log into a fresh projection, against SQLite alone writing the same rows in batches of the
 * same size: the rows are read back from the projection that the replay made. Also loads of a full node
 * and point queries. usage: bench_replay_projection [records] */
#include "bus/foundation/clock.h"
#include "controller/domain/decision.h"
#include "controller/projection/projection.h"
#include "tests/bench/generated_log.h"
#include "tests/bench/sqlite_floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORDS_PER_TRANSACTION = 1000, RUNS = 3 };

static const struct generated_log *generated;
static const struct projection_lifetimes lifetimes = {7 * 86400000LL, 7 * 86400000LL, 30 * 86400000LL};

static void die(const char *what)
{
	fprintf(stderr, "bench_replay_projection: %s\n", what);
	exit(1);
}

static double replay(const char *path)
{
	struct error error = {0};
	struct projection_position position = {.log_id = "01J00000000000000000000000", .log_epoch = 1};
	sqlite_floor_remove(path);
	struct projection *projection = projection_open(path, &lifetimes, &error);
	if (projection == NULL)
		die(error.message);
	struct projection_store store = projection_runner_store(projection);
	int64_t begun = clock_monotonic_ns();
	for (size_t i = 0; i < generated->count; i++) {
		const struct generated *record = &generated->records[i];
		char subject[96];
		snprintf(subject, sizeof(subject), "roost.evt.alice.node.%s", generated->node_ids[record->node]);
		struct stored_record stored = {
		    .seq = i + 1, .subject = subject, .record_id = record->id, .data = {record->data, record->size}};
		if (i % RECORDS_PER_TRANSACTION == 0 && !store.begin(store.context, &error))
			die(error.message);
		if (!store.apply(store.context, &stored, &error))
			die(error.message);
		position.applied_seq = i + 1;
		if (((i + 1) % RECORDS_PER_TRANSACTION == 0 || i + 1 == generated->count) &&
		    !store.commit(store.context, &position, &error))
			die(error.message);
	}
	double seconds = (double)(clock_monotonic_ns() - begun) / 1e9;
	struct projection_counts counts;
	if (!projection_counts(projection, &counts, &error) || counts.skipped > 0 || counts.undecodable > 0)
		die("the records did not apply");
	projection_close(projection);
	return seconds;
}

static int by_value(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return a < b ? -1 : a > b;
}

static double median_us(int64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), by_value);
	int64_t median = samples[count / 2];
	return (double)median / 1e3;
}

/* The first pass warms SQLite's pages; our own cache holds no workspace that the second one asks for by
 * node, and all that it asks for by id. */
static void measure_queries(const char *path)
{
	struct error error = {0};
	struct projection *projection = projection_open(path, &lifetimes, &error);
	struct arena *arena = arena_new();
	int64_t loads[2][GENERATED_NODES], points[2][GENERATED_NODES * GENERATED_WORKSPACES_PER_NODE];
	size_t point_count = 0;
	if (projection == NULL)
		die(error.message);
	const struct entity_store *store = projection_entities(projection);
	for (int pass = 0; pass < 2; pass++) {
		point_count = 0;
		for (int node = 0; node < GENERATED_NODES; node++) {
			arena_reset(arena);
			int64_t begun = clock_monotonic_ns();
			if (store->node(store->context, generated->node_ids[node], arena) == NULL ||
			    store->workspaces(store->context, generated->node_ids[node], arena).count == 0)
				die("a node is missing");
			loads[pass][node] = clock_monotonic_ns() - begun;
			for (int slot = 0; slot < GENERATED_WORKSPACES_PER_NODE; slot++) {
				const char *id = generated->workspace_ids[node][slot];
				if (id[0] == '\0')
					continue;
				arena_reset(arena);
				begun = clock_monotonic_ns();
				if (projection_workspace(projection, "alice", id, arena, &error) == NULL)
					die(error.message);
				points[pass][point_count++] = clock_monotonic_ns() - begun;
			}
		}
	}
	printf("load of a node with %d workspaces   %6.1f us cold, %6.1f us warm (p50; aim 60)\n",
	       GENERATED_WORKSPACES_PER_NODE, median_us(loads[0], GENERATED_NODES),
	       median_us(loads[1], GENERATED_NODES));
	printf("point query                         %6.1f us cold, %6.1f us cached (p50; aim 10)\n",
	       median_us(points[0], point_count), median_us(points[1], point_count));
	arena_free(arena);
	projection_close(projection);
}

/* Deciding alone: reading the state, making the record, trying it. */
static void measure_decisions(const char *path)
{
	enum { DECISIONS = 2000 };
	struct error error = {0};
	struct projection *projection = projection_open(path, &lifetimes, &error);
	struct arena *arena = arena_new();
	int64_t samples[DECISIONS];
	if (projection == NULL)
		die(error.message);
	for (int i = 0; i < DECISIONS; i++) {
		arena_reset(arena);
		Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
		const struct decision_inputs inputs = {.now_ms = 1,
						       .record_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
						       .new_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
						       .owner = "alice",
						       .actor = "alice",
						       .cause = "workspace.rename",
						       .store = projection_entities(projection),
						       .arena = arena};
		request.id = generated->workspace_ids[i % GENERATED_NODES][0];
		request.display_name = "another name";
		int64_t begun = clock_monotonic_ns();
		if (decide_rename_workspace(&inputs, &request)->kind != DECISION_APPEND)
			die("a rename was refused");
		samples[i] = clock_monotonic_ns() - begun;
	}
	printf("decision of a rename                %6.1f us (p50, node with %d workspaces)\n",
	       median_us(samples, DECISIONS), GENERATED_WORKSPACES_PER_NODE);
	arena_free(arena);
	projection_close(projection);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/roost-bench-XXXXXX", replayed[64], alone[64];
	size_t wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	double best_replay = 1e9, best_alone = 1e9;
	size_t row_count = 0;
	if (mkdtemp(folder) == NULL)
		die("no temporary folder");
	snprintf(replayed, sizeof(replayed), "%s/replayed.db", folder);
	snprintf(alone, sizeof(alone), "%s/alone.db", folder);
	generated = generated_log_make(wanted);
	for (int run = 0; run < RUNS; run++) {
		double seconds = replay(replayed);
		best_replay = seconds < best_replay ? seconds : best_replay;
		seconds = sqlite_floor(replayed, alone, generated->count / RECORDS_PER_TRANSACTION, &row_count);
		best_alone = seconds < best_alone ? seconds : best_alone;
	}
	printf("replay of %zu records, %zu rows, %d records a transaction, best of %d\n", generated->count, row_count,
	       RECORDS_PER_TRANSACTION, RUNS);
	printf("replay into a fresh projection      %6.0f records/s (aim 150000)\n",
	       (double)generated->count / best_replay);
	printf("SQLite alone, the same rows         %6.0f records/s\n", (double)generated->count / best_alone);
	printf("ratio                               %6.0f %% (aim 50)\n", 100 * best_alone / best_replay);
	measure_queries(replayed);
	measure_decisions(replayed);
	sqlite_floor_remove(replayed);
	sqlite_floor_remove(alone);
	rmdir(folder);
	generated_log_free();
	return 0;
}
