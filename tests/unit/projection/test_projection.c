/* The file itself: schema, start, damage, age, and records that are no records. */
#include "controller/projection/migrations.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/projection/projecting.h"

#include <ctype.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;
static struct world *world;
static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	folder = make_folder();
	world = world_new();
	arena = arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	world_free(world);
	remove_folder(folder);
	return 0;
}

static const char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

/* The words of a table's CHECK on status, in order. */
static char *checked_words(sqlite3 *db, const char *table)
{
	sqlite3_stmt *stmt;
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_master WHERE name = ?", -1, &stmt, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	const char *sql = strstr((const char *)sqlite3_column_text(stmt, 0), "CHECK (status IN (");
	assert_non_null(sql);
	sql += strlen("CHECK (status IN (");
	char *words = arena_copy(arena, sql, strcspn(sql, ")"));
	sqlite3_finalize(stmt);
	return words;
}

static void assert_words_of(sqlite3 *db, const char *table, const ProtobufCEnumDescriptor *descriptor)
{
	char *rest = checked_words(db, table);
	unsigned i = 0;
	for (const char *word = strtok_r(rest, "', ", &rest); word != NULL; word = strtok_r(NULL, "', ", &rest), i++) {
		assert_true(i < descriptor->n_values);
		char *upper = arena_strdup(arena, word);
		for (char *letter = upper; *letter != '\0'; letter++)
			*letter = (char)toupper((unsigned char)*letter);
		assert_string_equal(upper, descriptor->values[i].name);
	}
	assert_int_equal(i, descriptor->n_values);
}

/* S2-09: the stored words are exactly those of the schema, which the state machines have too. */
static void test_the_words_of_the_checks_are_those_of_the_enums(void **state)
{
	(void)state;
	projection_close(open_in(folder, "p.db"));
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of("p.db"), &db), SQLITE_OK);
	assert_words_of(db, "node", &roost__node__status__descriptor);
	assert_words_of(db, "workspace", &roost__workspace__status__descriptor);
	assert_words_of(db, "session", &roost__agent_session__status__descriptor);
	sqlite3_close(db);
}

static void test_a_new_file_is_empty_and_says_where_it_is(void **state)
{
	(void)state;
	struct projection *projection = open_in(folder, "p.db");
	struct projection_store store = projection_runner_store(projection);
	struct projection_position position;
	struct projection_counts counts;
	struct error error = {0};
	assert_true(store.position(store.context, &position, &error));
	assert_string_equal(position.log_id, "");
	assert_int_equal(position.applied_seq, 0);
	assert_string_equal(position.record_id, "");
	world_make_workspace(world, world_make_node(world, "n"), "w");
	feed(projection, world, 0, world->log_count);
	projection_close(projection);

	projection = open_in(folder, "p.db");
	store = projection_runner_store(projection);
	assert_true(store.position(store.context, &position, &error));
	assert_string_equal(position.log_id, "01J00000000000000000000000");
	assert_int_equal(position.log_epoch, 1);
	assert_int_equal(position.applied_seq, world->log_count);
	assert_string_equal(position.record_id, world->log[world->log_count - 1].record_id);
	assert_true(projection_counts(projection, &counts, &error));
	assert_int_equal(counts.records, world->log_count);
	assert_int_equal(counts.nodes, 1);
	assert_int_equal(counts.workspaces, 1);
	projection_close(projection);
}

/* What was applied and not committed is gone after a crash, position and all. */
static void test_an_unfinished_transaction_leaves_nothing(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	struct projection *projection = open_in(folder, "p.db");
	struct projection_store store = projection_runner_store(projection);
	struct error error = {0};
	assert_true(store.begin(store.context, &error));
	for (size_t i = 0; i < world->log_count; i++) {
		const struct subject subject = subject_of(&world->log[i], arena);
		struct stored_record record = {.seq = i + 1,
					       .subject = subject.text,
					       .record_id = world->log[i].record_id,
					       .data = {world->log[i].data, world->log[i].size}};
		assert_true(store.apply(store.context, &record, &error));
	}
	assert_non_null(projection_node(projection, "alice", node, arena, &error));
	projection_close(projection);
	projection = open_in(folder, "p.db");
	struct projection_position position;
	store = projection_runner_store(projection);
	assert_true(store.position(store.context, &position, &error));
	assert_int_equal(position.applied_seq, 0);
	assert_null(projection_node(projection, "alice", node, arena, &error));
	assert_int_equal(error.code, ERROR_NODE_NOT_FOUND);
	projection_close(projection);
}

