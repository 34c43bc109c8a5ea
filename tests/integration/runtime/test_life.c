/* One workspace's whole life, and what a node does without a runtime that works (S0-11, S0-33, S2-05,
 * D6, D7). */
#include "tests/integration/runtime/fixture.h"

#include "bus/foundation/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture fixture;

static int open_fixture(void **state)
{
	(void)state;
	fixture_open(&fixture, NULL);
	return 0;
}

static int close_fixture(void **state)
{
	(void)state;
	fixture_close(&fixture);
	return 0;
}

static const struct runtime_found *find(const char *id)
{
	struct runtime_found *found;
	size_t count;
	assert_true(runtime_list(fixture.runtime, fixture.arena, &found, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].id, id) == 0)
			return &found[i];
	return NULL;
}

static void the_probe_tells_what_works(void **state)
{
	(void)state;
	assert_string_equal(fixture.facts.driver, "oci");
	assert_true(strlen(fixture.facts.binary) > 0);
	assert_true(fixture.facts.network_isolation);
	assert_true(fixture.facts.cgroup_version == 1 || fixture.facts.cgroup_version == 2);
	/* It leaves nothing of the workspace that it tried with. */
	assert_null(find("probe"));
	assert_null(strstr(fixture_traces(&fixture), "probe"));
}

static void a_life_is_listed_from_kernel_and_disk(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("LIFE");
	int pidfd;
	workspace.generation = 7;
	assert_null(find("LIFE"));
	fixture_start(&fixture, &workspace);
	const struct runtime_found *found = find("LIFE");
	assert_non_null(found);
	assert_string_equal(found->owner, "alice");
	assert_int_equal(found->generation, 7);
	int64_t made_at = found->made_at;
	assert_true(made_at > clock_wall_ms() - 60000 && made_at <= clock_wall_ms());
	assert_true(found->running && found->has_disk && found->checkout_made && !found->has_remains);
	assert_true(runtime_watch(fixture.runtime, "LIFE", &pidfd, NULL));
	struct pollfd watched = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&watched, 1, 0), 0);
	/* Again: nothing changes. */
	fixture_start(&fixture, &workspace);
	assert_int_equal(poll(&watched, 1, 0), 0);

	assert_true(runtime_stop(fixture.runtime, "LIFE", 1000, NULL, NULL));
	assert_int_equal(poll(&watched, 1, 0), 1);
	close(pidfd);
	found = find("LIFE");
	assert_true(!found->running && found->has_disk && !found->has_remains);
	workspace.generation = 8;
	workspace.made_at = 12345;
	fixture_start(&fixture, &workspace);
	assert_int_equal(find("LIFE")->generation, 8);
	assert_true(find("LIFE")->made_at == made_at);
	assert_true(runtime_stop(fixture.runtime, "LIFE", 1000, NULL, NULL));
	assert_true(runtime_remove(fixture.runtime, "LIFE", NULL, NULL));
	assert_null(find("LIFE"));
	assert_true(runtime_remove(fixture.runtime, "LIFE", NULL, NULL));
}

static void a_sandbox_that_dies_by_itself_leaves_remains_that_stop_clears(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("DIES");
	int pidfd;
	fixture_start(&fixture, &workspace);
	assert_true(runtime_watch(fixture.runtime, "DIES", &pidfd, NULL));
	fixture_shell("grep -ls 'roost/%s/DIES' /proc/[0-9]*/cgroup | cut -d/ -f3 | xargs -r kill -9 2>/dev/null; true",
		      fixture.installation);
	struct pollfd watched = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&watched, 1, 5000), 1);
	close(pidfd);
	assert_true(find("DIES")->has_remains);
	assert_false(find("DIES")->running);
	struct error error = {.code = ERROR_NONE};
	assert_false(runtime_watch(fixture.runtime, "DIES", &pidfd, &error));
	assert_int_equal(error.code, ERROR_WORKSPACE_NOT_RUNNING);
	/* Started again over its remains, and stopped for good. */
	fixture_start(&fixture, &workspace);
	assert_true(runtime_stop(fixture.runtime, "DIES", 0, NULL, NULL));
	assert_false(find("DIES")->has_remains);
	assert_true(runtime_remove(fixture.runtime, "DIES", NULL, NULL));
}

