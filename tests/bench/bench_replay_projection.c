/* Replaying a log into a fresh projection, against SQLite alone writing the same rows in batches of the
 * same size: the rows are read back from the projection that the replay made. Also loads of a full node
 * and point queries. usage: bench_replay_projection [records] */
#include "bus/foundation/clock.h"
#include "controller/domain/apply.h"
#include "controller/projection/migrations.h"
#include "controller/projection/projection.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 100, WORKSPACES_PER_NODE = 20, RECORDS_PER_TRANSACTION = 1000, RUNS = 3 };

struct generated {
	unsigned char *data;
	size_t size;
	char id[27];
};

static struct generator {
	struct generated *records;
	size_t count, wanted;
	uint64_t versions[NODES];
	unsigned ids, keys;
	int64_t now_ms;
	struct arena *arena;
} generator;

static void die(const char *what)
{
	fprintf(stderr, "bench_replay_projection: %s\n", what);
	exit(1);
}

static const char *new_id(struct arena *arena)
{
	return arena_printf(arena, "01%024u", ++generator.ids);
}

/* Appends one record with the change; `answer_id` makes it a command with a key. */
static void generate(const char *node_id, int node, Roost__Change *change, const char *answer_id)
{
	struct arena *arena = generator.arena;
	Roost__Record record = ROOST__RECORD__INIT;
	unsigned char hash[32] = {1};
	struct generated *out = &generator.records[generator.count++];
	record.id = new_id(arena);
	record.owner = "alice";
	record.has_kind = record.has_version = record.has_recorded_at = true;
	record.kind = ROOST__RECORD__KIND__NODE;
	record.aggregate_id = node_id;
	record.version = ++generator.versions[node];
	record.recorded_at = ++generator.now_ms;
	record.cause = answer_id == NULL ? "report" : "workspace.create";
	record.actor = "alice";
	if (answer_id != NULL) {
		record.idempotency_key = arena_printf(arena, "cli-%026u", ++generator.keys);
		record.has_request_hash = true;
		record.request_hash.data = hash;
		record.request_hash.len = sizeof(hash);
		record.answer_id = answer_id;
	}
	record.n_changes = 1;
	record.changes = &change;
	out->size = protobuf_c_message_get_packed_size(&record.base);
	out->data = malloc(out->size);
	if (out->data == NULL)
		die("out of memory");
	protobuf_c_message_pack(&record.base, out->data);
	memcpy(out->id, record.id, sizeof(out->id));
	arena_reset(arena);
}

static char node_ids[NODES][27];
static char workspace_ids[NODES][WORKSPACES_PER_NODE][27];

#define CHANGE(CASE, field, init)                                                                                      \
	Roost__Change change = ROOST__CHANGE__INIT;                                                                    \
	change.change_case = ROOST__CHANGE__CHANGE_##CASE;                                                             \
	arena_message(generator.arena, change.field, init)

static void make_node(int node)
{
	memcpy(node_ids[node], new_id(generator.arena), 27);
	CHANGE(NODE_CREATED, node_created, roost__node_created__init);
	change.node_created->node_id = node_ids[node];
	change.node_created->name = "node";
	change.node_created->provider = "local";
	change.node_created->max_workspaces = WORKSPACES_PER_NODE;
	generate(node_ids[node], node, &change, node_ids[node]);
}

static void make_workspace(int node, int slot)
{
	char *id = workspace_ids[node][slot];
	memcpy(id, new_id(generator.arena), 27);
	CHANGE(WORKSPACE_CREATED, workspace_created, roost__workspace_created__init);
	Roost__WorkspaceSpec spec = ROOST__WORKSPACE_SPEC__INIT;
	spec.repository = "https://git.example.org/team/project.git";
	spec.branch = "main";
	spec.image = "host";
	change.workspace_created->workspace_id = id;
	change.workspace_created->display_name = arena_printf(generator.arena, "project-%d", slot);
	change.workspace_created->spec = &spec;
	change.workspace_created->has_provision_timeout_ms = true;
	change.workspace_created->provision_timeout_ms = 1800000;
	generate(node_ids[node], node, &change, id);
}

static void step(int node, int slot, const char *name)
{
	CHANGE(WORKSPACE_STEP, workspace_step, roost__workspace_step__init);
	change.workspace_step->workspace_id = workspace_ids[node][slot];
	change.workspace_step->has_generation = true;
	change.workspace_step->generation = 1;
	change.workspace_step->step = name;
	change.workspace_step->message = "done in 12 ms";
	generate(node_ids[node], node, &change, NULL);
}

static void run_workspace(int node, int slot)
{
	CHANGE(WORKSPACE_RUNNING, workspace_running, roost__workspace_running__init);
	change.workspace_running->workspace_id = workspace_ids[node][slot];
	change.workspace_running->has_generation = true;
	change.workspace_running->generation = 1;
	generate(node_ids[node], node, &change, NULL);
}