static void test_what_does_not_decode_is_counted_and_passed_over(void **state)
{
	(void)state;
	static const unsigned char rubbish[] = {0xff, 0xff, 0xff, 0x00, 0x12};
	const char *node = world_make_node(world, "n");
	struct projection *projection = open_in(folder, "p.db");
	struct projection_store store = projection_runner_store(projection);
	struct projection_position position = {.log_id = "01J00000000000000000000000", .applied_seq = 100};
	struct projection_counts counts;
	struct error error = {0};
	struct stored_record record = {.seq = 99, .subject = "x", .record_id = "", .data = {rubbish, sizeof(rubbish)}};
	assert_true(store.begin(store.context, &error));
	assert_true(store.apply(store.context, &record, &error));
	record.data = (struct bytes){rubbish, 0}; /* decodes, and says nothing */
	assert_true(store.apply(store.context, &record, &error));
	assert_true(store.commit(store.context, &position, &error));
	feed(projection, world, 0, world->log_count);
	assert_non_null(projection_node(projection, "alice", node, arena, &error));
	assert_true(projection_counts(projection, &counts, &error));
	assert_int_equal(counts.undecodable, 2);
	projection_close(projection);
}

/* A record changes the aggregate whose subject it stands on, or none: nobody reaches into another's. */
static void test_a_record_on_the_subject_of_another_is_passed_over(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *other = world_make_node(world, "other");
	const char *const subjects[] = {
	    arena_printf(arena, "roost.evt.mallory.node.%s", node),
	    arena_printf(arena, "roost.evt.alice.node.%s", other),
	    "roost.evt.alice.owner.alice",
	    arena_printf(arena, "roost.evt.alice.task.%s", node),
	    "nonsense",
	};
	const size_t subject_count = sizeof(subjects) / sizeof(subjects[0]);
	struct projection *projection = open_in(folder, "p.db");
	struct projection_store store = projection_runner_store(projection);
	struct projection_counts counts;
	struct error error = {0};
	feed(projection, world, 0, world->log_count);
	const char *workspace = world_make_workspace(world, node, "w");
	const struct logged *logged = &world->log[world->log_count - 1];
	assert_true(store.begin(store.context, &error));
	for (size_t i = 0; i < subject_count; i++) {
		struct stored_record record = {.seq = logged->seq,
					       .subject = subjects[i],
					       .record_id = logged->record_id,
					       .data = {logged->data, logged->size}};
		assert_true(store.apply(store.context, &record, &error));
	}
	assert_true(projection_counts(projection, &counts, &error));
	assert_int_equal(counts.undecodable, subject_count);
	assert_null(projection_workspace(projection, "alice", workspace, arena, &error));
	projection_close(projection);
}

