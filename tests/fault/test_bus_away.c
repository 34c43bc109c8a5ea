/* The bus goes away for a minute, as if its machine were frozen, and comes back: what runs runs on, what
 * was asked for meanwhile happens once, nobody is called sick who was not, and the sweeper touches nothing.
 * (S0-35, S0-36, S1-10, D3, D13, D16) */
#include "bus/foundation/clock.h"
#include "tests/support/installed.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AWAY_MS = 60 * 1000, ANSWER_MS = 10 * 1000 };

static int64_t thaw_at_ms;

static bool a_minute_is_over(void *context)
{
	(void)context;
	return clock_monotonic_ms() >= thaw_at_ms;
}

static void ask_while_it_is_away(void)
{
	static const char *const impatient[] = {"ROOST_COMMAND_TIMEOUT_MS=2000", NULL};
	int64_t started = clock_monotonic_ms();
	installed_surroundings(impatient);
	assert_int_equal(roost("workspace", "list"), 1);
	installed_surroundings(NULL);
	if (strstr(roost_output, "platform_unavailable") == NULL)
		fail_msg("without a bus one is told: %s", roost_output);
	assert_true(clock_monotonic_ms() - started < ANSWER_MS);
}

static int count_events(const char *type)
{
	must("events", "--json", "--limit", "500");
	json_t *list = json_loads(roost_output, 0, NULL);
	json_t *events = json_is_array(list) ? list : json_object_get(list, "events");
	int count = 0;
	size_t i;
	json_t *event;
	assert_non_null(events);
	json_array_foreach(events, i, event) count +=
	    strcmp(json_string_value(json_object_get(event, "type")), type) == 0;
	json_decref(list);
	return count;
}

static bool answers_again(void *context)
{
	(void)context;
	return roost("status") == 0;
}

static void a_minute_without_a_bus_changes_nothing(void **state)
{
	(void)state;
	/* As a script would: again and again with the same key. */
	static const char stubborn[] =
	    "until \"$1\" workspace create meanwhile --idempotency-key once; do sleep 1; done";
	struct process creates = {0};
	char session[27], path[512];
	must("workspace", "create", "before", "--wait");
	must("session", "start", "before", "--json", "--", "sleep", "100000");
	snprintf(session, sizeof(session), "%s", field("id"));
	pid_t bus = installed_process("nats-server"), agent = installed_process("roost-nodeagent");
	assert_int_not_equal(bus, 0);

	kill(bus, SIGSTOP);
	thaw_at_ms = clock_monotonic_ms() + AWAY_MS;
	snprintf(path, sizeof(path), "%s.created", getenv("ROOST_DATA_DIR"));
	process_start(&creates, WORDS("sh", "-c", stubborn, "stubborn", installed_program()), NULL, path);
	ask_while_it_is_away();
	wait_until(a_minute_is_over, NULL, 2 * AWAY_MS, "a minute");
	kill(bus, SIGCONT);

	wait_until(answers_again, NULL, 2 * PATIENCE_MS, "an answer");
	if (process_wait(&creates, 2 * AWAY_MS) != 0) {
		process_run(WORDS("cat", path), NULL, roost_output, sizeof(roost_output));
		fail_msg("what was asked meanwhile failed: %s", roost_output);
	}
	await_field("workspace", "before", "status", "running");
	assert_string_equal(installed_field("workspace", "before", "generation"), "1");
	await_field("workspace", "meanwhile", "status", "running");
	await_field("node", installed_node_id(), "healthStatus", "healthy");
	assert_int_equal(count_events("node_health_changed"), 0);
	assert_int_equal(count_events("workspace_created"), 2);
	assert_int_equal(count_events("workspace_lost"), 0);
	assert_int_equal(installed_process("roost-nodeagent"), agent);
	must("session", "list", "before", "--json");
	assert_non_null(strstr(roost_output, "\"running\""));
}

static int up(void **state)
{
	(void)state;
	installed_in(NULL);
	must("up", "--detach");
	return 0;
}

static int down(void **state)
{
	(void)state;
	pid_t bus = installed_process("nats-server");
	if (bus != 0)
		kill(bus, SIGCONT);
	must("down", "--purge");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_minute_without_a_bus_changes_nothing)};
	return cmocka_run_group_tests(tests, up, down);
}
