/* kill -9 of either side, restarts, races for one session, and folders in every state. */
#include "bus/foundation/limits.h"
#include "nodeagent/session/folder.h"
#include "tests/integration/session/session_fixture.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const shell[] = {"bash", "--norc", "--noprofile", NULL};

static void a_killed_host_is_noticed_and_told_once(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	const char *other = fixture_start(fixture, shell);
	pid_t program = fixture_note(fixture, id)->program_pid;
	kill(fixture_host_pid(fixture, id), SIGKILL);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_true(note->end.unexpected);
	assert_int_equal(note->end.exit_code, -1);
	assert_string_equal(note->message, "The session host ended unexpectedly.");
	wait_process_gone(program); /* its terminal hung up */
	/* the end is on disk: a restarted agent hears the same, and no host can start it again */
	fixture_close_client(fixture);
	fixture_open_client(fixture);
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	fixture_note(fixture, id)->ended_told = 0;
	fixture_note(fixture, other)->running_told = 0;
	fixture_wait_ended(fixture, id);
	fixture_wait_running(fixture, other);
	loop_for(&fixture->loop, 50);
	assert_int_equal(fixture_note(fixture, id)->ended_told, 1);
	assert_true(fixture_note(fixture, id)->end.unexpected);
	const char *argv[] = {SESSIONHOST_PROGRAM, fixture_path(fixture, id, "."), NULL};
	char output[200];
	assert_int_equal(process_run(argv, NULL, output, sizeof(output)), HOST_START_ENDED);
}

static void requests_under_way_fail_when_the_host_dies(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	kill(fixture_host_pid(fixture, id), SIGKILL);
	enum error_code code = fixture_input(fixture, id, "a", "x");
	assert_true(code == ERROR_BUSY || code == ERROR_SESSION_NOT_RUNNING);
	fixture_wait_ended(fixture, id);
}

/* The agent's part of a life: starts a session, types, and waits to be killed. */
static void live_and_wait(const char *folder, const char *id, int ready)
{
	struct fixture fixture = {0};
	struct error error;
	snprintf(fixture.folder, sizeof(fixture.folder), "%s", folder);
	uv_loop_init(&fixture.loop);
	fixture_open_client(&fixture);
	struct session_start start = {.session_id = id, .argv = shell};
	if (!session_start(fixture.client, &start, &error))
		_exit(1);
	fixture_wait_running(&fixture, id);
	fixture_input(&fixture, id, "before", "x=kept; echo be''fore\r");
	fixture_wait_text(&fixture, id, "\nbefore\n");
	if (write(ready, "r", 1) != 1)
		_exit(1);
	loop_for(&fixture.loop, 60 * 1000);
	_exit(1);
}

