/* Wanted state as the agent takes it in (design: effects are wanted state), and the file it lies in. */
#include "nodeagent/control/apply.h"
#include "tests/unit/nodeagent/fixture.h"

#include <sqlite3.h>
#include <sys/resource.h>

#define WORKSPACE "01JABCDEFGHJKMNPQRSTVWXYZ0"
#define SECOND	  "01JABCDEFGHJKMNPQRSTVWXYZ1"
#define SESSION	  "01JABCDEFGHJKMNPQRSTVWXYZ2"

#define RUN  ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP ROOST__WANTED_WORKSPACE__DESIRED__STOP

struct page {
	Roost__ApplyRequest request;
	Roost__WantedWorkspace workspace;
	Roost__WantedWorkspace *workspaces[1];
	Roost__WantedSession session;
	Roost__WantedSession *sessions[1];
	const char *command[1];
};

static Roost__ApplyRequest *page_of(struct page *page, const char *log_id, uint64_t epoch, uint64_t from, uint64_t to)
{
	memset(page, 0, sizeof(*page));
	roost__apply_request__init(&page->request);
	page->request.log_id = log_id;
	page->request.has_log_epoch = page->request.has_from_version = page->request.has_to_version = true;
	page->request.log_epoch = epoch;
	page->request.from_version = from;
	page->request.to_version = to;
	return &page->request;
}

static void add_workspace(struct page *page, const char *id, uint64_t version, uint32_t generation,
			  Roost__WantedWorkspace__Desired desired)
{
	Roost__WantedWorkspace *row = &page->workspace;
	roost__wanted_workspace__init(row);
	row->id = id;
	row->owner = "local";
	row->has_version = row->has_generation = row->has_desired = true;
	row->version = version;
	row->generation = generation;
	row->desired = desired;
	page->workspaces[0] = row;
	page->request.n_workspaces = 1;
	page->request.workspaces = page->workspaces;
}

static void add_session(struct page *page, const char *id, uint64_t version)
{
	Roost__WantedSession *row = &page->session;
	roost__wanted_session__init(row);
	row->id = id;
	row->workspace_id = WORKSPACE;
	row->has_version = row->has_generation = row->has_desired = true;
	row->version = version;
	row->generation = 1;
	row->desired = ROOST__WANTED_SESSION__DESIRED__RUN;
	page->command[0] = "bash";
	row->command = page->command;
	row->n_command = 1;
	page->sessions[0] = row;
	page->request.n_sessions = 1;
	page->request.sessions = page->sessions;
}

static uint64_t apply(struct fixture *fixture, struct page *page)
{
	struct error error = {0};
	Roost__ApplyResponse answer = ROOST__APPLY_RESPONSE__INIT;
	if (!apply_store(fixture->store, &page->request, &answer, &error))
		fail_msg("%s", error.message);
	assert_non_null(answer.log_id);
	return answer.held_version;
}

static struct workspace_row row_of(struct fixture *fixture, const char *id)
{
	struct workspace_row row = {0};
	assert_true(store_workspace(fixture->store, id, fixture->arena, &row));
	return row;
}

static void a_page_is_stored_whole_and_outlives_the_process(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 5);
	add_workspace(&page, WORKSPACE, 4, 1, RUN);
	add_session(&page, SESSION, 5);
	assert_int_equal(apply(fixture, &page), 5);
	fixture_reopen(fixture, "boot-1");
	assert_false(fixture->fresh);
	assert_int_equal(store_identity(fixture->store)->held_version, 5);
	struct workspace_row row = row_of(fixture, WORKSPACE);
	assert_true(row.wanted.known);
	assert_int_equal(row.wanted.version, 4);
	assert_int_equal(row.actual.phase, WORKSPACE_ABSENT);
	struct session_row *sessions = NULL;
	assert_int_equal(store_sessions(fixture->store, WORKSPACE, fixture->arena, &sessions), 1);
	assert_string_equal(sessions[0].id, SESSION);
}

/* S1-05, S1-07: early, late, repeated and reordered pages. */
static void an_older_row_is_left_out(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 9);
	add_workspace(&page, WORKSPACE, 9, 2, STOP);
	apply(fixture, &page);
	page_of(&page, "log", 1, 0, 5);
	add_workspace(&page, WORKSPACE, 5, 1, RUN);
	assert_int_equal(apply(fixture, &page), 9);
	assert_int_equal(row_of(fixture, WORKSPACE).wanted.desired, STOP);
	assert_int_equal(row_of(fixture, WORKSPACE).wanted.generation, 2);
}

static void the_same_page_again_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 3);
	add_workspace(&page, WORKSPACE, 3, 1, RUN);
	apply(fixture, &page);
	struct workspace_row row = row_of(fixture, WORKSPACE);
	row.actual.phase = WORKSPACE_RUNNING;
	row.actual.generation = 1;
	store_begin(fixture->store);
	store_put_workspace(fixture->store, &row);
	store_commit(fixture->store);
	assert_int_equal(apply(fixture, &page), 3);
	assert_int_equal(row_of(fixture, WORKSPACE).actual.phase, WORKSPACE_RUNNING);
}

