/* Nodes that lie and beats that somebody forged: they cost nothing, and nobody's things (S4-24). */
#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/wire/message.h"
#include "bus/wire/subject.h"
#include "tests/integration/sweeper_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static Roost__InventoryResponse__Workspace *row_of(const char *id, struct arena *arena)
{
	Roost__InventoryResponse__Workspace *row;
	arena_message(arena, row, roost__inventory_response__workspace__init);
	row->id = id;
	row->has_generation = row->has_running = row->has_known = row->has_made_at = true;
	row->generation = 1;
	row->owner = "alice";
	row->made_at = clock_wall_ms() - 2 * HOUR_MS;
	return row;
}

static void answer_with(Roost__InventoryResponse *response, const char *const *ids, size_t count, struct arena *arena)
{
	response->workspaces = arena_array_of(arena, Roost__InventoryResponse__Workspace *, count);
	for (size_t i = 0; i < count; i++)
		response->workspaces[i] = row_of(ids[i], arena);
	response->n_workspaces = count;
}

/* Every page says that the same page follows. */
static bool in_circles(void *context, const char *cursor, Roost__InventoryResponse *response, struct arena *arena)
{
	(void)cursor;
	answer_with(response, (const char *const *)&context, 1, arena);
	response->next_cursor = context;
	return true;
}

static bool without_end(void *context, const char *cursor, Roost__InventoryResponse *response, struct arena *arena)
{
	static int page;
	const char **ids = arena_array_of(arena, const char *, INVENTORY_PAGE_MAX);
	(void)context;
	page = cursor[0] == '\0' ? 0 : page + 1;
	for (int i = 0; i < INVENTORY_PAGE_MAX; i++)
		ids[i] = arena_printf(arena, "01JZZZZZZZZZZZZZZZ%08d", page * INVENTORY_PAGE_MAX + i);
	answer_with(response, ids, INVENTORY_PAGE_MAX, arena);
	response->next_cursor = ids[INVENTORY_PAGE_MAX - 1];
	return true;
}

static bool too_large(void *context, const char *cursor, Roost__InventoryResponse *response, struct arena *arena)
{
	char *text = arena_alloc(arena, INVENTORY_PAGE_BYTES_MAX + 1);
	(void)cursor;
	memset(text, 'x', INVENTORY_PAGE_BYTES_MAX);
	answer_with(response, (const char *const *)&context, 1, arena);
	response->workspaces[0]->owner = text;
	return true;
}

static bool only_what_it_is_told(void *context, const char *cursor, Roost__InventoryResponse *response,
				 struct arena *arena)
{
	(void)cursor;
	answer_with(response, (const char *const *)&context, 1, arena);
	return true;
}

static void an_inventory_without_end_in_circles_or_too_large_proves_nothing(void **state)
{
	static fake_inventory_change *const lies[] = {in_circles, without_end, too_large};
	static const char *const words[] = {"go in circles", "more than", "at most"};
	struct sweepers *sweepers = *state;
	const char *id = sweepers_old_id(sweepers);
	sweepers_start(sweepers, 0, NULL);
	for (int i = 0; i < 3; i++) {
		fake_agent_changes_inventory(sweepers->agent, lies[i], (void *)id);
		sweepers_await_looks(sweepers, 3);
		while (!sweepers_log_has(sweepers, 0, words[i]))
			sweepers_await_looks(sweepers, 1);
	}
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 0);
	fake_agent_changes_inventory(sweepers->agent, only_what_it_is_told, (void *)id);
	sweepers_await_events(sweepers, "sweeper_found", 1); /* the same id, from an honest answer */
}

