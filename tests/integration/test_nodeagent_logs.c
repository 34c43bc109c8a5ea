/* The logs that a node keeps, asked for over the bus: what a workspace's creation said, followed line by line,
 * and gone with the workspace. */
#include "bus/wire/message.h"
#include "tests/integration/nodeagent/bench.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define RUN	   ROOST__WANTED_WORKSPACE__DESIRED__RUN
#define STOP	   ROOST__WANTED_WORKSPACE__DESIRED__STOP
#define REMOVE	   ROOST__WANTED_WORKSPACE__DESIRED__REMOVE
#define TOLD(kind) ROOST__REPORT__REPORT_##kind

struct asking {
	struct bench *bench;
	struct arena *arena;
	const char *cursor;
};

static const Roost__NodeLogResponse *ask(struct asking *asking, const char *id, uint32_t wait_ms)
{
	char refused[64];
	struct error error = {0};
	Roost__NodeLogRequest request = ROOST__NODE_LOG_REQUEST__INIT;
	request.workspace_id = id;
	request.cursor = asking->cursor;
	request.has_wait_ms = wait_ms > 0;
	request.wait_ms = wait_ms;
	struct bytes body = fake_controller_ask(&asking->bench->controller, "log",
						message_pack(&request.base, asking->arena), asking->arena, refused);
	assert_string_equal(refused, "");
	const Roost__NodeLogResponse *answer = (const Roost__NodeLogResponse *)message_unpack(
	    &roost__node_log_response__descriptor, body, asking->arena, &error);
	assert_non_null(answer);
	assert_non_null(answer->next_cursor);
	asking->cursor = answer->next_cursor;
	return answer;
}

static const Roost__LogEntry *find(const Roost__NodeLogResponse *answer, const char *words)
{
	for (size_t i = 0; i < answer->n_entries; i++)
		if (strstr(answer->entries[i]->text, words))
			return answer->entries[i];
	return NULL;
}

/* S0-22, S0-33: the steps and what became of them, in the workspace's own log and in the node's. */
static void a_creation_is_in_the_log(void **state)
{
	struct bench *bench = *state;
	struct asking asking = {.bench = bench, .arena = arena_new()};
	char good[27];
	char bad[27];
	bench_run_workspace(bench, bench_id(good), 1);
	const Roost__NodeLogResponse *answer = ask(&asking, good, 0);
	assert_non_null(find(answer, "Starting the sandbox"));
	assert_string_equal(find(answer, "Starting the sandbox")->step, "sandbox");
	assert_non_null(find(answer, "The workspace is running, generation 1."));
	fake_controller_want(&bench->controller, bench_id(bad), 1, RUN, "fail:network");
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_FAILED), bad, 1);
	asking.cursor = NULL;
	const Roost__LogEntry *entry = find(ask(&asking, bad, 0), "The network could not be made.");
	assert_non_null(entry);
	assert_int_equal(entry->level, ROOST__EVENT__LEVEL__ERROR);
	assert_string_equal(entry->step, "network");
	/* What follows is no end of its own: it is failed still. */
	fake_controller_want(&bench->controller, bad, 1, STOP, "fail:network");
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_STOPPED), bad, 1);
	asking.cursor = NULL;
	answer = ask(&asking, bad, 0);
	assert_non_null(find(answer, "What was left of generation 1 was cleared away."));
	assert_null(find(answer, "is stopped"));
	asking.cursor = NULL;
	answer = ask(&asking, NULL, 0);
	assert_non_null(find(answer, good));
	assert_non_null(find(answer, "The network could not be made."));
	arena_free(asking.arena);
}

/* A question that waits is answered by the next line, also after the agent was killed and started again. */
static void a_log_is_followed(void **state)
{
	struct bench *bench = *state;
	struct asking asking = {.bench = bench, .arena = arena_new()};
	char id[27];
	bench_run_workspace(bench, bench_id(id), 1);
	while (ask(&asking, id, 0)->n_entries > 0)
		;
	assert_int_equal(ask(&asking, id, 50)->n_entries, 0);
	agent_program_kill(&bench->agent);
	bench_restart(bench);
	assert_int_equal(ask(&asking, id, 0)->n_entries, 0);
	fake_controller_want(&bench->controller, id, 2, RUN, "");
	const Roost__NodeLogResponse *answer = ask(&asking, id, 4000);
	assert_true(answer->n_entries > 0);
	while (!find(answer, "The workspace is running, generation 2."))
		answer = ask(&asking, id, 4000);
	arena_free(asking.arena);
}

static void a_log_goes_with_its_workspace(void **state)
{
	struct bench *bench = *state;
	char id[27];
	char name[64];
	bench_run_workspace(bench, bench_id(id), 1);
	snprintf(name, sizeof(name), "nodelogs/%s.log", id);
	assert_true(bench_exists(bench, name));
	fake_controller_want(&bench->controller, id, 1, REMOVE, "");
	fake_controller_await(&bench->controller, TOLD(WORKSPACE_REMOVED), id, 1);
	assert_false(bench_exists(bench, name));
}

static void expect_refusal(struct bench *bench, const char *id, const char *cursor)
{
	char refused[64];
	struct arena *arena = arena_new();
	Roost__NodeLogRequest request = ROOST__NODE_LOG_REQUEST__INIT;
	request.workspace_id = id;
	request.cursor = cursor;
	fake_controller_ask(&bench->controller, "log", message_pack(&request.base, arena), arena, refused);
	assert_string_equal(refused, "invalid_argument");
	arena_free(arena);
}

static void a_log_of_nothing_is_refused(void **state)
{
	struct bench *bench = *state;
	fake_controller_await(&bench->controller, TOLD(NODE_RUNNING), NULL, 1);
	expect_refusal(*state, "../nodeagent", NULL);
	expect_refusal(*state, NULL, "1.2.x");
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    bench_test(a_creation_is_in_the_log),
	    bench_test(a_log_is_followed),
	    bench_test(a_log_goes_with_its_workspace),
	    bench_test(a_log_of_nothing_is_refused),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