/* A session from its start to its end: three records. */
static void session(int node, int slot)
{
	char id[27];
	memcpy(id, new_id(generator.arena), 27);
	{
		CHANGE(SESSION_CREATED, session_created, roost__session_created__init);
		change.session_created->session_id = id;
		change.session_created->workspace_id = workspace_ids[node][slot];
		change.session_created->has_generation = true;
		change.session_created->generation = 1;
		change.session_created->label = "shell";
		change.session_created->agent_type = "shell";
		generate(node_ids[node], node, &change, id);
	}
	{
		CHANGE(SESSION_RUNNING, session_running, roost__session_running__init);
		change.session_running->session_id = id;
		generate(node_ids[node], node, &change, NULL);
	}
	CHANGE(SESSION_ENDED, session_ended, roost__session_ended__init);
	change.session_ended->session_id = id;
	change.session_ended->has_exit_code = true;
	generate(node_ids[node], node, &change, NULL);
}

static void delete_workspace(int node, int slot)
{
	char *id = workspace_ids[node][slot];
	{
		CHANGE(WORKSPACE_DELETING, workspace_deleting, roost__workspace_deleting__init);
		change.workspace_deleting->workspace_id = id;
		generate(node_ids[node], node, &change, id);
	}
	CHANGE(WORKSPACE_DELETED, workspace_deleted, roost__workspace_deleted__init);
	change.workspace_deleted->workspace_id = id;
	generate(node_ids[node], node, &change, NULL);
	id[0] = '\0';
}

/* Lives of workspaces, spread over the nodes, each create with its steps and sessions. */
static void make_log(size_t wanted)
{
	enum { RECORDS_PER_LIFE_MAX = 24 };
	generator.records = calloc(wanted + RECORDS_PER_LIFE_MAX + NODES, sizeof(struct generated));
	generator.arena = arena_new();
	generator.now_ms = 1800000000000;
	if (generator.records == NULL)
		die("out of memory");
	for (int node = 0; node < NODES; node++)
		make_node(node);
	for (int life = 0; generator.count < wanted; life++) {
		int node = life % NODES, slot = life / NODES % WORKSPACES_PER_NODE;
		if (workspace_ids[node][slot][0] != '\0')
			delete_workspace(node, slot);
		make_workspace(node, slot);
		step(node, slot, "disk");
		step(node, slot, "network");
		step(node, slot, "clone");
		run_workspace(node, slot);
		for (int i = 0; i < 3; i++)
			session(node, slot);
	}
}

static void remove_database(const char *path)
{
	char other[256];
	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof(other), "%s-shm", path);
	unlink(other);
}