/* A node that names what is on another one, or somebody else's, cannot have it removed. */
static void what_another_node_has_is_none_of_this_ones_business(void **state)
{
	struct sweepers *sweepers = *state;
	struct controllers *controllers = &sweepers->controllers;
	const char *other_node = make_node(controllers, "bob", "his");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = other_node,
	    .beat_ms = 50,
	};
	struct fake_agent *other = fake_agent_start(&settings);
	await_node(controllers, "bob", other_node, ROOST__NODE__STATUS__RUNNING);
	const char *his = make_workspace(controllers, "bob", other_node, "his")->id;
	await_workspace(controllers, "bob", his, ROOST__WORKSPACE__STATUS__RUNNING);
	fake_agent_changes_inventory(sweepers->agent, only_what_it_is_told, (void *)his);
	sweepers_start(sweepers, 0, NULL);
	sweepers_await_looks(sweepers, 4);
	assert_int_equal(sweepers_count_events(sweepers, "sweeper_found"), 0);
	assert_int_equal(get_workspace(controllers, "bob", his)->status, ROOST__WORKSPACE__STATUS__RUNNING);
	assert_false(fake_agent_workspace(other, his)->removed);
	fake_agent_stop(other);
}

static void forge_beat(struct connection *connection, const char *subject_node, const char *beat_node)
{
	struct arena *arena = arena_new();
	char subject[128];
	Roost__Heartbeat beat = ROOST__HEARTBEAT__INIT;
	beat.node_id = beat_node;
	snprintf(subject, sizeof(subject), "roost.beat.%s", subject_node);
	struct outgoing message = {.subject = subject, .data = message_pack(&beat.base, arena)};
	assert_true(connection_publish(connection, &message, NULL));
	arena_free(arena);
}

/* Only nodes that the log has are remembered. */
static void forged_beats_fill_no_table(void **state)
{
	struct sweepers *sweepers = *state;
	struct connection *connection = controllers_connection(&sweepers->controllers, "alice");
	sweepers_start(sweepers, 0, NULL);
	for (int i = 0; i < 2000; i++) {
		const char *id = sweepers_old_id(sweepers);
		forge_beat(connection, id, id);
	}
	forge_beat(connection, "not-an-id", "not-an-id");
	forge_beat(connection, sweepers->node, sweepers_old_id(sweepers));
	forge_beat(connection, sweepers->node, "%");
	sweepers_await_looks(sweepers, 2);
	sweepers_stop(sweepers, 0);
	assert_true(sweepers_log_has(sweepers, 0, "beats of 1 nodes"));
	assert_true(sweepers_log_has(sweepers, 0, "2000 of strangers, 3 bad"));
}

/* What anybody may send to roost.sweep is answered, or dropped, and ends nothing. */
static void rubbish_on_the_sweeps_subject_is_answered(void **state)
{
	static const char *const payloads[] = {"", "\xff\xff\xff", "\x0a\x00", "\n\005alice"};
	struct sweepers *sweepers = *state;
	struct connection *connection = controllers_connection(&sweepers->controllers, "alice");
	sweepers_start(sweepers, 0, NULL);
	for (int i = 0; i < 200; i++) {
		const char *payload = payloads[i % 4];
		struct outgoing message = {.subject = "roost.sweep",
					   .reply = i % 2 == 0 ? "_INBOX.alice.x" : "roost.evt.alice.node.x",
					   .data = {(const unsigned char *)payload, strlen(payload)}};
		assert_true(connection_publish(connection, &message, NULL));
	}
	uint64_t before = sweepers_last_seq(sweepers);
	loop_for(&sweepers->controllers.loop, 5000); /* those sweeps end */
	assert_int_equal(sweepers_run(sweepers, "alice", true)->n_findings, 0);
	assert_int_equal(sweepers_last_seq(sweepers), before);
	sweepers_stop(sweepers, 0);
}

int main(void)
{
	log_open("test", LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, sweepers_set_up, sweepers_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(an_inventory_without_end_in_circles_or_too_large_proves_nothing),
	    TEST(what_another_node_has_is_none_of_this_ones_business),
	    TEST(forged_beats_fill_no_table),
	    TEST(rubbish_on_the_sweeps_subject_is_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