/* Otherwise every later decision would expect an older record than the log's, and lose for ever. */
static void test_what_does_not_decode_is_what_the_next_append_expects(void **state)
{
	(void)state;
	static const unsigned char rubbish[] = {0xff, 0xff, 0xff, 0x00, 0x12};
	const char *node = world_make_node(world, "n");
	struct projection *projection = open_in(folder, "p.db");
	struct projection_store store = projection_runner_store(projection);
	const struct entity_store *entities = projection_entities(projection);
	struct projection_position position = {.log_id = "01J00000000000000000000000", .applied_seq = 102};
	struct error error = {0};
	feed(projection, world, 0, world->log_count);
	uint64_t before = entities->node(entities->context, node, arena)->last_seq;
	struct stored_record records[] = {
	    {.seq = 100, .subject = arena_printf(arena, "roost.evt.alice.node.%s", node)},
	    {.seq = 101, .subject = "roost.evt.carol.owner.carol"},
	    {.seq = 102, .subject = arena_printf(arena, "roost.evt.mallory.node.%s", node)}, /* not where it lives */
	};
	assert_true(before < 100);
	assert_true(store.begin(store.context, &error));
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		records[i].record_id = "";
		records[i].data = (struct bytes){rubbish, sizeof(rubbish)};
		assert_true(store.apply(store.context, &records[i], &error));
	}
	assert_true(store.commit(store.context, &position, &error));
	assert_int_equal(entities->node(entities->context, node, arena)->last_seq, 100);
	assert_int_equal(entities->owner(entities->context, "carol", arena)->last_seq, 101);
	projection_close(projection);
}

/* Two workspaces of one name cannot come from a decision; they do not stop the projection either. */
static void test_a_name_that_is_there_twice_stops_nothing(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *first = world_make_workspace(world, node, "one"),
		   *second = world_make_workspace(world, node, "two");
	struct projection *projection = open_in(folder, "p.db");
	feed(projection, world, 0, world->log_count);
	Roost__WorkspaceRenamed renamed = ROOST__WORKSPACE_RENAMED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	Roost__Change *changes[] = {&change};
	Roost__Record record = ROOST__RECORD__INIT;
	renamed.workspace_id = second;
	renamed.display_name = "ONE";
	change.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_RENAMED;
	change.workspace_renamed = &renamed;
	record.owner = "alice";
	record.aggregate_id = node;
	record.n_changes = 1;
	record.changes = changes;
	struct bytes packed = message_pack(&record.base, arena);
	struct projection_store store = projection_runner_store(projection);
	struct projection_position position = {.log_id = "01J00000000000000000000000", .applied_seq = 99};
	const struct subject subject = subject_event("alice", "node", node);
	struct stored_record stored = {.seq = 99, .subject = subject.text, .record_id = "", .data = packed};
	struct error error = {0};
	assert_true(store.begin(store.context, &error));
	assert_true(store.apply(store.context, &stored, &error));
	assert_true(store.commit(store.context, &position, &error));
	assert_string_equal(projection_workspace(projection, "alice", second, arena, &error)->resource->display_name,
			    "ONE");
	assert_non_null(projection_workspace(projection, "alice", first, arena, &error));
	projection_close(projection);
	projection = open_in(folder, "p.db");
	assert_non_null(projection_workspace(projection, "alice", second, arena, &error));
	projection_close(projection);
}

static void overwrite(const char *path, off_t from, size_t size)
{
	int file = open(path, O_WRONLY);
	assert_true(file >= 0);
	unsigned char *rubbish = malloc(size);
	assert_non_null(rubbish);
	memset(rubbish, 0xa5, size);
	assert_int_equal(pwrite(file, rubbish, size, from), (ssize_t)size);
	free(rubbish);
	close(file);
}

/* A damaged file is moved aside, and the new one is empty: the runner fills it from the log. */
static void test_a_damaged_file_is_moved_aside(void **state)
{
	(void)state;
	const off_t places[] = {0, 8192, 0};
	const size_t sizes[] = {4096, 32768, 16};
	for (int i = 0; i < 3; i++) {
		const char *name = arena_printf(arena, "damaged%d.db", i);
		world_make_workspace(world, world_make_node(world, "n"), "w");
		struct projection *projection = open_in(folder, name);
		feed(projection, world, 0, world->log_count);
		projection_close(projection);
		overwrite(path_of(name), places[i], sizes[i]);
		projection = open_in(folder, name);
		struct projection_store store = projection_runner_store(projection);
		struct projection_position position;
		struct error error = {0};
		struct stat aside;
		assert_true(store.position(store.context, &position, &error));
		assert_int_equal(position.applied_seq, 0);
		assert_int_equal(stat(path_of(arena_printf(arena, "%s.corrupt", name)), &aside), 0);
		feed(projection, world, 0, world->log_count);
		projection_close(projection);
	}
}

