/* Every change is an event for people, and wanted state follows from states alone. */
#include "controller/domain/describe.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static const ProtobufCMessage *empty_of(const ProtobufCMessageDescriptor *descriptor, struct arena *arena)
{
	ProtobufCMessage *message = arena_alloc(arena, descriptor->sizeof_message);
	descriptor->message_init(message);
	return message;
}

/* The oneof's fields all lie at the same place. */
static Roost__Change *change_of(const ProtobufCFieldDescriptor *field, struct arena *arena)
{
	Roost__Change *change;
	arena_message(arena, change, roost__change__init);
	change->change_case = (Roost__Change__ChangeCase)field->id;
	const ProtobufCMessage *value = empty_of(field->descriptor, arena);
	memcpy((char *)change + field->offset, &value, sizeof(void *));
	return change;
}

static void test_every_change_of_the_schema_has_an_event(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	for (unsigned i = 0; i < roost__change__descriptor.n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &roost__change__descriptor.fields[i];
		Roost__Change *change = change_of(field, arena);
		Roost__Record record = ROOST__RECORD__INIT;
		const struct described nothing = {0};
		record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
		record.aggregate_id = "01ARZ3NDEKTSV4RRFFQ69G5FAW";
		record.recorded_at = 77;
		record.n_changes = 1;
		record.changes = &change;
		const Roost__Event *event = describe_change(&record, 0, 9, &nothing, arena);
		if (field->id == ROOST__CHANGE__CHANGE_SNAPSHOT) { /* tells people nothing new */
			assert_null(event);
			continue;
		}
		assert_non_null(event);
		assert_string_equal(event->type, field->name);
		assert_null(strchr(event->type, '.')); /* it is a token of the tail's subject */
		assert_string_equal(event->id, "01ARZ3NDEKTSV4RRFFQ69G5FAV-0");
		assert_true(event->has_level && event->level >= 1 && event->level <= 4);
		assert_true(event->message != NULL && event->message[0] != '\0');
		assert_int_equal(event->seq, 9);
		assert_int_equal(event->created_at, 77);
	}
	arena_free(arena);
}

static void test_a_change_of_a_newer_program_has_none(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	Roost__Change unset = ROOST__CHANGE__INIT;
	Roost__Change *changes[] = {&unset};
	Roost__Record record = ROOST__RECORD__INIT;
	const struct described nothing = {0};
	record.n_changes = 1;
	record.changes = changes;
	assert_null(describe_change(&record, 0, 9, &nothing, arena));
	unset.change_case = (Roost__Change__ChangeCase)4000;
	assert_null(describe_change(&record, 0, 9, &nothing, arena));
	assert_null(change_name(&unset));
	arena_free(arena);
}

static void test_an_event_names_what_it_is_about(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	Roost__Workspace resource = ROOST__WORKSPACE__INIT;
	Roost__WorkspaceState workspace = ROOST__WORKSPACE_STATE__INIT;
	Roost__WorkspaceFailed failed = ROOST__WORKSPACE_FAILED__INIT;
	Roost__Change change = ROOST__CHANGE__INIT;
	Roost__Change *changes[] = {&change};
	Roost__Record record = ROOST__RECORD__INIT;
	workspace.resource = &resource;
	resource.id = "W";
	resource.display_name = "api";
	failed.message = "the branch does not exist";
	failed.detail = "fatal: Remote branch x not found";
	change.change_case = ROOST__CHANGE__CHANGE_WORKSPACE_FAILED;
	change.workspace_failed = &failed;
	record.kind = ROOST__RECORD__KIND__NODE;
	record.aggregate_id = "N";
	record.n_changes = 1;
	record.changes = changes;
	const struct described about = {.workspace = &workspace};
	const Roost__Event *event = describe_change(&record, 0, 1, &about, arena);
	assert_string_equal(event->message, "Workspace api failed: the branch does not exist");
	assert_string_equal(event->detail, "fatal: Remote branch x not found");
	assert_int_equal(event->level, ROOST__EVENT__LEVEL__ERROR);
	assert_string_equal(event->node_id, "N");
	assert_string_equal(event->workspace_id, "W");
	assert_null(event->session_id);
	arena_free(arena);
}

static void test_wanted_state_follows_from_the_status(void **state)
{
	(void)state;
	static const Roost__WantedWorkspace__Desired workspaces[] = {
	    [ROOST__WORKSPACE__STATUS__CREATING] = ROOST__WANTED_WORKSPACE__DESIRED__RUN,
	    [ROOST__WORKSPACE__STATUS__RUNNING] = ROOST__WANTED_WORKSPACE__DESIRED__RUN,
	    [ROOST__WORKSPACE__STATUS__STOPPING] = ROOST__WANTED_WORKSPACE__DESIRED__STOP,
	    [ROOST__WORKSPACE__STATUS__STOPPED] = ROOST__WANTED_WORKSPACE__DESIRED__STOP,
	    [ROOST__WORKSPACE__STATUS__ERROR] = ROOST__WANTED_WORKSPACE__DESIRED__STOP,
	    [ROOST__WORKSPACE__STATUS__DELETING] = ROOST__WANTED_WORKSPACE__DESIRED__REMOVE,
	    [ROOST__WORKSPACE__STATUS__DELETED] = ROOST__WANTED_WORKSPACE__DESIRED__REMOVE,
	};
	assert_int_equal(roost__workspace__status__descriptor.n_values + 1, sizeof(workspaces) / sizeof(workspaces[0]));
	for (int i = 1; i < (int)(sizeof(workspaces) / sizeof(workspaces[0])); i++)
		assert_int_equal(wanted_of_workspace((Roost__Workspace__Status)i), workspaces[i]);
	for (int i = 1; i <= (int)roost__agent_session__status__descriptor.n_values; i++)
		assert_int_equal(wanted_of_session((Roost__AgentSession__Status)i),
				 i <= ROOST__AGENT_SESSION__STATUS__RUNNING ? ROOST__WANTED_SESSION__DESIRED__RUN
									    : ROOST__WANTED_SESSION__DESIRED__STOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_change_of_the_schema_has_an_event),
	    cmocka_unit_test(test_a_change_of_a_newer_program_has_none),
	    cmocka_unit_test(test_an_event_names_what_it_is_about),
	    cmocka_unit_test(test_wanted_state_follows_from_the_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
