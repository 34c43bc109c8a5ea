/* roost up and roost down with the real daemons: side by side, killed, started again, ended. Needs root,
 * as running workspaces does. S1-09 (every daemon may die), and D6 across a restart of everything. */
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include "bus/foundation/arena.h"
#include "bus/foundation/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024, SECONDS = 1000 };

struct fixture {
	struct arena *arena;
	char *folder;
	char output[OUTPUT_MAX];
};

static const char program[] = ROOST_TEST_PROGRAMS "/roost";

static int set_up(void **state)
{
	struct fixture *fixture = test_calloc(1, sizeof(*fixture));
	fixture->arena = arena_new();
	fixture->folder = arena_printf(fixture->arena, "%s/data", cleanup_folder());
	cleanup_command(arena_printf(fixture->arena, "test ! -e %s || %s down --data %s --purge", fixture->folder,
				     program, fixture->folder));
	*state = fixture;
	return 0;
}

/* Runs `roost <words>` on the folder; the exit status. */
static int roost(struct fixture *fixture, const char *folder, const char *words)
{
	char *environment = arena_printf(fixture->arena, "ROOST_DATA_DIR=%s", folder);
	char *line = arena_printf(fixture->arena, "exec %s %s", program, words);
	return process_run((const char *const[]){"sh", "-c", line, NULL}, (const char *const[]){environment, NULL},
			   fixture->output, sizeof(fixture->output));
}

static void must(struct fixture *fixture, const char *folder, const char *words)
{
	int status = roost(fixture, folder, words);
	if (status != 0)
		fail_msg("roost %s: %d\n%s", words, status, fixture->output);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	int status = access(fixture->folder, F_OK) == 0 ? roost(fixture, fixture->folder, "down --purge") : 0;
	if (status != 0)
		print_error("%s", fixture->output);
	arena_free(fixture->arena);
	test_free(fixture);
	return status;
}

static char *read_text(struct fixture *fixture, const char *name)
{
	char *text = arena_alloc(fixture->arena, 8192);
	FILE *file = fopen(arena_printf(fixture->arena, "%s/%s", fixture->folder, name), "re");
	size_t length = file == NULL ? 0 : fread(text, 1, 8191, file);
	if (file != NULL)
		fclose(file);
	text[length] = '\0';
	return text;
}

/* The pid of a daemon by the installation's own list; 0 when it is not there. */
static pid_t pid_of(struct fixture *fixture, const char *daemon)
{
	char *line = strstr(read_text(fixture, "run/processes"), arena_printf(fixture->arena, "\n%s ", daemon));
	return line == NULL ? 0 : (pid_t)atoi(strchr(line + 1, ' '));
}

static pid_t supervisor_of(struct fixture *fixture)
{
	return (pid_t)atoi(read_text(fixture, "run/lock"));
}

/* False for one that has ended and was not waited for, too. */
static bool lives(pid_t pid)
{
	char path[64];
	char text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	bool there = file != NULL && fgets(text, sizeof(text), file) != NULL && strstr(text, ") Z ") == NULL;
	if (file != NULL)
		fclose(file);
	return there;
}

static bool is_gone(void *context)
{
	return !lives(*(pid_t *)context);
}

static void a_second_up_is_refused_and_names_the_first(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	assert_non_null(strstr(fixture->output, "roost node list"));
	assert_int_equal(roost(fixture, fixture->folder, "up --detach"), 1);
	assert_non_null(strstr(fixture->output, "runs already"));
	must(fixture, fixture->folder, "node list");
	assert_non_null(strstr(fixture->output, "running"));
}

/* Sandboxes' users must be able to walk through the folder, so every file in it has to look after itself. */
static void what_the_daemons_know_is_for_their_owner_only(void **state)
{
	static const char *const names[] = {"controller.db", "sweeper.db", "nodeagent.db", "installation.json"};
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat status;
		assert_int_equal(stat(arena_printf(fixture->arena, "%s/%s", fixture->folder, names[i]), &status), 0);
		assert_int_equal(status.st_mode & 0077, 0);
	}
}