static void execute(const char *name, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of(name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Damage that shows only later: nothing is answered any more, and the next start begins anew. */
static void test_damage_that_is_met_later_stops_every_answer(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	struct projection *projection = open_in(folder, "p.db");
	feed(projection, world, 0, world->log_count);
	projection_close(projection);
	execute("p.db", "UPDATE node SET state = x'ff'");
	projection = open_in(folder, "p.db");
	struct error error = {0};
	assert_null(projection_node(projection, "alice", node, arena, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(projection_failure(projection));
	struct projection_store store = projection_runner_store(projection);
	struct projection_position position;
	assert_false(store.position(store.context, &position, &error));
	assert_false(store.begin(store.context, &error));
	struct node_page page;
	assert_false(projection_list_nodes(projection, "alice", 10, NULL, arena, &page, &error));
	projection_close(projection);
	projection = open_in(folder, "p.db");
	store = projection_runner_store(projection);
	assert_true(store.position(store.context, &position, &error));
	assert_int_equal(position.applied_seq, 0);
	projection_close(projection);
}

static void test_the_file_of_a_newer_program_is_refused(void **state)
{
	(void)state;
	projection_close(open_in(folder, "p.db"));
	execute("p.db", arena_printf(arena, "PRAGMA user_version = %zu", migration_count + 1));
	struct error error = {0};
	assert_null(projection_open(path_of("p.db"), &LIFETIMES, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(strstr(error.message, "newer program"));
	struct stat aside;
	assert_int_not_equal(stat(path_of("p.db.corrupt"), &aside), 0);
}

static void test_a_file_that_cannot_be_made_is_refused(void **state)
{
	(void)state;
	struct error error = {0};
	assert_null(projection_open(path_of("no/such/folder/p.db"), &LIFETIMES, &error));
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
}

/* D5: a key is forgotten when the records have moved on by its time, not before. */
static void test_old_keys_are_forgotten_by_the_time_of_records(void **state)
{
	(void)state;
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "w";
	request.node_id = world_make_node(world, "n");
	world_take(world, decide_create_workspace(world_inputs_keyed(world, "old", 1), &request));
	size_t first = world->log_count;
	world->now_ms += IDEMPOTENCY_MS - 60000;
	world_take(world, decide_create_workspace(world_inputs_keyed(world, "young", 1), &request));
	size_t second = world->log_count;
	world->now_ms += 600000;
	world_make_node(world, "m");
	struct projection *projection = open_in(folder, "p.db");
	const struct entity_store *store = projection_entities(projection);
	feed(projection, world, 0, first);
	feed(projection, world, first, second);
	assert_non_null(store->keyed(store->context, "alice", "old", arena));
	feed(projection, world, second, world->log_count);
	assert_null(store->keyed(store->context, "alice", "old", arena));
	const struct keyed_command *young = store->keyed(store->context, "alice", "young", arena);
	assert_non_null(young);
	assert_string_equal(young->answer.workspace->display_name, "w (2)");
	assert_null(store->keyed(store->context, "bob", "young", arena));
	projection_close(projection);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_the_words_of_the_checks_are_those_of_the_enums),
	    TEST(test_a_new_file_is_empty_and_says_where_it_is),
	    TEST(test_an_unfinished_transaction_leaves_nothing),
	    TEST(test_what_does_not_decode_is_counted_and_passed_over),
	    TEST(test_a_record_on_the_subject_of_another_is_passed_over),
	    TEST(test_what_does_not_decode_is_what_the_next_append_expects),
	    TEST(test_a_name_that_is_there_twice_stops_nothing),
	    TEST(test_a_damaged_file_is_moved_aside),
	    TEST(test_damage_that_is_met_later_stops_every_answer),
	    TEST(test_the_file_of_a_newer_program_is_refused),
	    TEST(test_a_file_that_cannot_be_made_is_refused),
	    TEST(test_old_keys_are_forgotten_by_the_time_of_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