static void a_page_above_what_is_held_stores_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	struct workspace_row row;
	page_of(&page, "log", 1, 0, 3);
	apply(fixture, &page);
	page_of(&page, "log", 1, 7, 9);
	add_workspace(&page, WORKSPACE, 9, 1, RUN);
	assert_int_equal(apply(fixture, &page), 3);
	assert_false(store_workspace(fixture->store, WORKSPACE, fixture->arena, &row));
}

/* D3, D16: what another log does not name stays, and is unknown. */
static void another_log_starts_over_and_destroys_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 50);
	add_workspace(&page, WORKSPACE, 50, 4, RUN);
	add_session(&page, SESSION, 49);
	apply(fixture, &page);
	struct workspace_row row = row_of(fixture, WORKSPACE);
	row.actual = (struct workspace_actual){
	    .phase = WORKSPACE_RUNNING, .generation = 4, .told_desired = RUN, .told_generation = 4};
	store_begin(fixture->store);
	store_put_workspace(fixture->store, &row);
	store_commit(fixture->store);

	page_of(&page, "other", 1, 0, 2);
	add_workspace(&page, SECOND, 2, 1, RUN);
	assert_int_equal(apply(fixture, &page), 2);
	row = row_of(fixture, WORKSPACE);
	assert_false(row.wanted.known);
	assert_int_equal(row.actual.phase, WORKSPACE_RUNNING);
	assert_int_equal(row.actual.told_generation, 0);
	assert_int_equal(plan_workspace(&row.wanted, &row.actual), PLAN_NOTHING);
	struct session_row session;
	assert_false(store_session(fixture->store, SESSION, fixture->arena, &session));

	page_of(&page, "other", 1, 2, 3);
	add_workspace(&page, WORKSPACE, 3, 1, RUN);
	apply(fixture, &page);
	row = row_of(fixture, WORKSPACE);
	assert_true(row.wanted.known);
	assert_int_equal(plan_workspace(&row.wanted, &row.actual), PLAN_TELL);
}

static void a_higher_epoch_starts_over_and_a_lower_one_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 2, 0, 50);
	apply(fixture, &page);
	page_of(&page, "log", 1, 0, 60);
	add_workspace(&page, WORKSPACE, 60, 1, RUN);
	assert_int_equal(apply(fixture, &page), 50);
	struct workspace_row row;
	assert_false(store_workspace(fixture->store, WORKSPACE, fixture->arena, &row));
	page_of(&page, "log", 3, 40, 60);
	assert_int_equal(apply(fixture, &page), 0);
	page_of(&page, "log", 3, 0, 40);
	assert_int_equal(apply(fixture, &page), 40);
}

/* What was ended once must not be started because a log forgot it. */
static void an_ended_session_outlives_a_change_of_log(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 5);
	add_session(&page, SESSION, 5);
	apply(fixture, &page);
	struct session_row session;
	assert_true(store_session(fixture->store, SESSION, fixture->arena, &session));
	session.actual.phase = SESSION_ENDED;
	store_begin(fixture->store);
	store_put_session(fixture->store, &session);
	store_commit(fixture->store);
	page_of(&page, "log", 2, 0, 5);
	add_session(&page, SESSION, 1);
	apply(fixture, &page);
	assert_true(store_session(fixture->store, SESSION, fixture->arena, &session));
	assert_int_equal(session.actual.phase, SESSION_ENDED);
	assert_true(session.known);
}

/* A removed workspace is forgotten at the next start, and no late page brings it back. */
static void what_was_removed_is_forgotten_and_stays_away(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, "log", 1, 0, 7);
	add_workspace(&page, WORKSPACE, 7, 1, ROOST__WANTED_WORKSPACE__DESIRED__REMOVE);
	apply(fixture, &page);
	struct workspace_row row = row_of(fixture, WORKSPACE);
	row.actual.phase = WORKSPACE_REMOVED;
	row.actual.told_desired = row.wanted.desired;
	store_begin(fixture->store);
	store_put_workspace(fixture->store, &row);
	store_commit(fixture->store);
	store_forget_removed(fixture->store);
	assert_false(store_workspace(fixture->store, WORKSPACE, fixture->arena, &row));
	page_of(&page, "log", 1, 0, 5);
	add_workspace(&page, WORKSPACE, 5, 1, RUN);
	assert_int_equal(apply(fixture, &page), 7);
	assert_false(store_workspace(fixture->store, WORKSPACE, fixture->arena, &row));
}