static void installations_live_side_by_side_and_down_ends_only_its_own(void **state)
{
	struct fixture *fixture = *state;
	char *other = arena_printf(fixture->arena, "%s/data", cleanup_folder());
	cleanup_command(
	    arena_printf(fixture->arena, "test ! -e %s || %s down --data %s --purge", other, program, other));
	must(fixture, fixture->folder, "up --detach");
	must(fixture, other, "up --detach");
	must(fixture, other, "workspace create mine --wait");
	must(fixture, fixture->folder, "workspace list");
	assert_null(strstr(fixture->output, "mine"));
	must(fixture, fixture->folder, "down --purge");
	assert_int_equal(access(fixture->folder, F_OK), -1);
	must(fixture, other, "workspace list");
	assert_non_null(strstr(fixture->output, "running"));
	must(fixture, other, "down --purge");
}

struct restart {
	struct fixture *fixture;
	const char *daemon;
	pid_t before;
};

static bool runs_again(void *context)
{
	struct restart *restart = context;
	pid_t now = pid_of(restart->fixture, restart->daemon);
	return now != 0 && now != restart->before && lives(now);
}

static bool node_answers(void *context)
{
	struct fixture *fixture = context;
	return roost(fixture, fixture->folder, "node list") == 0 && strstr(fixture->output, "running") != NULL;
}

static void every_daemon_is_started_again_when_it_is_killed(void **state)
{
	struct fixture *fixture = *state;
	static const char *const daemons[] = {"nats-server", "controller", "sweeper", "nodeagent"};
	must(fixture, fixture->folder, "up --detach");
	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
		struct restart restart = {fixture, daemons[i], pid_of(fixture, daemons[i])};
		assert_int_not_equal(restart.before, 0);
		assert_int_equal(kill(restart.before, SIGKILL), 0);
		wait_until(runs_again, &restart, 20 * SECONDS, daemons[i]);
	}
	assert_non_null(strstr(read_text(fixture, "logs/supervisor.log"), "was ended by signal 9"));
	wait_until(node_answers, fixture, 30 * SECONDS, "the installation to answer");
	must(fixture, fixture->folder, "workspace create after --wait");
}

/* The pid of the only session host of the installation, 0 when there is none. */
static pid_t session_host(struct fixture *fixture)
{
	char pattern[4200];
	char text[64] = "";
	snprintf(pattern, sizeof(pattern), "roost-sessionhost %s/", fixture->folder);
	process_run((const char *const[]){"pgrep", "-f", pattern, NULL}, NULL, text, sizeof(text));
	return (pid_t)atoi(text);
}

static void start_session(struct fixture *fixture)
{
	must(fixture, fixture->folder, "workspace create kept --wait");
	must(fixture, fixture->folder, "session start kept --label shell -- sh -c 'echo still here; exec sleep 10000'");
}

static bool session_shows(void *context)
{
	struct fixture *fixture = context;
	return roost(fixture, fixture->folder, "session output shell") == 0 &&
	       strstr(fixture->output, "still here") != NULL;
}

static void a_killed_supervisor_leaves_no_daemon_and_the_next_one_finds_everything(void **state)
{
	struct fixture *fixture = *state;
	static const char *const daemons[] = {"nats-server", "controller", "sweeper", "nodeagent"};
	pid_t pids[4];
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	char *settings = read_text(fixture, "installation.json");
	char *seed = read_text(fixture, "keys/account.seed");
	pid_t host = session_host(fixture);
	assert_true(lives(host));
	for (int i = 0; i < 4; i++)
		pids[i] = pid_of(fixture, daemons[i]);
	assert_int_equal(kill(supervisor_of(fixture), SIGKILL), 0);
	for (int i = 0; i < 4; i++)
		wait_until(is_gone, &pids[i], 10 * SECONDS, daemons[i]);
	assert_true(lives(host));
	must(fixture, fixture->folder, "up --detach");
	assert_string_equal(read_text(fixture, "installation.json"), settings);
	assert_string_equal(read_text(fixture, "keys/account.seed"), seed);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session after the restart");
	assert_int_equal(session_host(fixture), host);
}