static void the_polite_end_is_polite_and_has_an_end(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("GRACE");
	const char *output;
	fixture_start(&fixture, &workspace);
	pid_t polite = fixture_background(&fixture, "GRACE", "polite",
					  "trap 'echo ended >/workspace/ended; exit' TERM; touch up; while :; do "
					  "sleep 0.02; done");
	while (fixture_inside(&fixture, "GRACE", "test -e up", NULL) != 0)
		;
	int64_t before = clock_monotonic_ms();
	assert_true(runtime_stop(fixture.runtime, "GRACE", 10000, NULL, NULL));
	assert_true(clock_monotonic_ms() - before < 8000);
	waitpid(polite, NULL, 0);
	workspace.generation = 2;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "GRACE", "cat ended", &output), 0);
	assert_string_equal(output, "ended\n");
	pid_t deaf = fixture_background(&fixture, "GRACE", "deaf", "trap '' TERM; while :; do sleep 0.1; done");
	before = clock_monotonic_ms();
	struct error error = {.code = ERROR_NONE};
	if (!runtime_stop(fixture.runtime, "GRACE", 300, NULL, &error))
		fail_msg("%s", error.message);
	assert_true(clock_monotonic_ms() - before < 8000);
	waitpid(deaf, NULL, 0);
	assert_true(runtime_remove(fixture.runtime, "GRACE", NULL, NULL));
}

/* S4-23, D12: while something of it cannot be taken away its files are kept, and what is left is counted. */
static void what_is_left_of_a_failed_stop_is_counted_and_the_files_are_kept(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("HELD");
	struct error error = {.code = ERROR_NONE};
	struct runtime_left left;
	const char *output;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "HELD", "echo mine >mine", NULL), 0);
	int holder = open(fixture_workspace_folder(&fixture, "HELD"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(holder >= 0);
	assert_false(runtime_stop(fixture.runtime, "HELD", 100, &left, &error));
	assert_int_equal(error.code, ERROR_STOP_FAILED);
	assert_null(strchr(error.message, '/')); /* no path of the machine is told (S4-05) */
	assert_true(left.processes == 0 && left.mounts == 1 && !left.files);
	assert_false(runtime_remove(fixture.runtime, "HELD", &left, &error));
	assert_int_equal(error.code, ERROR_STOP_FAILED);
	assert_true(left.mounts == 1 && left.files);
	assert_true(find("HELD")->has_disk && find("HELD")->has_remains);
	close(holder);
	assert_true(runtime_stop(fixture.runtime, "HELD", 100, &left, NULL));
	assert_true(left.processes == 0 && left.mounts == 0 && !left.files);
	workspace.generation = 2;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "HELD", "cat mine", &output), 0);
	assert_string_equal(output, "mine\n");
	assert_true(runtime_remove(fixture.runtime, "HELD", &left, NULL));
}

static void a_group_is_killed_whole_and_alone(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("GROUP");
	int status;
	fixture_start(&fixture, &workspace);
	pid_t other = fixture_background(&fixture, "GROUP", "other", "exec sleep 1000");
	/* Children of children, deaf ones, in sessions of their own. */
	pid_t doomed =
	    fixture_background(&fixture, "GROUP", "doomed",
			       "trap '' TERM; setsid sh -c 'sleep 1000 & setsid sleep 1000 & touch /workspace/up; "
			       "wait' & sleep 1000 & wait");
	while (fixture_inside(&fixture, "GROUP", "test -e up", NULL) != 0)
		;
	assert_true(runtime_kill_processes(fixture.runtime, "GROUP", "doomed", 50, NULL));
	assert_int_equal(waitpid(doomed, &status, 0), doomed);
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	const char *output;
	assert_int_equal(fixture_inside(&fixture, "GROUP", "cat /proc/[0-9]*/comm | grep -c sleep", &output), 0);
	assert_string_equal(output, "1\n");
	assert_true(runtime_kill_processes(fixture.runtime, "GROUP", "doomed", 50, NULL));
	assert_true(runtime_remove(fixture.runtime, "GROUP", NULL, NULL));
	waitpid(other, &status, 0);
}

static void the_environment_reaches_programs(void **state)
{
	(void)state;
	static const struct runtime_variable variables[] = {{"COLOUR", "blue \"and\" 'green'"}, {"EMPTY", ""}};
	struct runtime_workspace workspace = fixture_workspace("ENV");
	const char *output;
	workspace.environment = variables;
	workspace.environment_count = 2;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "ENV", "echo \"$COLOUR:$EMPTY:$HOME:$PWD\"", &output), 0);
	assert_string_equal(output, "blue \"and\" 'green'::/root:/workspace\n");
	assert_int_equal(fixture_inside(&fixture, "ENV", "grep -e NoNewPrivs -e Seccomp: /proc/self/status", &output),
			 0);
	assert_string_equal(output, "NoNewPrivs:\t1\nSeccomp:\t2\n");
	assert_true(runtime_remove(fixture.runtime, "ENV", NULL, NULL));
}

