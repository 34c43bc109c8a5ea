/* What the projection answers: owners' own things only, pages, events, wanted rows, deadlines, claims. */
#include "bus/foundation/ulid.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/projection/projecting.h"

#include <stdlib.h>
#include <string.h>

static char *folder;
static struct world *world;
static struct arena *arena;
static struct projection *projection;
static size_t fed;

static int begin(void **state)
{
	(void)state;
	folder = make_folder();
	world = world_new();
	arena = arena_new();
	projection = open_in(folder, "p.db");
	fed = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	projection_close(projection);
	arena_free(arena);
	world_free(world);
	remove_folder(folder);
	return 0;
}

/* Brings the projection up with the world's log, in one transaction. */
static void catch_up(void)
{
	feed(projection, world, fed, world->log_count);
	fed = world->log_count;
}

static const char *running_workspace(const char *node, const char *name)
{
	const char *id = world_make_workspace(world, node, name);
	world_report_running(world, node, id, 1);
	return id;
}

static void change_workspace(const char *id, bool remove)
{
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete_it = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	stop.id = delete_it.id = id;
	struct decision_inputs *inputs = world_inputs(world);
	const struct decision *decision = world_take(world, remove ? decide_delete_workspace(inputs, &delete_it)
								   : decide_stop_workspace(inputs, &stop));
	assert_int_equal(decision->kind, DECISION_APPEND);
}

static void remove_workspace(const char *node, const char *id)
{
	Roost__WorkspaceDeleted removed = ROOST__WORKSPACE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	change_workspace(id, true);
	removed.workspace_id = id;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_REMOVED;
	report.workspace_removed = &removed;
	world_report(world, node, &report);
}

/* D14 */
static void test_somebody_elses_things_and_deleted_ones_do_not_exist(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *workspace = running_workspace(node, "w"),
		   *gone = running_workspace(node, "gone");
	const char *session = world_make_session(world, workspace, "s"), *lost = world_make_session(world, gone, "s");
	remove_workspace(node, gone);
	catch_up();
	struct error error = {0};
	assert_non_null(projection_node(projection, "alice", node, arena, &error));
	assert_non_null(projection_workspace(projection, "alice", workspace, arena, &error));
	assert_non_null(projection_session(projection, "alice", session, arena, &error));
	assert_null(projection_node(projection, "bob", node, arena, &error));
	assert_int_equal(error.code, ERROR_NODE_NOT_FOUND);
	assert_null(projection_workspace(projection, "bob", workspace, arena, &error));
	assert_int_equal(error.code, ERROR_WORKSPACE_NOT_FOUND);
	assert_null(projection_session(projection, "bob", session, arena, &error));
	assert_int_equal(error.code, ERROR_SESSION_NOT_FOUND);
	assert_null(projection_workspace(projection, "alice", gone, arena, &error));
	assert_null(projection_session(projection, "alice", lost, arena, &error));
	assert_null(projection_node(projection, "alice", NULL, arena, &error));
	assert_non_null(projection_any_node(projection, node, arena, &error));

	struct node_page nodes;
	struct workspace_page workspaces;
	struct session_page sessions;
	struct event_page events;
	const struct workspace_filter any = {0}, of_node = {.node_id = node};
	const struct event_filter about = {.workspace_id = workspace};
	assert_true(projection_list_nodes(projection, "bob", 10, NULL, arena, &nodes, &error) && nodes.count == 0);
	assert_true(projection_list_workspaces(projection, "bob", &any, 10, NULL, arena, &workspaces, &error) &&
		    workspaces.count == 0);
	assert_true(projection_list_workspaces(projection, "bob", &of_node, 10, NULL, arena, &workspaces, &error) &&
		    workspaces.count == 0);
	assert_true(projection_list_sessions(projection, "bob", workspace, 10, NULL, arena, &sessions, &error) &&
		    sessions.count == 0);
	assert_true(projection_list_events(projection, "bob", &about, 10, NULL, arena, &events, &error) &&
		    events.count == 0);
	assert_true(projection_list_sessions(projection, "alice", NULL, 10, NULL, arena, &sessions, &error));
	assert_int_equal(sessions.count, 1);
}