static void ctrl_c_stops_daemons_only_and_down_stops_the_rest(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	pid_t supervisor = supervisor_of(fixture);
	pid_t nats = pid_of(fixture, "nats-server");
	pid_t host = session_host(fixture);
	assert_int_equal(kill(supervisor, SIGINT), 0);
	wait_until(is_gone, &supervisor, 40 * SECONDS, "the supervisor's end");
	assert_false(lives(nats));
	assert_true(lives(host));
	assert_int_equal(roost(fixture, fixture->folder, "node list"), 1);
	must(fixture, fixture->folder, "down");
	wait_until(is_gone, &host, 10 * SECONDS, "the session's end");
	assert_int_equal(
	    process_run((const char *const[]){"grep", "-qF", fixture->folder, "/proc/self/mountinfo", NULL}, NULL, NULL,
			0),
	    1);
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, "workspace list");
	assert_non_null(strstr(fixture->output, "kept"));
}

static void what_down_stopped_is_stopped_and_not_lost(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	must(fixture, fixture->folder, "workspace create other --wait");
	pid_t host = session_host(fixture);
	must(fixture, fixture->folder, "down");
	assert_non_null(strstr(fixture->output, "stopping 2 workspaces"));
	assert_false(lives(host));
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, "workspace get kept --json");
	assert_non_null(strstr(fixture->output, "\"status\":\"stopped\""));
	must(fixture, fixture->folder, "workspace get other --json");
	assert_non_null(strstr(fixture->output, "\"status\":\"stopped\""));
	must(fixture, fixture->folder, "session get shell --json");
	assert_non_null(strstr(fixture->output, "\"status\":\"stopped\""));
	assert_non_null(strstr(fixture->output, "workspace_stop"));
	must(fixture, fixture->folder, "workspace restart kept --wait");
}

static bool kept_is_stopped(void *context)
{
	struct fixture *fixture = context;
	return roost(fixture, fixture->folder, "workspace get kept --json") == 0 &&
	       strstr(fixture->output, "\"status\":\"stopped\"") != NULL;
}

/* With its agent standing still the rest is done without it, in bounded time. */
static void down_does_not_wait_for_an_agent_that_hangs(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	pid_t host = session_host(fixture);
	int64_t began_ms = clock_monotonic_ms();
	assert_int_equal(kill(pid_of(fixture, "nodeagent"), SIGSTOP), 0);
	must(fixture, fixture->folder, "down");
	assert_non_null(strstr(fixture->output, "1 of 1 workspaces did not stop in time"));
	assert_false(lives(host));
	assert_true(clock_monotonic_ms() - began_ms < 60 * SECONDS);
	must(fixture, fixture->folder, "up --detach");
	wait_until(kept_is_stopped, fixture, 20 * SECONDS, "the workspace to be stopped");
}

/* Without an answer from the bus nothing is asked for, and all ends all the same. */
static void down_works_with_a_bus_that_hangs(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	pid_t host = session_host(fixture);
	pid_t nats = pid_of(fixture, "nats-server");
	int64_t began_ms = clock_monotonic_ms();
	assert_int_equal(kill(nats, SIGSTOP), 0);
	must(fixture, fixture->folder, "down");
	assert_null(strstr(fixture->output, "stopping 1 workspace"));
	assert_false(lives(host));
	assert_false(lives(nats));
	assert_true(clock_monotonic_ms() - began_ms < 60 * SECONDS);
}

static bool agent_is_gone(void *context)
{
	struct fixture *fixture = context;
	return pid_of(fixture, "nodeagent") == 0 &&
	       strstr(read_text(fixture, "logs/supervisor.log"), "node was deleted") != NULL;
}

/* The id of the machine's node, from the installation's settings. */
static char *node_of(struct fixture *fixture)
{
	char *settings = strstr(read_text(fixture, "installation.json"), "\"nodeId\": \"");
	assert_non_null(settings);
	settings += strlen("\"nodeId\": \"");
	settings[strcspn(settings, "\"")] = '\0';
	return settings;
}

static void end_supervisor(struct fixture *fixture)
{
	pid_t supervisor = supervisor_of(fixture);
	assert_int_equal(kill(supervisor, SIGINT), 0);
	wait_until(is_gone, &supervisor, 40 * SECONDS, "the supervisor's end");
}