/* S0-15 (the machine's side): a session outlives its agent, and the next agent finds it as it was. */
static void a_killed_agent_is_survived_and_the_session_adopted(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_id();
	int ready[2];
	char byte;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t agent = fork();
	if (agent == 0)
		live_and_wait(fixture->folder, id, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	pid_t host = fixture_host_pid(fixture, id);
	assert_true(getsid(host) != getsid(agent));
	assert_true(getpgid(host) != getpgid(agent));
	kill(-getpgid(agent) == -getpgrp() ? agent : -getpgid(agent), SIGKILL);
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
	assert_true(process_lives(host));
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	fixture_wait_running(fixture, id);
	fixture_wait_text(fixture, id, "\nbefore\n");
	/* an input whose answer the dead agent never passed on is not typed again */
	assert_int_equal(fixture_input(fixture, id, "before", "x=kept; echo be''fore\r"), ERROR_NONE);
	/* and other input under its id is refused (D5) */
	assert_int_equal(fixture_input(fixture, id, "before", "x=lost\r"), ERROR_IDEMPOTENCY_KEY_REUSED);
	assert_int_equal(fixture_input(fixture, id, "after", "echo x=$x\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "\nx=kept\n");
	assert_int_equal(fixture_stop(fixture, id, 1000), ERROR_NONE);
	fixture_wait_ended(fixture, id);
}

static void make_folder(struct fixture *fixture, const char *id, bool with_spec)
{
	struct error error;
	assert_int_equal(mkdir(fixture_path(fixture, id, ""), 0700), 0);
	int folder = folder_open(fixture_path(fixture, id, "."), &error);
	Roost__HostSpec spec = ROOST__HOST_SPEC__INIT;
	const char *argv[] = {"cat"};
	spec.session_id = id;
	spec.n_argv = 1;
	spec.argv = argv;
	if (with_spec)
		assert_true(folder_write_spec(folder, &spec, &error));
	close(folder);
}

static void of_many_hosts_for_one_session_one_lives(void **state)
{
	enum { RACERS = 12 };
	struct fixture *fixture = *state;
	const char *id = fixture_id();
	char path[700];
	make_folder(fixture, id, true);
	snprintf(path, sizeof(path), "%s", fixture_path(fixture, id, "."));
	const char *argv[] = {SESSIONHOST_PROGRAM, path, NULL};
	struct process racers[RACERS];
	int won = 0, held = 0;
	for (int i = 0; i < RACERS; i++)
		process_start(&racers[i], argv, NULL, "/dev/null");
	for (int i = 0; i < RACERS; i++) {
		int status = process_wait(&racers[i], PATIENCE_MS);
		won += status == HOST_START_OK;
		held += status == HOST_START_HELD;
	}
	assert_int_equal(won, 1);
	assert_int_equal(held, RACERS - 1);
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	fixture_wait_running(fixture, id);
	assert_int_equal(fixture_input(fixture, id, "a", "hello\r"), ERROR_NONE);
	fixture_wait_exact_text(fixture, id, "hello\nhello\n");
}

/* A host that was still on its way when its agent died must not start anything after the next agent
 * has called the session ended. */
static void a_session_without_a_host_is_ended_and_a_late_host_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *never = fixture_id(), *empty = fixture_id();
	char path[700];
	make_folder(fixture, never, true);
	make_folder(fixture, empty, false);
	snprintf(path, sizeof(path), "%s", fixture_path(fixture, "not a session", ""));
	assert_int_equal(mkdir(path, 0700), 0);
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	assert_true(fixture_wait_ended(fixture, never)->end.unexpected);
	assert_true(fixture_wait_ended(fixture, empty)->end.unexpected);
	assert_int_equal(session_count(fixture->client), 0);
	snprintf(path, sizeof(path), "%s", fixture_path(fixture, never, "."));
	const char *argv[] = {SESSIONHOST_PROGRAM, path, NULL};
	char output[200];
	assert_int_equal(process_run(argv, NULL, output, sizeof(output)), HOST_START_ENDED);
	enum error_code code;
	assert_string_equal(fixture_text(fixture, never, 10, &code), "");
}

static void an_agent_that_was_away_hears_the_end(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "read go; echo bye; exit 5");
	pid_t host = fixture_host_pid(fixture, id);
	assert_int_equal(fixture_input(fixture, id, "a", "\r"), ERROR_NONE);
	fixture_close_client(fixture);
	wait_process_gone(host);
	assert_int_not_equal(access(fixture_path(fixture, id, FOLDER_SOCKET), F_OK), 0);
	fixture_open_client(fixture);
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_int_equal(note->end.exit_code, 5);
	assert_false(note->end.unexpected);
	assert_int_equal(note->ended_told, 1);
	enum error_code code;
	assert_string_equal(fixture_text(fixture, id, 1, &code), "bye\n");
}

static void a_hanging_host_is_killed_when_it_should_stop(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	kill(fixture_host_pid(fixture, id), SIGSTOP);
	assert_int_equal(fixture_stop(fixture, id, 10), ERROR_BUSY);
	assert_true(fixture_wait_ended(fixture, id)->end.unexpected);
}

/* A busy machine is no reason to end somebody's session: a silent host is waited for, and killed only when
 * the session is to be stopped. */
static void a_silent_host_is_waited_for_and_killed_only_by_a_stop(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	pid_t host = fixture_host_pid(fixture, id);
	kill(host, SIGSTOP);
	fixture_close_client(fixture);
	fixture_open_client(fixture);
	fixture_note(fixture, id)->running_told = 0;
	struct error error;
	assert_true(session_client_adopt(fixture->client, &error));
	loop_for(&fixture->loop, SESSION_REQUEST_TIMEOUT_MS + 500);
	assert_true(process_lives(host));
	assert_int_equal(fixture_note(fixture, id)->running_told, 0);
	kill(host, SIGCONT);
	fixture_wait_running(fixture, id);
	assert_int_equal(fixture_input(fixture, id, "a", "echo ali''ve\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "\nalive\n");
	kill(host, SIGSTOP);
	fixture_close_client(fixture);
	fixture_open_client(fixture);
	assert_true(session_client_adopt(fixture->client, &error));
	loop_for(&fixture->loop, SESSION_REQUEST_TIMEOUT_MS + 500);
	assert_int_equal(fixture_stop(fixture, id, 10), ERROR_NONE);
	assert_true(fixture_wait_ended(fixture, id)->end.unexpected);
	wait_process_gone(host);
}

static void a_host_inherits_nothing_of_its_agent(void **state)
{
	struct fixture *fixture = *state;
	char path[64], target[256];
	int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec, as libraries do it */
	const char *id = fixture_start(fixture, shell);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)fixture_host_pid(fixture, id));
	DIR *directory = opendir(path);
	assert_non_null(directory);
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL) {
		ssize_t size = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		if (size <= 0)
			continue;
		target[size] = '\0';
		assert_string_not_equal(target, "/dev/zero");
	}
	closedir(directory);
	/* nor does the program have anything of the host */
	assert_int_equal(fixture_input(fixture, id, "a", "ls /proc/$$/fd | tr '\\n' ' '; echo .\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "\n0 1 2 255 .\n");
	close(leak);
}

static const char *const cgroup_roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"};

static bool cgroup_is_there(void *context)
{
	char path[300];
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", cgroup_roots[i], (const char *)context);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static bool cgroup_is_gone(void *context)
{
	return !cgroup_is_there(context);
}

static bool is_in_cgroup(pid_t pid, const char *name)
{
	char path[64], text[4096];
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return strstr(text, name) != NULL;
}

/* Whoever kills the agent's cgroup does not kill its hosts; and nothing stays behind. */
static void hosts_have_a_cgroup_of_their_own_while_they_live(void **state)
{
	struct fixture *fixture = *state;
	if (geteuid() != 0)
		fail_msg("needs root, for cgroups");
	char name[96], parent[64];
	snprintf(parent, sizeof(parent), "roost-test-%d", (int)getpid());
	snprintf(name, sizeof(name), "%s/sessionhosts", parent);
	fixture_close_client(fixture);
	fixture->cgroup = name;
	fixture_open_client(fixture);
	const char *one = fixture_start(fixture, shell);
	const char *two = fixture_start(fixture, shell);
	assert_true(cgroup_is_there(name));
	assert_true(is_in_cgroup(fixture_host_pid(fixture, one), name));
	assert_int_equal(fixture_stop(fixture, one, 1000), ERROR_NONE);
	fixture_wait_ended(fixture, one);
	assert_true(is_in_cgroup(fixture_host_pid(fixture, two), name));
	assert_int_equal(fixture_stop(fixture, two, 1000), ERROR_NONE);
	fixture_wait_ended(fixture, two);
	wait_until(cgroup_is_gone, parent, PATIENCE_MS, "the cgroup to go");
	const char *three = fixture_start(fixture, shell);
	pid_t host = fixture_host_pid(fixture, three);
	kill(host, SIGKILL);
	fixture_wait_ended(fixture, three);
	wait_process_gone(host);
	wait_process_gone(fixture_note(fixture, three)->program_pid);
	for (int tries = 0; cgroup_is_there(parent) && tries < 1000; tries++) {
		fixture_close_client(fixture); /* its screen process may take a moment more */
		fixture_open_client(fixture);
	}
	assert_false(cgroup_is_there(parent));
	fixture->cgroup = NULL;
}

/* The process that parses what programs write: nobody's, with one socket and three times nothing. */
static void the_screen_process_has_no_rights(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	int host = fixture_host_pid(fixture, id), child, screens = 0;
	enum error_code code;
	fixture_text(fixture, id, 0, &code); /* it answers, so it is in its jail */
	char path[128], text[8192];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", host, host);
	FILE *children = fopen(path, "r");
	assert_non_null(children);
	while (fscanf(children, "%d", &child) == 1) {
		if (child == fixture_note(fixture, id)->program_pid)
			continue;
		screens++;
		snprintf(path, sizeof(path), "/proc/%d/status", child);
		FILE *status = fopen(path, "r");
		text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
		fclose(status);
		if (geteuid() == 0)
			assert_non_null(strstr(text, "Uid:\t65534\t65534\t65534\t65534\n"));
		assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
#ifdef EXPECT_SECCOMP
		assert_non_null(strstr(text, "Seccomp:\t2\n"));
#endif
		snprintf(path, sizeof(path), "/proc/%d/fd/4", child);
		assert_int_not_equal(access(path, F_OK), 0);
	}
	fclose(children);
	assert_int_equal(screens, 1);
}

static void a_host_told_to_end_ends_its_program_first(void **state)
{
	struct fixture *fixture = *state;
	const char *id =
	    fixture_start_script(fixture, "trap 'echo goodbye; exit 3' HUP; echo ready; read wait; read wait");
	fixture_wait_text(fixture, id, "ready");
	kill(fixture_host_pid(fixture, id), SIGTERM);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_false(note->end.unexpected);
	assert_true(note->end.exit_code == 3 || note->end.exit_code == 128 + SIGTERM);
}

#ifdef ROOST_CUTPOINTS
/* Ends the host at a cut-point; the agent hears of one end, and nothing of the program is left. */
static void end_at(struct fixture *fixture, const char *cutpoint)
{
	char pid_file[700], script[900];
	const char *id = fixture_id();
	snprintf(pid_file, sizeof(pid_file), "%s/pid", fixture->folder);
	unlink(pid_file);
	snprintf(script, sizeof(script), "echo $$ > %s; read wait", pid_file);
	const char *argv[] = {"sh", "-c", script, NULL};
	struct session_start start = {.session_id = id, .argv = argv};
	struct error error;
	setenv("ROOST_CUTPOINT", cutpoint, 1);
	assert_true(session_start(fixture->client, &start, &error));
	unsetenv("ROOST_CUTPOINT");
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_true(note->end.unexpected);
	loop_for(&fixture->loop, 50);
	assert_int_equal(note->ended_told, 1);
	assert_int_equal(note->running_told, 0);
	int pid = 0;
	FILE *file = fopen(pid_file, "r");
	if (file != NULL && fscanf(file, "%d", &pid) == 1)
		wait_process_gone(pid);
	if (file != NULL)
		fclose(file);
	unlink(pid_file);
}
#endif

static void a_host_killed_around_its_spawn_leaves_one_end_and_no_program(void **state)
{
#ifdef ROOST_CUTPOINTS
	end_at(*state, "sessionhost.before_spawn");
	end_at(*state, "sessionhost.spawned");
#else
	(void)state; /* the cut-points are in the builds that ./run test makes */
#endif
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_killed_host_is_noticed_and_told_once),
	    session_test(requests_under_way_fail_when_the_host_dies),
	    session_test(a_killed_agent_is_survived_and_the_session_adopted),
	    session_test(of_many_hosts_for_one_session_one_lives),
	    session_test(a_session_without_a_host_is_ended_and_a_late_host_refused),
	    session_test(an_agent_that_was_away_hears_the_end),
	    session_test(a_hanging_host_is_killed_when_it_should_stop),
	    session_test(a_silent_host_is_waited_for_and_killed_only_by_a_stop),
	    session_test(a_host_inherits_nothing_of_its_agent),
	    session_test(hosts_have_a_cgroup_of_their_own_while_they_live),
	    session_test(the_screen_process_has_no_rights),
	    session_test(a_host_told_to_end_ends_its_program_first),
	    session_test(a_host_killed_around_its_spawn_leaves_one_end_and_no_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
