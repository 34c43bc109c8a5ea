/* Sessions the whole way: command line, bus, controller, node agent, a real sandbox, a session host. One
 * installation for all tests, each with a workspace of its own in it; then kill -9 of the session host
 * and of the agent. */
#include "bus/foundation/clock.h"
#include "tests/support/installed.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_workspace(const char *name, char id[27])
{
	must("workspace", "create", name, "--wait", "--json");
	must("workspace", "get", name, "--json");
	snprintf(id, 27, "%s", field("id"));
}

static void start_session(const char *workspace, const char *label, char id[27])
{
	must("session", "start", workspace, "--label", label, "--json", "--", "bash", "--norc", "--noprofile");
	snprintf(id, 27, "%s", field("id"));
}

/* One field of one session; "" when it is not listed. */
static const char *session_field(const char *workspace, const char *id, const char *name)
{
	static char text[256];
	text[0] = '\0';
	must("session", "list", workspace, "--json");
	json_t *list = json_loads(roost_output, 0, NULL);
	size_t i;
	json_t *session;
	json_array_foreach(list, i, session)
	{
		const json_t *value = json_object_get(session, name);
		if (strcmp(json_string_value(json_object_get(session, "id")), id) != 0)
			continue;
		if (json_is_string(value))
			snprintf(text, sizeof(text), "%s", json_string_value(value));
		else if (json_is_integer(value))
			snprintf(text, sizeof(text), "%d", (int)json_integer_value(value));
	}
	json_decref(list);
	return text;
}

struct wish {
	const char *workspace, *session, *text;
};

static bool has_status(void *context)
{
	const struct wish *wish = context;
	return strcmp(session_field(wish->workspace, wish->session, "status"), wish->text) == 0;
}

static void await_status(const char *workspace, const char *session, const char *status)
{
	struct wish wish = {workspace, session, status};
	wait_until(has_status, &wish, PATIENCE_MS, status);
}

static bool has_ended(void *context)
{
	const struct wish *wish = context;
	const char *status = session_field(wish->workspace, wish->session, "status");
	return strcmp(status, "stopped") == 0 || strcmp(status, "error") == 0;
}

static bool shows(void *context)
{
	const struct wish *wish = context;
	return roost("session", "output", wish->session) == 0 && strstr(roost_output, wish->text) != NULL;
}

static void await_text(const char *session, const char *text)
{
	struct wish wish = {NULL, session, text};
	wait_until(shows, &wish, PATIENCE_MS, text);
}

static bool takes_input(void *context)
{
	const struct wish *wish = context;
	return roost("session", "send", wish->session, wish->text, "--enter") == 0;
}

/* Types a line; while the agent is away the node is unreachable, and one tries again. */
static void type(const char *session, const char *text)
{
	struct wish wish = {NULL, session, text};
	wait_until(takes_input, &wish, PATIENCE_MS, "input to be taken");
}

/* ---- the machine's view ---- */

static pid_t host_of(const char *session)
{
	char path[600];
	int pid = 0;
	snprintf(path, sizeof(path), "%s/sessions/%s/lock", getenv("ROOST_DATA_DIR"), session);
	FILE *file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%d", &pid) != 1)
		fail_msg("%s: %s", path, strerror(errno));
	fclose(file);
	return pid;
}

/* ---- what a person sees ---- */

/* S0-14, D1: listed with a running status, label and times; the text is the screen's. */
static void a_session_runs_in_the_sandbox_and_shows_its_screen(void **state)
{
	(void)state;
	char workspace[27], session[27];
	make_workspace("plain", workspace);
	start_session("plain", "shell", session);
	await_status("plain", session, "running");
	assert_string_equal(session_field("plain", session, "label"), "shell");
	assert_true(strlen(session_field("plain", session, "createdAt")) > 0);
	type(session,
	     "clear; echo $TERM; stty size; tty | cut -c 1-8; pwd; touch made-here; echo caf\xc3\xa9 \xe6\xbc\xa2");
	await_text(session, "xterm-256color\n24 80\n/dev/pts\n/workspace\ncaf\xc3\xa9 \xe6\xbc\xa2\n");
	must("session", "send", session, "exit 3", "--enter");
	must("session", "wait", session);
	await_status("plain", session, "stopped");
	assert_string_equal(session_field("plain", session, "exitCode"), "3");
	/* D15, S0-19: its last output stays readable, and that is all */
	must("session", "output", session);
	assert_non_null(strstr(roost_output, "caf\xc3\xa9 \xe6\xbc\xa2\n"));
	assert_int_equal(roost("session", "send", session, "x"), 1);
	assert_non_null(strstr(roost_output, "session_not_running"));
	must("workspace", "delete", workspace, "--wait");
}