/* Whoever has no node any more, and everything running, is told what gives him one. */
static void everybody_says_down_and_up(struct fixture *fixture)
{
	static const char *const refused[] = {"up --detach", "workspace create new"};
	static const char *const answered[] = {"node list", "status"};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(roost(fixture, fixture->folder, refused[i]), 1);
		assert_non_null(strstr(fixture->output, "roost down, then roost up"));
		must(fixture, fixture->folder, answered[i]);
		assert_non_null(strstr(fixture->output, "roost down, then roost up"));
	}
}

/* S0-31, D10: with everything that runs on it; its agent is not started again, and the next start has another
 * node. */
static void a_deleted_node_is_followed_by_another_one_at_the_next_start(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	char *first = node_of(fixture);
	must(fixture, fixture->folder, arena_printf(fixture->arena, "node delete %s --yes", first));
	wait_until(agent_is_gone, fixture, 40 * SECONDS, "the agent's end");
	assert_int_equal(session_host(fixture), 0);
	assert_int_equal(access(arena_printf(fixture->arena, "%s/workspaces", fixture->folder), F_OK), -1);
	everybody_says_down_and_up(fixture);
	must(fixture, fixture->folder, "down");
	must(fixture, fixture->folder, "up --detach");
	char *second = node_of(fixture);
	assert_string_not_equal(first, second);
	must(fixture, fixture->folder, "workspace create again --wait");
	must(fixture, fixture->folder, arena_printf(fixture->arena, "node get %s", second));
	assert_int_equal(roost(fixture, fixture->folder, arena_printf(fixture->arena, "node get %s", first)), 1);
}

/* D17: the agent of an abandoned node comes back, cleans up and is followed by a new node at once. */
static void an_abandoned_node_is_followed_by_another_one(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, "workspace create kept --wait");
	char *first = node_of(fixture);
	assert_int_equal(kill(pid_of(fixture, "nodeagent"), SIGSTOP), 0);
	must(fixture, fixture->folder, arena_printf(fixture->arena, "node delete %s --abandon --yes", first));
	pid_t supervisor = supervisor_of(fixture);
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	wait_until(is_gone, &supervisor, 10 * SECONDS, "the supervisor's end");
	must(fixture, fixture->folder, "up --detach");
	assert_string_not_equal(first, node_of(fixture));
	must(fixture, fixture->folder, "workspace create again --wait");
	must(fixture, fixture->folder, "workspace list");
	assert_null(strstr(fixture->output, "kept"));
}

/* A node of another machine waits for its agent, and says all that the agent needs. */
static void a_node_without_agent_names_what_its_agent_needs(void **state)
{
	static const char *const needs[] = {"ROOST_DATA_DIR", "ROOST_NODE_ID=", "ROOST_NATS_URL", "ROOST_CREDENTIALS"};
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, "node create elsewhere");
	must(fixture, fixture->folder, "node list");
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		assert_non_null(strstr(fixture->output, needs[i]));
}

/* A node that its owner stopped is up all the same. */
static void a_stopped_node_does_not_keep_the_installation_from_starting(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, arena_printf(fixture->arena, "node stop %s --wait", node_of(fixture)));
	end_supervisor(fixture);
	must(fixture, fixture->folder, "up --detach");
	assert_non_null(strstr(fixture->output, "is stopped"));
	must(fixture, fixture->folder, arena_printf(fixture->arena, "node start %s --wait", node_of(fixture)));
	must(fixture, fixture->folder, "workspace create one --wait");
}

static void an_old_nats_server_and_a_missing_installation_are_told(void **state)
{
	struct fixture *fixture = *state;
	char *old = arena_printf(fixture->arena, "%s/nats-server", cleanup_folder());
	FILE *file = fopen(old, "we");
	assert_non_null(file);
	fputs("#!/bin/sh\necho 'nats-server: v2.9.10'\n", file);
	fclose(file);
	assert_int_equal(process_run((const char *const[]){"chmod", "755", old, NULL}, NULL, NULL, 0), 0);
	char *words = arena_printf(fixture->arena, "ROOST_NATS_SERVER=%s", old);
	int status = process_run((const char *const[]){program, "up", "--data", fixture->folder, NULL},
				 (const char *const[]){words, NULL}, fixture->output, sizeof(fixture->output));
	assert_int_equal(status, 1);
	assert_non_null(strstr(fixture->output, "2.10.27 or newer is needed"));
	assert_int_equal(roost(fixture, fixture->folder, "down"), 1);
	assert_non_null(strstr(fixture->output, "no installation"));
	assert_int_equal(roost(fixture, fixture->folder, "node list"), 1);
	assert_non_null(strstr(fixture->output, "roost up"));
}

