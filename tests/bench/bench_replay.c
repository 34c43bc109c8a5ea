/* A projection that is deleted and rebuilt from the log of a real server, from the start of its runner to
 * its being caught up; against SQLite alone writing the same rows, and against the server's delivery
 * alone. usage: bench_replay <folder of the programs> [records] */
#include "bus/foundation/log.h"
#include "controller/projection/projection.h"
#include "tests/bench/generated_log.h"
#include "tests/bench/measure.h"
#include "tests/bench/sqlite_floor.h"
#include "tests/integration/log_fixture.h"
#include "tests/support/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORDS = 200000, RUNS = 3, RECORDS_PER_TRANSACTION = 1000 };

static const struct projection_lifetimes lifetimes = {7 * 86400000LL, 7 * 86400000LL, 30 * 86400000LL};

static void die(const char *what)
{
	fprintf(stderr, "bench_replay: %s\n", what);
	exit(1);
}

/* Unsynced and without waiting for acknowledgements: making the log is not what is measured. */
static void publish(struct log_fixture *fixture, const struct generated_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct generated *record = &log->records[i];
		char subject[96];
		snprintf(subject, sizeof(subject), "roost.evt.alice.node.%s", log->node_ids[record->node]);
		struct header header = {"Nats-Msg-Id", record->id};
		struct outgoing message = {
		    .subject = subject, .data = {record->data, record->size}, .headers = &header, .header_count = 1};
		while (!connection_publish(fixture->connection, &message, NULL))
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
		if (i % 1000 == 0)
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	while (log_fixture_info(fixture).last_seq < log->count)
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void nothing(void *context)
{
	(void)context;
}

static void failed(void *context, const struct error *error)
{
	(void)context;
	die(error->message);
}

static double follow_until_caught_up(struct log_fixture *fixture, const struct projection_store *store)
{
	const struct projection_runner_events events = {.caught_up = nothing, .failed = failed};
	struct error error = {0};
	int64_t begun = clock_monotonic_ns();
	struct projection_runner *runner =
	    projection_runner_start(fixture->connection, &fixture->clock, store, &events, &error);
	if (runner == NULL)
		die(error.message);
	while (!projection_runner_caught_up(runner))
		uv_run(&fixture->loop, UV_RUN_ONCE);
	double seconds = (double)(clock_monotonic_ns() - begun) / 1e9;
	projection_runner_stop(runner);
	return seconds;
}

static double replay(struct log_fixture *fixture, const char *path, size_t records)
{
	struct error error = {0};
	struct projection_counts counts;
	sqlite_floor_remove(path);
	struct projection *projection = projection_open(path, &lifetimes, &error);
	if (projection == NULL)
		die(error.message);
	struct projection_store store = projection_runner_store(projection);
	double seconds = follow_until_caught_up(fixture, &store);
	if (!projection_counts(projection, &counts, &error) || counts.records != records || counts.skipped > 0)
		die("the records did not apply");
	projection_close(projection);
	return seconds;
}

/* The records as they come, applied by nobody. */
static bool count_position(void *context, struct projection_position *out, struct error *error)
{
	(void)context;
	(void)error;
	*out = (struct projection_position){0};
	return true;
}

static bool count_begin(void *context, struct error *error)
{
	(void)context;
	(void)error;
	return true;
}

static bool count_apply(void *context, const struct stored_record *record, struct error *error)
{
	(void)record;
	(void)error;
	++*(size_t *)context;
	return true;
}

static bool count_commit(void *context, const struct projection_position *position, struct error *error)
{
	(void)position;
	return count_begin(context, error);
}

static bool count_rebuild(void *context, const char *reason, struct error *error)
{
	(void)context;
	return error_set(error, ERROR_INTERNAL, "%s", reason);
}

static double deliver(struct log_fixture *fixture)
{
	size_t count = 0;
	const struct projection_store store = {count_position, count_begin,   count_apply,
					       count_commit,   count_rebuild, &count, 0};
	return follow_until_caught_up(fixture, &store);
}

static double lesser(double one, double other)
{
	return one < other ? one : other;
}

int main(int argc, char **argv)
{
	const struct generated_log *log = generated_log_make(argc > 2 ? strtoul(argv[2], NULL, 10) : RECORDS);
	const char *folder = cleanup_folder();
	char configuration[512], replayed[256], alone[256];
	double replaying = 1e9, delivering = 1e9, writing = 1e9;
	size_t rows = 0;
	log_open("bench", LOG_ERROR);
	snprintf(configuration, sizeof(configuration), "jetstream { store_dir: \"%s\", max_file_store: 4GB }", folder);
	snprintf(replayed, sizeof(replayed), "%s/replayed.db", folder);
	snprintf(alone, sizeof(alone), "%s/alone.db", folder);
	struct log_fixture *fixture = log_fixture_start(configuration, folder);
	log_fixture_ensure(fixture);
	publish(fixture, log);
	double before = resident_megabytes(getpid());
	replay(fixture, replayed, log->count); /* also warms the server */
	double taken = resident_megabytes(getpid()) - before;
	for (int run = 0; run < RUNS; run++) {
		delivering = lesser(delivering, deliver(fixture));
		replaying = lesser(replaying, replay(fixture, replayed, log->count));
		writing = lesser(writing, sqlite_floor(replayed, alone, log->count / RECORDS_PER_TRANSACTION, &rows));
	}
	double count = (double)log->count;
	printf("%zu records, %zu rows, best of %d\n", log->count, rows, RUNS);
	print_rate_line("replay into a fresh projection", count / replaying, count / writing, 0.5);
	print_rate_line("delivery alone, nothing applied", count / delivering, count / writing, 0.5);
	printf("memory taken while replaying: %.1f MB\n", taken);
	log_fixture_stop(fixture);
	generated_log_free();
	return 0;
}