static double replay(const char *path)
{
	struct error error = {0};
	struct projection_position position = {.log_id = "01J00000000000000000000000", .log_epoch = 1};
	remove_database(path);
	struct projection *projection = projection_open(path, 7 * 86400000LL, &error);
	if (projection == NULL)
		die(error.message);
	struct projection_store store = projection_runner_store(projection);
	int64_t begun = clock_monotonic_ns();
	for (size_t i = 0; i < generator.count; i++) {
		const struct generated *record = &generator.records[i];
		struct stored_record stored = {.seq = i + 1,
					       .subject = "roost.evt.alice.node.bench",
					       .record_id = record->id,
					       .data = {record->data, record->size}};
		if (i % RECORDS_PER_TRANSACTION == 0 && !store.begin(store.context, &error))
			die(error.message);
		if (!store.apply(store.context, &stored, &error))
			die(error.message);
		position.applied_seq = i + 1;
		if (((i + 1) % RECORDS_PER_TRANSACTION == 0 || i + 1 == generator.count) &&
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

/* The rows of a table, in memory, so that the floor does not pay for reading them. */
struct rows {
	sqlite3_value **values;
	size_t count, columns;
};

static struct rows read_rows(sqlite3 *db, const char *table)
{
	struct rows rows = {0};
	sqlite3_stmt *stmt;
	size_t room = 0;
	char *sql = sqlite3_mprintf("SELECT * FROM %s", table);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	rows.columns = (size_t)sqlite3_column_count(stmt);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		if (rows.count == room) {
			room = room == 0 ? 4096 : room * 2;
			rows.values = realloc(rows.values, room * rows.columns * sizeof(sqlite3_value *));
			if (rows.values == NULL)
				die("out of memory");
		}
		for (size_t i = 0; i < rows.columns; i++)
			rows.values[rows.count * rows.columns + i] =
			    sqlite3_value_dup(sqlite3_column_value(stmt, (int)i));
		rows.count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return rows;
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->count * rows->columns; i++)
		sqlite3_value_free(rows->values[i]);
	free(rows->values);
}

static void write_rows(sqlite3 *db, const char *table, const struct rows *rows, size_t per_transaction)
{
	sqlite3_stmt *stmt;
	char *marks = malloc(rows->columns * 2);
	if (marks == NULL)
		die("out of memory");
	for (size_t i = 0; i < rows->columns; i++)
		memcpy(marks + i * 2, i + 1 == rows->columns ? "?" : "?,", 2);
	char *sql = sqlite3_mprintf("INSERT INTO %s VALUES (%s)", table, marks);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (size_t row = 0; row < rows->count; row++) {
		if (row % per_transaction == 0)
			sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		for (size_t i = 0; i < rows->columns; i++)
			sqlite3_bind_value(stmt, (int)i + 1, rows->values[row * rows->columns + i]);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(stmt);
		if ((row + 1) % per_transaction == 0 || row + 1 == rows->count)
			sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	free(marks);
}

static double sqlite_alone(const char *replayed, const char *path, size_t *row_count)
{
	static const char *const tables[] = {"owner", "node", "workspace", "session", "event", "keyed"};
	enum { TABLES = sizeof(tables) / sizeof(tables[0]) };
	sqlite3 *from = NULL, *to = NULL;
	struct rows rows[TABLES];
	remove_database(path);
	if (sqlite3_open(replayed, &from) != SQLITE_OK || sqlite3_open(path, &to) != SQLITE_OK)
		die("cannot open");
	sqlite3_exec(to,
		     "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA "
		     "cache_size = -8192;"
		     "PRAGMA wal_autocheckpoint = 4000",
		     NULL, NULL, NULL);
	for (size_t i = 0; i < migration_count; i++)
		sqlite3_exec(to, migrations[i].sql, NULL, NULL, NULL);
	*row_count = 0;
	for (size_t i = 0; i < TABLES; i++) {
		rows[i] = read_rows(from, tables[i]);
		*row_count += rows[i].count;
	}
	/* As many rows in a transaction as the replay has. */
	size_t per_transaction = *row_count * RECORDS_PER_TRANSACTION / generator.count + 1;
	int64_t begun = clock_monotonic_ns();
	for (size_t i = 0; i < TABLES; i++)
		write_rows(to, tables[i], &rows[i], per_transaction);
	double seconds = (double)(clock_monotonic_ns() - begun) / 1e9;
	for (size_t i = 0; i < TABLES; i++)
		free_rows(&rows[i]);
	sqlite3_close(from);
	sqlite3_close(to);
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
	struct projection *projection = projection_open(path, 7 * 86400000LL, &error);
	struct arena *arena = arena_new();
	int64_t loads[2][NODES], points[2][NODES * WORKSPACES_PER_NODE];
	size_t point_count = 0;
	if (projection == NULL)
		die(error.message);
	const struct entity_store *store = projection_entities(projection);
	for (int pass = 0; pass < 2; pass++) {
		point_count = 0;
		for (int node = 0; node < NODES; node++) {
			arena_reset(arena);
			int64_t begun = clock_monotonic_ns();
			if (store->node(store->context, node_ids[node], arena) == NULL ||
			    store->workspaces(store->context, node_ids[node], arena).count == 0)
				die("a node is missing");
			loads[pass][node] = clock_monotonic_ns() - begun;
			for (int slot = 0; slot < WORKSPACES_PER_NODE; slot++) {
				const char *id = workspace_ids[node][slot];
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
	printf("load of a node with %d workspaces   %6.1f us cold, %6.1f us warm (p50; aim 60)\n", WORKSPACES_PER_NODE,
	       median_us(loads[0], NODES), median_us(loads[1], NODES));
	printf("point query                         %6.1f us cold, %6.1f us cached (p50; aim 10)\n",
	       median_us(points[0], point_count), median_us(points[1], point_count));
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
	make_log(wanted);
	for (int run = 0; run < RUNS; run++) {
		double seconds = replay(replayed);
		best_replay = seconds < best_replay ? seconds : best_replay;
		seconds = sqlite_alone(replayed, alone, &row_count);
		best_alone = seconds < best_alone ? seconds : best_alone;
	}
	printf("replay of %zu records, %zu rows, %d records a transaction, best of %d\n", generator.count, row_count,
	       RECORDS_PER_TRANSACTION, RUNS);
	printf("replay into a fresh projection      %6.0f records/s (aim 150000)\n",
	       (double)generator.count / best_replay);
	printf("SQLite alone, the same rows         %6.0f records/s\n", (double)generator.count / best_alone);
	printf("ratio                               %6.0f %% (aim 50)\n", 100 * best_alone / best_replay);
	measure_queries(replayed);
	remove_database(replayed);
	remove_database(alone);
	rmdir(folder);
	for (size_t i = 0; i < generator.count; i++)
		free(generator.records[i].data);
	free(generator.records);
	arena_free(generator.arena);
	return 0;
}