/* What an agent that was started wrongly, with the id of another node, left in the folder. */
static void leave_trace_of_another_node(struct fixture *fixture)
{
	FILE *file = fopen(arena_printf(fixture->arena, "%s/nodeagent.id", fixture->folder), "we");
	assert_non_null(file);
	fputs("01BX5ZZKBKACTAV9WEVGEMMVRZ\n", file);
	fclose(file);
}

static void a_trace_of_another_node_hinders_neither_up_nor_down(void **state)
{
	struct fixture *fixture = *state;
	must(fixture, fixture->folder, "up --detach");
	start_session(fixture);
	wait_until(session_shows, fixture, 20 * SECONDS, "the session");
	pid_t host = session_host(fixture);
	leave_trace_of_another_node(fixture);
	must(fixture, fixture->folder, "down");
	wait_until(is_gone, &host, 10 * SECONDS, "the session's end");
	must(fixture, fixture->folder, "up --detach");
	must(fixture, fixture->folder, "workspace restart kept --wait");
	leave_trace_of_another_node(fixture);
	must(fixture, fixture->folder, "down --purge");
	assert_int_equal(access(fixture->folder, F_OK), -1);
}

/* A copy of the programs with an agent that cannot work with its settings. */
static char *programs_with_a_poor_agent(struct fixture *fixture)
{
	char *folder = arena_printf(fixture->arena, "%s/bin", cleanup_folder());
	char *line = arena_printf(
	    fixture->arena,
	    "mkdir %1$s && cp %2$s %1$s/roost && ln -s %3$s/roost-controller %3$s/roost-sweeper %1$s/ && printf "
	    "'#!/bin/sh\\necho 2026-01-31T12:34:56.789Z error nodeagent: ROOST_X: is needed >&2\\nexit 78\\n' "
	    "> %1$s/roost-nodeagent && chmod 755 %1$s/roost-nodeagent",
	    folder, program, ROOST_TEST_PROGRAMS);
	assert_int_equal(process_run((const char *const[]){"sh", "-c", line, NULL}, NULL, NULL, 0), 0);
	return arena_printf(fixture->arena, "%s/roost", folder);
}

static void an_agent_that_cannot_work_ends_the_start_with_its_sentence(void **state)
{
	struct fixture *fixture = *state;
	char *environment = arena_printf(fixture->arena, "ROOST_DATA_DIR=%s", fixture->folder);
	int status = process_run((const char *const[]){programs_with_a_poor_agent(fixture), "up", NULL},
				 (const char *const[]){environment, NULL}, fixture->output, sizeof(fixture->output));
	assert_int_equal(status, 1);
	assert_non_null(strstr(fixture->output, "node agent: ROOST_X: is needed"));
	assert_null(strstr(fixture->output, "starting it again"));
}

/* With an argument: only the tests that match it. */
int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_second_up_is_refused_and_names_the_first),
	    TEST(what_the_daemons_know_is_for_their_owner_only),
	    TEST(installations_live_side_by_side_and_down_ends_only_its_own),
	    TEST(every_daemon_is_started_again_when_it_is_killed),
	    TEST(a_killed_supervisor_leaves_no_daemon_and_the_next_one_finds_everything),
	    TEST(ctrl_c_stops_daemons_only_and_down_stops_the_rest),
	    TEST(what_down_stopped_is_stopped_and_not_lost),
	    TEST(down_does_not_wait_for_an_agent_that_hangs),
	    TEST(down_works_with_a_bus_that_hangs),
	    TEST(a_deleted_node_is_followed_by_another_one_at_the_next_start),
	    TEST(an_abandoned_node_is_followed_by_another_one),
	    TEST(a_node_without_agent_names_what_its_agent_needs),
	    TEST(a_stopped_node_does_not_keep_the_installation_from_starting),
	    TEST(a_trace_of_another_node_hinders_neither_up_nor_down),
	    TEST(an_agent_that_cannot_work_ends_the_start_with_its_sentence),
	    TEST(an_old_nats_server_and_a_missing_installation_are_told),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