static void test_lists_are_newest_first_and_paged(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	const char *ids[7];
	for (int i = 0; i < 7; i++)
		ids[i] = world_make_workspace(world, node, "w");
	remove_workspace(node, ids[3]);
	change_workspace(ids[5], false);
	catch_up();
	static const int expected[] = {6, 5, 4, 2, 1, 0};
	struct error error = {0};
	struct workspace_page page;
	const struct workspace_filter any = {0};
	const char *cursor = NULL;
	size_t seen = 0;
	do {
		assert_true(projection_list_workspaces(projection, "alice", &any, 4, cursor, arena, &page, &error));
		for (size_t i = 0; i < page.count; i++)
			assert_string_equal(page.items[i]->resource->id, ids[expected[seen++]]);
		cursor = page.next_cursor;
	} while (cursor != NULL);
	assert_int_equal(seen, 6);
	const struct workspace_filter stopping = {.node_id = node, .status = ROOST__WORKSPACE__STATUS__STOPPING};
	assert_true(projection_list_workspaces(projection, "alice", &stopping, 4, NULL, arena, &page, &error));
	assert_int_equal(page.count, 1);
	assert_string_equal(page.items[0]->resource->id, ids[5]);
	assert_false(projection_list_workspaces(projection, "alice", &any, 4, "' OR 1", arena, &page, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
}

/* Two workspaces that change names within one transaction, and a name that is freed and taken in it. */
static void test_names_may_change_hands_within_a_transaction(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *first = running_workspace(node, "x"),
		   *second = running_workspace(node, "y"), *third = running_workspace(node, "z");
	catch_up();
	static const char *const names[] = {"t", "x", "y"};
	const char *renamed[] = {first, second, first};
	for (int i = 0; i < 3; i++) {
		Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
		request.id = renamed[i];
		request.display_name = names[i];
		world_take(world, decide_rename_workspace(world_inputs(world), &request));
	}
	change_workspace(third, false); /* dirty before the one whose name it gets */
	remove_workspace(node, second);
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.id = third;
	request.display_name = "x";
	world_take(world, decide_rename_workspace(world_inputs(world), &request));
	catch_up();
	struct error error = {0};
	assert_string_equal(projection_workspace(projection, "alice", first, arena, &error)->resource->display_name,
			    "y");
	assert_string_equal(projection_workspace(projection, "alice", third, arena, &error)->resource->display_name,
			    "x");
}

/* What is deleted has its events still, also after a restart. */
static void test_a_deleted_workspace_is_read_again_after_a_restart(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *gone = running_workspace(node, "w");
	catch_up();
	remove_workspace(node, gone);
	catch_up();
	projection_close(projection);
	projection = open_in(folder, "p.db");
	struct error error = {0};
	struct event_page page;
	const struct event_filter filter = {.workspace_id = gone};
	assert_true(projection_list_events(projection, "alice", &filter, 10, NULL, arena, &page, &error));
	assert_string_equal(page.items[0]->type, "workspace_deleted");
	world_make_workspace(world, node, "w");
	catch_up();
}

/* S0-30: node and workspace streams, both directions; a follower misses nothing and sees nothing twice. */
static void test_events_go_both_ways_and_can_be_followed(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *workspace = running_workspace(node, "w");
	catch_up();
	struct error error = {0};
	struct event_page page;
	struct event_filter filter = {.workspace_id = workspace};
	assert_true(projection_list_events(projection, "alice", &filter, 10, NULL, arena, &page, &error));
	assert_int_equal(page.count, 2);
	assert_string_equal(page.items[0]->type, "workspace_running");
	assert_string_equal(page.items[1]->type, "workspace_created");
	assert_string_equal(page.items[1]->node_id, node);
	assert_null(page.next_cursor);

	filter.ascending = true;
	assert_true(projection_list_events(projection, "alice", &filter, 10, NULL, arena, &page, &error));
	assert_string_equal(page.items[0]->type, "workspace_created");
	const char *cursor = page.next_cursor;
	assert_non_null(cursor);
	assert_true(projection_list_events(projection, "alice", &filter, 10, cursor, arena, &page, &error));
	assert_int_equal(page.count, 0);
	assert_string_equal(page.next_cursor, cursor);
	const char *session = world_make_session(world, workspace, "s");
	catch_up();
	assert_true(projection_list_events(projection, "alice", &filter, 10, cursor, arena, &page, &error));
	assert_int_equal(page.count, 1);
	assert_string_equal(page.items[0]->type, "session_created");
	assert_string_equal(page.items[0]->session_id, session);

	const struct event_filter all = {0}, of_node = {.node_id = node}, of_session = {.session_id = session};
	assert_true(projection_list_events(projection, "alice", &all, 10, NULL, arena, &page, &error));
	assert_int_equal(page.count, world->log_count);
	assert_true(projection_list_events(projection, "alice", &of_node, 10, NULL, arena, &page, &error));
	assert_int_equal(page.count, world->log_count - 1); /* the claim was before there was a node */
	assert_true(projection_list_events(projection, "alice", &of_session, 10, NULL, arena, &page, &error));
	assert_int_equal(page.count, 1);
	static const char *const bad[] = {"x", "1", "1-", "-1-0", "1-5000", "99999999999999999999-0", "1-0x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(projection_list_events(projection, "alice", &all, 10, bad[i], arena, &page, &error));

	assert_true(projection_events_of_record(projection, world->log_count, arena, &page, &error));
	assert_int_equal(page.count, 1);
	assert_int_equal(page.items[0]->seq, world->log_count);
	assert_true(projection_events_of_record(projection, 999, arena, &page, &error) && page.count == 0);
}

static uint64_t node_version(const char *node)
{
	return world_node(world, node)->version;
}

static struct wanted_page wanted(const char *node, uint64_t held)
{
	struct error error = {0};
	struct wanted_page page;
	const struct wanted_cursor cursor = {.held_version = held, .version = held};
	assert_true(projection_wanted(projection, node, &cursor, 1 << 18, arena, &page, &error));
	return page;
}

/* It may have become wanted after the first page was made; the agent then holds a version that includes it. */
static void test_the_nodes_own_wish_is_on_every_page(void **state)
{
	(void)state;
	struct error error = {0};
	struct wanted_page page;
	const char *node = world_make_node(world, "n");
	running_workspace(node, "one");
	running_workspace(node, "two");
	catch_up();
	const struct wanted_cursor start = {.held_version = 0};
	assert_true(projection_wanted(projection, node, &start, 1, arena, &page, &error));
	assert_true(page.more && page.node != NULL);
	const struct wanted_cursor next = page.next;
	assert_true(projection_wanted(projection, node, &next, 1, arena, &page, &error));
	assert_false(page.more);
	assert_non_null(page.node);
}

static void test_wanted_rows_are_those_after_the_version_that_is_held(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *one = running_workspace(node, "one"),
		   *two = running_workspace(node, "two");
	world_make_session(world, one, "s");
	catch_up();
	struct wanted_page page = wanted(node, 0);
	assert_false(page.more);
	assert_int_equal(page.to_version, node_version(node));
	assert_int_equal(page.workspace_count, 2);
	assert_int_equal(page.session_count, 1);
	uint64_t held = page.to_version;
	page = wanted(node, held);
	assert_int_equal(page.workspace_count + page.session_count, 0);
	assert_int_equal(page.to_version, held);
	change_workspace(one, false);
	catch_up();
	page = wanted(node, held);
	assert_int_equal(page.workspace_count, 1);
	assert_int_equal(page.workspaces[0]->desired, ROOST__WANTED_WORKSPACE__DESIRED__STOP);
	assert_int_equal(page.session_count, 1);
	assert_int_equal(page.sessions[0]->desired, ROOST__WANTED_SESSION__DESIRED__STOP);
	assert_int_equal(page.to_version, held + 1);
	held = page.to_version;
	remove_workspace(node, two);
	world_report_stopped(world, node, one, 1);
	catch_up();
	page = wanted(node, held);
	assert_int_equal(page.workspace_count, 1);
	assert_int_equal(page.workspaces[0]->desired, ROOST__WANTED_WORKSPACE__DESIRED__REMOVE);
	page = wanted(node, 0); /* an agent that holds nothing need not hear of what is over */
	assert_int_equal(page.workspace_count, 1);
	assert_string_equal(page.workspaces[0]->id, one);
	assert_int_equal(page.session_count, 0);
	assert_int_equal(wanted(world_id(world), 0).workspace_count, 0);
}

/* A page that ends within a version does not claim that version. */
static void test_wanted_rows_come_in_pages_without_gaps(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n"), *workspace = running_workspace(node, "w");
	for (int i = 0; i < 9; i++)
		world_make_session(world, workspace, "s");
	change_workspace(workspace, false); /* ten rows of one version */
	catch_up();
	uint64_t held = node_version(node) - 1;
	struct error error = {0};
	struct wanted_page page = {.next = {.held_version = held, .version = held}};
	const char *seen[10];
	size_t rows = 0, pages = 0;
	do {
		const struct wanted_cursor cursor = page.next;
		assert_true(projection_wanted(projection, node, &cursor, 200, arena, &page, &error));
		assert_int_equal(page.to_version, page.more ? held : held + 1);
		assert_true(page.workspace_count + page.session_count >= 1);
		for (size_t i = 0; i < page.workspace_count; i++)
			seen[rows++] = page.workspaces[i]->id;
		for (size_t i = 0; i < page.session_count; i++)
			seen[rows++] = page.sessions[i]->id;
		pages++;
	} while (page.more);
	assert_int_equal(rows, 10);
	assert_true(pages > 3);
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
}

static void test_the_next_deadline_is_the_earliest(void **state)
{
	(void)state;
	struct error error = {0};
	struct next_deadline next;
	const char *node = world_make_node(world, "n"), *first = world_make_workspace(world, node, "a"),
		   *second = world_make_workspace(world, node, "b");
	catch_up();
	assert_true(projection_next_deadline(projection, arena, &next, &error));
	assert_string_equal(next.workspace_id, first);
	assert_string_equal(next.node_id, node);
	assert_string_equal(next.owner, "alice");
	assert_int_equal(next.generation, 1);
	assert_int_equal(next.deadline_ms, world_workspace(world, first)->deadline_at);
	world_report_running(world, node, first, 1);
	catch_up();
	assert_true(projection_next_deadline(projection, arena, &next, &error));
	assert_string_equal(next.workspace_id, second);
	change_workspace(second, true);
	catch_up();
	assert_true(projection_next_deadline(projection, arena, &next, &error));
	assert_null(next.workspace_id);
}

static void test_nodes_of_all_owners_come_in_pages(void **state)
{
	(void)state;
	const char *ids[5];
	for (int i = 0; i < 5; i++) {
		world->owner = i % 2 == 0 ? "alice" : "bob";
		ids[i] = world_make_node(world, "n");
	}
	world_take(world, decide_node_health(world_inputs(world), ids[4], ROOST__NODE__HEALTH__UNHEALTHY, 1234, NULL));
	catch_up();
	struct error error = {0};
	struct node_summaries page;
	const char *after = NULL;
	size_t seen = 0;
	do {
		assert_true(projection_nodes(projection, after, 2, arena, &page, &error));
		for (size_t i = 0; i < page.count; i++, seen++) {
			assert_string_equal(page.items[i].id, ids[seen]);
			assert_string_equal(page.items[i].owner, seen % 2 == 0 ? "alice" : "bob");
			assert_int_equal(page.items[i].status, ROOST__NODE__STATUS__RUNNING);
		}
		after = page.count > 0 ? page.items[page.count - 1].id : NULL;
	} while (page.count > 0);
	assert_int_equal(seen, 5);
	assert_true(projection_nodes(projection, ids[3], 2, arena, &page, &error));
	assert_int_equal(page.items[0].announced_health, ROOST__NODE__HEALTH__UNHEALTHY);
	assert_int_equal(page.items[0].silent_since_ms, 1234);
}

static void start_delete(const char *id)
{
	change_workspace(id, true);
	catch_up();
}

/* What the sweeper looks at: everything that is on its way, whoever's it is, and nothing that rests. */
static void test_what_is_on_its_way_comes_in_pages(void **state)
{
	(void)state;
	struct workspace_page page;
	struct session_page sessions;
	struct error error = {0};
	const char *node = world_make_node(world, "n"), *rests = running_workspace(node, "rests");
	const char *first = world_make_workspace(world, node, "a"), *second = running_workspace(node, "b");
	const char *session = world_make_session(world, rests, "s");
	start_delete(second);
	assert_true(projection_moving_workspaces(projection, "", 1, arena, &page, &error));
	assert_int_equal(page.count, 1);
	assert_string_equal(page.items[0]->resource->id, first);
	assert_true(projection_moving_workspaces(projection, page.next_cursor, 2, arena, &page, &error));
	assert_int_equal(page.count, 1);
	assert_string_equal(page.items[0]->resource->id, second);
	assert_null(page.next_cursor);
	assert_true(projection_moving_sessions(projection, "", 10, arena, &sessions, &error));
	assert_int_equal(sessions.count, 1);
	assert_string_equal(sessions.items[0]->resource->id, session);
	assert_true(projection_moving_sessions(projection, session, 10, arena, &sessions, &error));
	assert_int_equal(sessions.count, 0);
}

static void test_the_wanted_version_of_a_node_is_the_highest_of_its_rows(void **state)
{
	(void)state;
	uint64_t version, before;
	struct error error = {0};
	const char *node = world_make_node(world, "n"), *workspace = running_workspace(node, "w");
	catch_up();
	assert_true(projection_wanted_version(projection, node, arena, &before, &error));
	assert_int_equal(before, world_workspace(world, workspace)->wanted_version);
	assert_true(before < world_node(world, node)->version); /* a report wants nothing */
	start_delete(workspace);
	assert_true(projection_wanted_version(projection, node, arena, &version, &error));
	assert_int_equal(version, world_node(world, node)->version);
	assert_true(projection_wanted_version(projection, workspace, arena, &version, &error));
	assert_int_equal(version, 0);
}

static void test_claims_that_were_never_fulfilled_are_found_with_their_keys(void **state)
{
	(void)state;
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = "n";
	world_make_node(world, "fulfilled");
	struct decision_inputs *inputs = world_inputs_keyed(world, "k", 9);
	const char *keyed = inputs->new_id;
	world_take(world, decide_create_node(inputs, &request));
	inputs = world_inputs(world);
	const char *unkeyed = inputs->new_id;
	world_take(world, decide_create_node(inputs, &request));
	catch_up();
	struct error error = {0};
	struct pending_claims claims;
	/* The ids of tests begin with 0100000000: a time in 2005. */
	assert_true(projection_pending_claims(projection, 1000, 10, arena, &claims, &error));
	assert_int_equal(claims.count, 0);
	assert_true(projection_pending_claims(projection, world->now_ms, 10, arena, &claims, &error));
	assert_int_equal(claims.count, 2);
	assert_string_equal(claims.items[0].node_id, keyed);
	assert_string_equal(claims.items[0].owner, "alice");
	assert_string_equal(claims.items[0].idempotency_key, "k");
	assert_int_equal(claims.items[0].request_hash[31], 9);
	assert_string_equal(claims.items[1].node_id, unkeyed);
	assert_null(claims.items[1].idempotency_key);
}

/* A decision on the projection is the decision on the store in memory. */
static void test_decisions_read_the_projection(void **state)
{
	(void)state;
	const char *node = world_make_node(world, "n");
	running_workspace(node, "w");
	catch_up();
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "W";
	request.node_id = node;
	struct decision_inputs *inputs = world_inputs(world);
	const struct decision *on_memory = decide_create_workspace(inputs, &request);
	inputs->store = projection_entities(projection);
	const struct decision *on_file = decide_create_workspace(inputs, &request);
	struct bytes left = message_pack(&on_memory->record->base, arena),
		     right = message_pack(&on_file->record->base, arena);
	assert_int_equal(left.size, right.size);
	assert_memory_equal(left.data, right.data, left.size);
	assert_int_equal(on_memory->expected_last_seq, on_file->expected_last_seq);
	struct error error = {0};
	assert_null(projection_workspace(projection, "alice", inputs->new_id, arena, &error)); /* only tried */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_somebody_elses_things_and_deleted_ones_do_not_exist),
	    TEST(test_lists_are_newest_first_and_paged),
	    TEST(test_names_may_change_hands_within_a_transaction),
	    TEST(test_a_deleted_workspace_is_read_again_after_a_restart),
	    TEST(test_events_go_both_ways_and_can_be_followed),
	    TEST(test_the_nodes_own_wish_is_on_every_page),
	    TEST(test_wanted_rows_are_those_after_the_version_that_is_held),
	    TEST(test_wanted_rows_come_in_pages_without_gaps),
	    TEST(test_the_next_deadline_is_the_earliest),
	    TEST(test_nodes_of_all_owners_come_in_pages),
	    TEST(test_what_is_on_its_way_comes_in_pages),
	    TEST(test_the_wanted_version_of_a_node_is_the_highest_of_its_rows),
	    TEST(test_claims_that_were_never_fulfilled_are_found_with_their_keys),
	    TEST(test_decisions_read_the_projection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