/* A session that failed can be stopped once more, and the sweeper can ask again: both want an answer. */
static void what_is_asked_of_a_session_once_more_is_told_once_more(void **state)
{
	struct fixture *fixture = *state;
	struct session_row row;
	struct page page;
	page_of(&page, "log", 1, 0, 5);
	add_session(&page, SESSION, 5);
	apply(fixture, &page);
	assert_true(store_session(fixture->store, SESSION, fixture->arena, &row));
	row.actual.phase = SESSION_ENDED;
	row.actual.told = true;
	store_begin(fixture->store);
	store_put_session(fixture->store, &row);
	store_commit(fixture->store);
	apply(fixture, &page);
	assert_true(store_session(fixture->store, SESSION, fixture->arena, &row));
	assert_true(row.actual.told);
	page_of(&page, "log", 1, 5, 6);
	add_session(&page, SESSION, 6);
	apply(fixture, &page);
	assert_true(store_session(fixture->store, SESSION, fixture->arena, &row));
	assert_false(row.actual.told);
}

static void refuse(struct fixture *fixture, struct page *page, const char *named)
{
	struct error error = {0};
	Roost__ApplyResponse answer = ROOST__APPLY_RESPONSE__INIT;
	assert_false(apply_store(fixture->store, &page->request, &answer, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	assert_non_null(strstr(error.message, named));
	assert_int_equal(store_identity(fixture->store)->held_version, 0);
}

static void a_page_that_makes_no_sense_is_refused_by_name(void **state)
{
	struct fixture *fixture = *state;
	struct page page;
	page_of(&page, NULL, 1, 0, 5);
	refuse(fixture, &page, "log_id");
	page_of(&page, "log", 1, 6, 5);
	refuse(fixture, &page, "to_version");
	page_of(&page, "log", 1, 0, 5);
	add_workspace(&page, "../../etc/passwd", 5, 1, RUN);
	refuse(fixture, &page, "workspaces");
	page_of(&page, "log", 1, 0, 5);
	add_workspace(&page, WORKSPACE, 5, 0, RUN);
	refuse(fixture, &page, "workspaces");
}

static void a_damaged_file_is_set_aside_and_made_anew(void **state)
{
	struct fixture *fixture = *state;
	uint64_t epoch = store_identity(fixture->store)->agent_epoch;
	store_close(fixture->store);
	FILE *file = fopen(fixture->path, "w");
	for (int i = 0; i < 2000; i++)
		fputs("this is no database ", file);
	fclose(file);
	fixture_open(fixture, "boot-1");
	assert_true(fixture->fresh);
	assert_int_not_equal(store_identity(fixture->store)->agent_epoch, epoch);
	char aside[400];
	snprintf(aside, sizeof(aside), "%s.damaged", fixture->path);
	assert_int_equal(access(aside, F_OK), 0);
}

/* Here for want of a descriptor, elsewhere on a full disk: the file is sound, and what has yet to be reported is in it.
 */
static void a_file_that_cannot_be_opened_just_now_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {0};
	struct rlimit files;
	char aside[400];
	uint64_t epoch = store_identity(fixture->store)->agent_epoch;
	store_close(fixture->store);
	snprintf(aside, sizeof(aside), "%s.damaged", fixture->path);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 3, .rlim_max = files.rlim_max}), 0);
	fixture->store = store_open(fixture->path, "boot-1", FIXTURE_NOW, &fixture->fresh, &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_null(fixture->store);
	assert_int_equal(access(aside, F_OK), -1);
	fixture_open(fixture, "boot-1");
	assert_false(fixture->fresh);
	assert_int_equal(store_identity(fixture->store)->agent_epoch, epoch);
}

static void a_newer_programs_file_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {0};
	sqlite3 *handle = NULL;
	store_close(fixture->store);
	assert_int_equal(sqlite3_open(fixture->path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(handle);
	fixture->store = store_open(fixture->path, "boot-1", FIXTURE_NOW, &fixture->fresh, &error);
	assert_null(fixture->store);
	assert_non_null(strstr(error.message, "newer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    fixture_test(a_page_is_stored_whole_and_outlives_the_process),
	    fixture_test(an_older_row_is_left_out),
	    fixture_test(the_same_page_again_changes_nothing),
	    fixture_test(a_page_above_what_is_held_stores_nothing),
	    fixture_test(another_log_starts_over_and_destroys_nothing),
	    fixture_test(a_higher_epoch_starts_over_and_a_lower_one_is_ignored),
	    fixture_test(an_ended_session_outlives_a_change_of_log),
	    fixture_test(what_was_removed_is_forgotten_and_stays_away),
	    fixture_test(what_is_asked_of_a_session_once_more_is_told_once_more),
	    fixture_test(a_page_that_makes_no_sense_is_refused_by_name),
	    fixture_test(a_damaged_file_is_set_aside_and_made_anew),
	    fixture_test(a_file_that_cannot_be_opened_just_now_is_kept),
	    fixture_test(a_newer_programs_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