static void a_full_screen_program_is_shown_as_it_looks(void **state)
{
	(void)state;
	char workspace[27], session[27];
	make_workspace("full", workspace);
	start_session("full", "vim", session);
	await_status("full", session, "running");
	type(session, "echo before; printf '\\033[?1049h\\033[H\\033[2Jtop left\\033[24;60Hbottom right'; read x; "
		      "printf '\\033[?1049l'");
	await_text(session, "bottom right\n");
	assert_int_equal(strncmp(roost_output, "top left\n\n", 10), 0);
	assert_null(strstr(roost_output, "before"));
	must("session", "send", session, "--enter", "");
	await_text(session, "before\n");
	must("workspace", "delete", workspace, "--wait");
}

/* S0-16: independent of each other; S0-17: stopped, nothing of it is left, also not what it had put into
 * the background, and its neighbour notices nothing. */
static void a_stopped_session_leaves_nothing_and_its_neighbour_alone(void **state)
{
	(void)state;
	char workspace[27], one[27], two[27];
	make_workspace("pair", workspace);
	start_session("pair", "one", one);
	start_session("pair", "two", two);
	await_status("pair", one, "running");
	await_status("pair", two, "running");
	type(two, "here=two");
	type(one, "here=one; trap '' HUP TERM; (trap '' HUP TERM; setsid sleep 42424) & sleep 42425 & echo in $here");
	await_text(one, "\nin one\n");
	must("session", "stop", one);
	await_status("pair", one, "stopped");
	assert_string_equal(session_field("pair", one, "stopReason"), "user_stop");
	type(two,
	     "clear; echo left: $(cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 4242[45]'); echo in $here");
	await_text(two, "left: 0\nin two\n");
	assert_string_equal(session_field("pair", two, "status"), "running");
	must("workspace", "delete", workspace, "--wait");
}

/* S0-11, S0-12: the workspace's stop ends its sessions, a restart does not bring them back. */
static void a_workspace_restart_leaves_its_sessions_ended(void **state)
{
	(void)state;
	char workspace[27], session[27];
	make_workspace("again", workspace);
	start_session("again", "old", session);
	await_status("again", session, "running");
	type(session, "echo kept > file; echo last words");
	await_text(session, "\nlast words\n");
	must("workspace", "restart", "again", "--wait");
	await_status("again", session, "stopped");
	assert_int_equal(roost("session", "send", session, "x"), 1);
	must("session", "output", session);
	assert_non_null(strstr(roost_output, "\nlast words\n"));
	char next[27];
	start_session("again", "new", next);
	await_status("again", next, "running");
	type(next, "cat file");
	await_text(next, "\nkept\n");
	must("workspace", "delete", workspace, "--wait");
}

static void a_program_that_is_not_there_is_told_in_words(void **state)
{
	(void)state;
	char workspace[27], session[27];
	make_workspace("wrong", workspace);
	must("session", "start", "wrong", "--json", "--", "no-such-program");
	snprintf(session, sizeof(session), "%s", field("id"));
	await_status("wrong", session, "error");
	assert_string_equal(session_field("wrong", session, "errorMessage"),
			    "The program was not found in the workspace.");
	must("workspace", "delete", workspace, "--wait");
}

/* Whatever a program writes, the session lives and the screen is text. */
static void random_output_harms_nobody(void **state)
{
	(void)state;
	char workspace[27], session[27];
	make_workspace("noise", workspace);
	start_session("noise", "noise", session);
	await_status("noise", session, "running");
	type(session, "head -c 3000000 /dev/urandom; printf '\\033c\\033[?1049l'; clear; echo still $((40 + 2))");
	await_text(session, "still 42\n");
	assert_string_equal(session_field("noise", session, "status"), "running");
	must("workspace", "delete", workspace, "--wait");
}

/* ---- kill -9 ---- */