/* Takes the terminal that is sent over a listening socket. */
static int receive_terminal(int listener)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	char name[4096];
	struct iovec data = {.iov_base = name, .iov_len = sizeof(name)};
	struct msghdr message = {
	    .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct pollfd watched = {.fd = listener, .events = POLLIN};
	int terminal = -1;
	assert_int_equal(poll(&watched, 1, 30000), 1);
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(recvmsg(connection, &message, MSG_CMSG_CLOEXEC) > 0);
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	assert_true(header != NULL && header->cmsg_type == SCM_RIGHTS);
	memcpy(&terminal, CMSG_DATA(header), sizeof(terminal));
	close(connection);
	return terminal;
}

static void read_until(int terminal, const char *words)
{
	char text[1024] = "";
	size_t used = 0;
	struct pollfd watched = {.fd = terminal, .events = POLLIN};
	while (strstr(text, words) == NULL) {
		assert_int_equal(poll(&watched, 1, 30000), 1);
		ssize_t size = read(terminal, text + used, sizeof(text) - 1 - used);
		if (size <= 0)
			fail_msg("the terminal ended with: %s", text);
		used += (size_t)size;
		text[used] = '\0';
	}
}

static void a_program_gets_a_terminal_and_its_end_can_be_waited_for(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("TTY");
	const char *arguments[] = {"/bin/sh", "-c", "tty; read line; echo \"got $line\"; exit 7", NULL};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%.80s/tty", fixture.folder);
	struct runtime_program program = {.workspace_id = "TTY",
					  .group = "session",
					  .arguments = arguments,
					  .folder = "",
					  .console_socket = name.sun_path,
					  .pid_file = arena_printf(fixture.arena, "%s/pid", fixture.folder)};
	char **argv;
	int status, pid;
	fixture_start(&fixture, &workspace);
	assert_true(runtime_command(fixture.runtime, fixture.arena, &program, &argv, NULL));
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t command = fork();
	if (command == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	int terminal = receive_terminal(listener);
	close(listener);
	assert_int_equal(waitpid(command, &status, 0), command);
	assert_int_equal(status, 0);
	FILE *file = fopen(program.pid_file, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	read_until(terminal, "/dev/pts/");
	assert_int_equal(write(terminal, "hello\n", 6), 6);
	read_until(terminal, "got hello");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	close(terminal);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	assert_true(runtime_remove(fixture.runtime, "TTY", NULL, NULL));
}

/* What is in the root, in /workspace, and whether the root works. */
static const char *rebuilt_files(void)
{
	const char *output;
	assert_int_equal(fixture_inside(&fixture, "ANEW",
					"cd /; for f in etc/extra root/extra workspace/work; do test -e $f && echo $f; "
					"done; grep -sc root: /etc/passwd; stat -c %a /",
					&output),
			 0);
	return output;
}

/* An image that is a folder, with as little as a shell needs. */
static void make_image(void)
{
	fixture_shell("set -e; i=%s/.images/anew; mkdir -p $i/bin $i/etc $i/root; cp /bin/sh /bin/test /bin/grep "
		      "/bin/stat /bin/cat /bin/chmod /bin/ln /bin/rm $i/bin; for l in $(ldd $i/bin/* | grep -o '/[^ "
		      "]*' | grep -v ':' | "
		      "sort -u); do mkdir -p $i$(dirname $l); cp -n $l $i$l; done; cp /etc/passwd $i/etc",
		      fixture.workspaces);
}

/* D6, rebuild: the root is new, /workspace is not; a restart keeps both. For either kind of root. */
static void a_rebuild_makes_the_root_anew_and_keeps_the_work(void **state)
{
	(void)state;
	static const char *const images[] = {"host", "anew"};
	make_image();
	for (size_t i = 0; i < 2; i++) {
		struct runtime_workspace workspace = fixture_workspace("ANEW");
		workspace.image = images[i];
		fixture_start(&fixture, &workspace);
		assert_int_equal(fixture_inside(&fixture, "ANEW",
						"echo x >/etc/extra; echo x >/root/extra; echo x >/workspace/work; "
						"rm /etc/passwd; ln -s /workspace /etc/link; chmod 777 /",
						NULL),
				 0);
		assert_true(runtime_stop(fixture.runtime, "ANEW", 100, NULL, NULL));
		workspace.generation = 2;
		fixture_start(&fixture, &workspace);
		assert_string_equal(rebuilt_files(), "etc/extra\nroot/extra\nworkspace/work\n777\n");
		assert_true(runtime_stop(fixture.runtime, "ANEW", 100, NULL, NULL));
		workspace.generation = workspace.rebuild_generation = 3;
		fixture_start(&fixture, &workspace);
		assert_string_equal(rebuilt_files(), "workspace/work\n1\n755\n");
		/* Once: a later restart that still names the rebuild changes nothing. */
		assert_int_equal(fixture_inside(&fixture, "ANEW", "echo x >/etc/extra", NULL), 0);
		assert_true(runtime_stop(fixture.runtime, "ANEW", 100, NULL, NULL));
		workspace.generation = 4;
		fixture_start(&fixture, &workspace);
		assert_string_equal(rebuilt_files(), "etc/extra\nworkspace/work\n1\n755\n");
		assert_true(runtime_remove(fixture.runtime, "ANEW", NULL, NULL));
	}
}

/* Fills the disk to the last file or byte, the root and the work alike. */
static void fill(bool with_bytes)
{
	const char *script =
	    with_bytes ? "for f in /etc/full /workspace/full; do cat /dev/zero >$f; done; i=0; while echo x "
			 ">/workspace/f$i; do i=$((i+1)); done"
		       : "rm -rf /etc /opt /srv /home 2>/dev/null; i=0; while : >/workspace/f$i; do i=$((i+1)); done";
	fixture_inside(&fixture, "FULL", script, NULL);
	assert_int_not_equal(fixture_inside(&fixture, "FULL", "echo x >/workspace/more", NULL), 0);
}

static void start_full(struct runtime_workspace *workspace, bool rebuild)
{
	assert_true(runtime_stop(fixture.runtime, "FULL", 100, NULL, NULL));
	workspace->generation++;
	if (rebuild)
		workspace->rebuild_generation = workspace->generation;
	fixture_start(&fixture, workspace);
	assert_int_equal(fixture_inside(&fixture, "FULL", "rm -f /workspace/f0 /workspace/full", NULL), 0);
	assert_int_equal(fixture_inside(&fixture, "FULL", "echo x >/workspace/f0", NULL), 0);
}

/* D6, D8: whatever a workspace filled its disk with, it starts, is rebuilt, and its owner can make room. */
static void a_full_workspace_starts_and_is_rebuilt(void **state)
{
	(void)state;
	static const char *const images[] = {"host", "anew"};
	make_image();
	for (size_t i = 0; i < 4; i++) {
		struct runtime_workspace workspace = fixture_workspace("FULL");
		workspace.image = images[i / 2];
		fixture_start(&fixture, &workspace);
		for (int round = 0; round < 2; round++) {
			fill(i % 2 == 0);
			start_full(&workspace, false);
			fill(i % 2 == 0);
			start_full(&workspace, true);
		}
		assert_true(runtime_remove(fixture.runtime, "FULL", NULL, NULL));
	}
}

/* Without its reserve, as of a node before there was one: who can mend it is told, and the node is not blamed. */
static void a_full_workspace_that_cannot_start_says_whose_disk_is_full(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("FULLER");
	fixture_start(&fixture, &workspace);
	fixture_shell("rm -r %s/../marks/reserve", fixture_workspace_folder(&fixture, "FULLER"));
	fixture_inside(&fixture, "FULLER",
		       "rm -rf /etc /opt /srv /home; i=0; while : >/workspace/f$i; do i=$((i+1)); done", NULL);
	assert_true(runtime_stop(fixture.runtime, "FULLER", 100, NULL, NULL));
	workspace.generation = workspace.rebuild_generation = 2;
	const struct runtime_failure *failure = fixture_fails(&fixture, &workspace);
	assert_string_equal(failure->message, "The workspace's disk is full.");
	assert_int_equal(failure->cause, RUNTIME_CAUSE_WORKSPACE);
	assert_true(runtime_remove(fixture.runtime, "FULLER", NULL, NULL));
}

/* A mark that is never settled would cost the clone, and all work in it, with the next power cut. */
static void the_mark_of_a_full_workspace_is_settled(void **state)
{
	(void)state;
	struct runtime_workspace workspace = fixture_workspace("FULL");
	workspace.repository = fixture_make_repository(&fixture, "full");
	fixture_start(&fixture, &workspace);
	fill(false);
	assert_true(runtime_stop(fixture.runtime, "FULL", 100, NULL, NULL));
	workspace.generation = 2;
	fixture_start(&fixture, &workspace);
	fixture_shell("f=%s/../marks/checkout; test -e $f && ! test -s $f", fixture_workspace_folder(&fixture, "FULL"));
	assert_true(runtime_remove(fixture.runtime, "FULL", NULL, NULL));
}

/* A runtime of its own over the same folders, with another program or reserve. */
static struct runtime *open_other(const char *binary, uint64_t reserve_mb)
{
	static struct runtime_settings settings;
	struct runtime *runtime;
	settings = fixture.settings;
	settings.binary = binary;
	settings.disk_reserve_mb = reserve_mb;
	assert_true(runtime_open(&runtime_driver_oci, &settings, &runtime, NULL));
	return runtime;
}

static void without_a_working_runtime_starts_fail_with_the_cause_and_stops_succeed(void **state)
{
	(void)state;
	static const char *const binaries[] = {"/nonexistent/runc", "/bin/false"};
	struct runtime_workspace workspace = fixture_workspace("BROKEN");
	fixture_start(&fixture, &workspace);
	for (size_t i = 0; i < 2; i++) {
		struct runtime *broken = open_other(binaries[i], 0);
		struct runtime_failure failure;
		struct runtime_facts facts;
		struct error error = {.code = ERROR_NONE};
		struct runtime_workspace other = fixture_workspace("NEVER");
		assert_false(runtime_probe(broken, fixture.arena, &facts, &error));
		assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
		assert_non_null(strstr(error.message, strrchr(binaries[i], '/') + 1));
		int64_t before = clock_monotonic_ms();
		assert_false(runtime_start(broken, fixture.arena, &other, NULL, &failure));
		assert_true(clock_monotonic_ms() - before < 1000);
		assert_string_equal(failure.message, error.message);
		assert_null(find("NEVER"));
		/* What ran before can still be seen, stopped and taken away. */
		if (i == 1) {
			assert_true(find("BROKEN")->running);
			assert_true(runtime_remove(broken, "BROKEN", NULL, &error));
			assert_null(find("BROKEN"));
		}
		runtime_close(broken);
	}
	/* Closing the last runtime takes the rules away; this fixture goes on. */
	struct runtime_facts facts;
	assert_true(runtime_probe(fixture.runtime, fixture.arena, &facts, NULL));
}

/* D7: what is missing is named, without the machine's paths (S4-05). */
static void a_machine_that_lacks_a_program_names_it(void **state)
{
	(void)state;
	struct runtime *broken = open_other("", 0);
	struct runtime_facts facts;
	struct error error = {.code = ERROR_NONE};
	char *search = strdup(getenv("PATH"));
	setenv("PATH", "/nonexistent", 1);
	bool usable = runtime_probe(broken, fixture.arena, &facts, &error);
	setenv("PATH", search, 1);
	free(search);
	runtime_close(broken);
	assert_false(usable);
	assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_non_null(strstr(error.message, "cannot run nft"));
	assert_null(strchr(error.message, '/'));
	assert_true(runtime_probe(fixture.runtime, fixture.arena, &facts, NULL));
}

static void a_machine_without_space_says_so(void **state)
{
	(void)state;
	struct runtime *full = open_other("", 1ULL << 40);
	struct runtime_workspace workspace = fixture_workspace("FULL");
	struct runtime_failure failure;
	struct runtime_facts facts;
	assert_true(runtime_probe(full, fixture.arena, &facts, NULL));
	assert_false(runtime_start(full, fixture.arena, &workspace, NULL, &failure));
	assert_string_equal(failure.step, "disk");
	assert_non_null(strstr(failure.message, "nearly full"));
	assert_null(find("FULL"));
	runtime_close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_probe_tells_what_works),
	    cmocka_unit_test(a_life_is_listed_from_kernel_and_disk),
	    cmocka_unit_test(a_sandbox_that_dies_by_itself_leaves_remains_that_stop_clears),
	    cmocka_unit_test(the_polite_end_is_polite_and_has_an_end),
	    cmocka_unit_test(what_is_left_of_a_failed_stop_is_counted_and_the_files_are_kept),
	    cmocka_unit_test(a_group_is_killed_whole_and_alone),
	    cmocka_unit_test(the_environment_reaches_programs),
	    cmocka_unit_test(a_program_gets_a_terminal_and_its_end_can_be_waited_for),
	    cmocka_unit_test(a_rebuild_makes_the_root_anew_and_keeps_the_work),
	    cmocka_unit_test(a_full_workspace_starts_and_is_rebuilt),
	    cmocka_unit_test(a_full_workspace_that_cannot_start_says_whose_disk_is_full),
	    cmocka_unit_test(the_mark_of_a_full_workspace_is_settled),
	    cmocka_unit_test(without_a_working_runtime_starts_fail_with_the_cause_and_stops_succeed),
	    cmocka_unit_test(a_machine_that_lacks_a_program_names_it),
	    cmocka_unit_test(a_machine_without_space_says_so),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
