/* Applying records that no decision of this program makes: cascades of a whole node, changes of newer
 * programs, and nonsense, none of which may stop a projection. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/domain/world.h"

#include "controller/domain/states.h"
#include <string.h>

static struct world *world;
static const char *node, *running, *creating, *stopped, *broken, *live, *done;

/* A node with a workspace in each of four states, and two sessions in the running one. */
static int begin(void **state)
{
	(void)state;
	world = world_new();
	node = world_make_node(world, "n");
	running = world_make_workspace(world, node, "running");
	creating = world_make_workspace(world, node, "creating");
	stopped = world_make_workspace(world, node, "stopped");
	broken = world_make_workspace(world, node, "broken");
	world_report_running(world, node, running, 1);
	live = world_make_session(world, running, "live");
	done = world_make_session(world, running, "done");
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = stopped;
	world_take(world, decide_stop_workspace(world_inputs(world), &request));
	world_report_stopped(world, node, stopped, 1);
	world->now_ms += world->limits.provision_timeout_ms;
	world_take(world, decide_provision_deadline(world_inputs(world), broken, 1));
	Roost__SessionEnded ended = ROOST__SESSION_ENDED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	ended.session_id = done;
	report.report_case = ROOST__REPORT__REPORT_SESSION_ENDED;
	report.session_ended = &ended;
	world_report(world, node, &report);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

static struct apply_outcome apply_changes(Roost__Change **changes, size_t count)
{
	struct apply_outcome outcome;
	Roost__Record record = ROOST__RECORD__INIT;
	arena_reset(world->step);
	record.id = world_id(world);
	record.owner = "alice";
	record.has_kind = record.has_version = record.has_recorded_at = true;
	record.kind = ROOST__RECORD__KIND__NODE;
	record.aggregate_id = node;
	record.version = world_node(world, node)->version + 1;
	record.recorded_at = ++world->now_ms;
	record.n_changes = count;
	record.changes = changes;
	apply_record(world->store, 1000 + record.version, &record, world->step, &outcome);
	return outcome;
}

static struct apply_outcome apply_one(Roost__Change *change)
{
	return apply_changes(&change, 1);
}

static struct apply_outcome apply_empty(Roost__Change__ChangeCase which)
{
	static Roost__NodeStopping stopping = ROOST__NODE_STOPPING__INIT; /* all of these are empty */
	static Roost__NodeDeleted deleted = ROOST__NODE_DELETED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	change.change_case = which;
	if (which == ROOST__CHANGE__CHANGE_NODE_DELETED)
		change.node_deleted = &deleted;
	else
		change.node_stopping = &stopping;
	return apply_one(&change);
}

static void assert_workspace(const char *id, Roost__Workspace__Status status)
{
	assert_string_equal(workspace_status_word(world_workspace(world, id)->resource->status),
			    workspace_status_word(status));
}

static void assert_session(const char *id, Roost__AgentSession__Status status, Roost__AgentSession__StopReason reason)
{
	const Roost__SessionState *session = world_session(world, id);
	assert_string_equal(session_status_word(session->resource->status), session_status_word(status));
	assert_int_equal(session->resource->stop_reason, reason);
}

/* S0-22, S0-34: one change, and all that is on the node follows. */
static void test_stopping_a_node_stops_what_runs_on_it(void **state)
{
	(void)state;
	const struct apply_outcome outcome = apply_empty(ROOST__CHANGE__CHANGE_NODE_STOPPING);
	assert_int_equal(outcome.skipped, 0);
	assert_int_equal(outcome.event_count, 1);
	assert_workspace(running, ROOST__WORKSPACE__STATUS__STOPPING);
	assert_workspace(creating, ROOST__WORKSPACE__STATUS__STOPPING);
	assert_workspace(stopped, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_workspace(broken, ROOST__WORKSPACE__STATUS__ERROR);
	assert_session(live, ROOST__AGENT_SESSION__STATUS__STOPPING, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_session(done, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__EXITED);
	uint64_t version = world_node(world, node)->version;
	assert_int_equal(world_workspace(world, running)->wanted_version, version);
	assert_int_equal(world_session(world, live)->wanted_version, version);
	assert_true(world_workspace(world, stopped)->wanted_version < version);

	apply_empty(ROOST__CHANGE__CHANGE_NODE_STOPPED);
	assert_workspace(running, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_workspace(creating, ROOST__WORKSPACE__STATUS__STOPPED);
	assert_workspace(broken, ROOST__WORKSPACE__STATUS__ERROR);
	assert_session(live, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_true(world_workspace(world, running)->resource->prior_sessions_ended);
}

/* S0-23 */
static void test_deleting_a_node_deletes_what_is_on_it(void **state)
{
	(void)state;
	apply_empty(ROOST__CHANGE__CHANGE_NODE_DELETING);
	const char *all[] = {running, creating, stopped, broken};
	for (size_t i = 0; i < 4; i++)
		assert_workspace(all[i], ROOST__WORKSPACE__STATUS__DELETING);
	assert_session(live, ROOST__AGENT_SESSION__STATUS__STOPPING, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	apply_empty(ROOST__CHANGE__CHANGE_NODE_DELETED);
	for (size_t i = 0; i < 4; i++)
		assert_workspace(all[i], ROOST__WORKSPACE__STATUS__DELETED);
	assert_session(live, ROOST__AGENT_SESSION__STATUS__STOPPED, ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP);
	assert_int_equal(world_node(world, node)->resource->capacity->used, 0);
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = "x";
	request.node_id = node;
	assert_int_equal(decide_create_workspace(world_inputs(world), &request)->refusal.code, ERROR_NODE_NOT_FOUND);
}

static void test_a_failed_node_says_why(void **state)
{
	(void)state;
	Roost__NodeFailed failed = ROOST__NODE_FAILED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	failed.message = "out of disk";
	change.change_case = ROOST__CHANGE__CHANGE_NODE_FAILED;
	change.node_failed = &failed;
	assert_int_equal(apply_one(&change).skipped, 0);
	assert_int_equal(world_node(world, node)->resource->status, ROOST__NODE__STATUS__ERROR);
	assert_string_equal(world_node(world, node)->resource->error_message, "out of disk");
	assert_workspace(running, ROOST__WORKSPACE__STATUS__RUNNING);
}

/* A record of a newer program: its other changes count, and the version rises. */
static void test_unknown_changes_are_passed_over(void **state)
{
	(void)state;
	Roost__Change unknown = ROOST__CHANGE__INIT, renamed = ROOST__CHANGE__INIT;
	Roost__WorkspaceRenamed name = ROOST__WORKSPACE_RENAMED__INIT;
	Roost__Change *changes[] = {&unknown, &renamed};
	uint64_t version = world_node(world, node)->version;
	name.workspace_id = running;
	name.display_name = "other";
	renamed.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_RENAMED;
	renamed.workspace_renamed = &name;
	const struct apply_outcome outcome = apply_changes(changes, 2);
	assert_int_equal(outcome.skipped, 1);
	assert_int_equal(outcome.event_count, 1);
	assert_int_equal(outcome.event_indexes[0], 1);
	assert_string_equal(world_workspace(world, running)->resource->display_name, "other");
	assert_int_equal(world_node(world, node)->version, version + 1);
}

/* Every change of the schema, with nothing in it, on an aggregate that is there and one that is not. */
static void test_empty_changes_of_every_kind_do_no_harm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < roost__change__descriptor.n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &roost__change__descriptor.fields[i];
		const ProtobufCMessageDescriptor *descriptor = field->descriptor;
		ProtobufCMessage *value = arena_alloc(world->arena, descriptor->sizeof_message);
		Roost__Change change = ROOST__CHANGE__INIT;
		Roost__Change *changes[] = {&change};
		descriptor->message_init(value);
		change.change_case = (Roost__Change__ChangeCase)field->id;
		memcpy((char *)&change + field->offset, &value, sizeof(void *));
		for (int kind = 0; kind <= ROOST__RECORD__KIND__TASK + 1; kind++) {
			struct apply_outcome outcome;
			Roost__Record record = ROOST__RECORD__INIT;
			record.id = world_id(world);
			record.owner = "alice";
			record.kind = (Roost__Record__Kind)kind;
			record.n_changes = 1;
			record.changes = changes;
			apply_record(world->store, 1, &record, world->step, &outcome); /* without an aggregate */
			assert_int_equal(outcome.skipped, 1);
			record.aggregate_id = world_id(world);
			apply_record(world->store, 1, &record, world->step, &outcome);
			/* Pages of snapshots tell people nothing. */
			assert_int_equal(outcome.skipped + outcome.event_count,
					 field->id == ROOST__CHANGE__CHANGE_SNAPSHOT ? 0 : 1);
		}
	}
	assert_workspace(running, ROOST__WORKSPACE__STATUS__RUNNING);
}

static void test_a_record_about_another_nodes_things_changes_nothing(void **state)
{
	(void)state;
	const char *mine = running, *my_session = live;
	Roost__WorkspaceDeleting deleting = ROOST__WORKSPACE_DELETING__INIT;
	Roost__SessionStopping stopping = ROOST__SESSION_STOPPING__INIT;
	Roost__Change first = ROOST__CHANGE__INIT, second = ROOST__CHANGE__INIT;
	Roost__Change *changes[] = {&first, &second};
	deleting.workspace_id = mine;
	first.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_DELETING;
	first.workspace_deleting = &deleting;
	stopping.session_id = my_session;
	second.change_case = ROOST__CHANGE__CHANGE_SESSION_STOPPING;
	second.session_stopping = &stopping;
	node = world_make_node(world, "other");
	assert_int_equal(apply_changes(changes, 2).skipped, 2);
	assert_workspace(mine, ROOST__WORKSPACE__STATUS__RUNNING);
}

static void test_illegal_moves_in_the_log_are_passed_over(void **state)
{
	(void)state;
	Roost__WorkspaceStopped value = ROOST__WORKSPACE_STOPPED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	value.workspace_id = running;
	value.has_generation = true;
	value.generation = 1;
	change.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_STOPPED;
	change.workspace_stopped = &value;
	const struct apply_outcome outcome = apply_one(&change);
	assert_int_equal(outcome.skipped, 1);
	assert_int_equal(outcome.event_count, 0);
	assert_workspace(running, ROOST__WORKSPACE__STATUS__RUNNING);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(test_stopping_a_node_stops_what_runs_on_it),
	    TEST(test_deleting_a_node_deletes_what_is_on_it),
	    TEST(test_a_failed_node_says_why),
	    TEST(test_unknown_changes_are_passed_over),
	    TEST(test_empty_changes_of_every_kind_do_no_harm),
	    TEST(test_a_record_about_another_nodes_things_changes_nothing),
	    TEST(test_illegal_moves_in_the_log_are_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