/* The session ends with a reason, once; nothing that it started goes on; the workspace does. */
static void a_killed_session_host_ends_its_session_and_only_that(void **state)
{
	(void)state;
	char workspace[27], one[27], two[27];
	make_workspace("killed-host", workspace);
	start_session("killed-host", "one", one);
	start_session("killed-host", "two", two);
	await_status("killed-host", one, "running");
	await_status("killed-host", two, "running");
	type(one, "trap '' HUP; (trap '' HUP; setsid sleep 43434) & echo go''ne");
	await_text(one, "\ngone\n");
	kill(host_of(one), SIGKILL);
	struct wish wish = {"killed-host", one, NULL};
	wait_until(has_ended, &wish, PATIENCE_MS, "the end of the session");
	type(two, "clear; echo left: $(cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 4343[4]')");
	await_text(two, "left: 0\n");
	assert_int_equal(roost("session", "send", one, "x"), 1);
	char three[27];
	start_session("killed-host", "three", three);
	await_status("killed-host", three, "running");
	must("workspace", "delete", workspace, "--wait");
}

static bool is_another(void *context)
{
	pid_t now = installed_process("roost-nodeagent");
	return now != 0 && now != *(pid_t *)context;
}

/* S0-15: the same running session after its agent was killed, with all that was on its screen. */
static void a_killed_agent_finds_its_sessions_again(void **state)
{
	(void)state;
	char workspace[27], session[27], ended[27];
	make_workspace("killed-agent", workspace);
	start_session("killed-agent", "kept", session);
	start_session("killed-agent", "ends", ended);
	await_status("killed-agent", session, "running");
	await_status("killed-agent", ended, "running");
	type(session, "kept=yes; echo be''fore");
	await_text(session, "\nbefore\n");
	type(ended, "read -t 0.3 x; exit 7"); /* while the agent is away, or nearly */
	pid_t host = host_of(session), agent = installed_process("roost-nodeagent");
	assert_int_not_equal(agent, 0);
	kill(agent, SIGKILL);
	wait_until(is_another, &agent, PATIENCE_MS, "another node agent");
	type(session, "echo kept: $kept");
	await_text(session, "\nkept: yes\n");
	assert_non_null(strstr(roost_output, "\nbefore\n"));
	assert_int_equal(host_of(session), host);
	await_status("killed-agent", ended, "stopped");
	assert_string_equal(session_field("killed-agent", ended, "exitCode"), "7");
	assert_string_equal(session_field("killed-agent", session, "status"), "running");
	must("session", "stop", session);
	await_status("killed-agent", session, "stopped");
	must("workspace", "delete", workspace, "--wait");
}

/* ---- the installation ---- */

static int up(void **state)
{
	(void)state;
	installed_in(NULL);
	must("up", "--detach");
	return 0;
}

/* The session hosts' cgroup is named after the node. */
static bool no_cgroup_is_left(void *context)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"};
	char path[128];
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/roost-%s", roots[i], (const char *)context);
		if (access(path, F_OK) == 0)
			return false;
	}
	return true;
}

static int down(void **state)
{
	(void)state;
	char node[27];
	must("node", "list", "--json");
	json_t *list = json_loads(roost_output, 0, NULL);
	snprintf(node, sizeof(node), "%s", json_string_value(json_object_get(json_array_get(list, 0), "id")));
	json_decref(list);
	must("down", "--purge");
	wait_until(no_cgroup_is_left, node, PATIENCE_MS, "the session hosts' cgroup to go");
	return access(getenv("ROOST_DATA_DIR"), F_OK) == 0 ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_runs_in_the_sandbox_and_shows_its_screen),
	    cmocka_unit_test(a_full_screen_program_is_shown_as_it_looks),
	    cmocka_unit_test(a_stopped_session_leaves_nothing_and_its_neighbour_alone),
	    cmocka_unit_test(a_workspace_restart_leaves_its_sessions_ended),
	    cmocka_unit_test(a_program_that_is_not_there_is_told_in_words),
	    cmocka_unit_test(random_output_harms_nobody),
	    cmocka_unit_test(a_killed_session_host_ends_its_session_and_only_that),
	    cmocka_unit_test(a_killed_agent_finds_its_sessions_again),
	};
	return cmocka_run_group_tests(tests, up, down);
}
