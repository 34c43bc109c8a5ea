/* The janitor is a child that waits for the end of a pipe, which is the end of the test program. */
#include "tests/integration/runtime/fixture.h"

#include "bus/foundation/clock.h"
#include "nodeagent/runtime/folder.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <dirent.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000, OUTPUT_BYTES = 256 * 1024 };

static void remove_everything(struct fixture *fixture, struct runtime *runtime)
{
	struct runtime_found *found;
	size_t count;
	struct error error;
	if (!runtime_list(runtime, fixture->arena, &found, &count, &error))
		return;
	if (!runtime_remove_mirrors(runtime, &error))
		print_error("janitor: %s\n", error.message);
	for (size_t i = 0; i < count; i++)
		if (!runtime_remove(runtime, found[i].id, NULL, &error))
			print_error("janitor: workspace %s: %s\n", found[i].id, error.message);
}

/* Takes away what a test program that died has left. The table of rules goes by hand, since a runtime that
 * has not probed does not own it. */
static void janitor(struct fixture *fixture, int pipe)
{
	char byte, script[512];
	struct runtime *runtime;
	while (read(pipe, &byte, 1) > 0)
		;
	if (runtime_open(&runtime_driver_oci, &fixture->settings, &runtime, NULL)) {
		remove_everything(fixture, runtime);
		runtime_close(runtime);
	}
	snprintf(script, sizeof(script),
		 "nft delete table inet roost_%s; rmdir /run/roost/%s /run/roost /sys/fs/cgroup/roost/%s "
		 "/sys/fs/cgroup/*/roost/%s /sys/fs/cgroup/roost /sys/fs/cgroup/*/roost; rm -rf %s",
		 fixture->installation, fixture->installation, fixture->installation, fixture->installation,
		 fixture->folder);
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(1);
}

static void start_janitor(struct fixture *fixture)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t middle = fork();
	assert_true(middle >= 0);
	if (middle == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		close(ends[1]);
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		janitor(fixture, ends[0]);
	}
	close(ends[0]);
	waitpid(middle, NULL, 0);
	/* ends[1] stays open until the program ends. */
}

void fixture_open(struct fixture *fixture, void (*adjust)(struct runtime_settings *settings))
{
	struct error error = {.code = ERROR_NONE};
	const char *temporary = getenv("TMPDIR");
	*fixture = (struct fixture){.arena = arena_new()};
	snprintf(fixture->installation, sizeof(fixture->installation), "T%08X%03X",
		 (unsigned)clock_monotonic_ns() ^ (unsigned)getpid() << 16, (unsigned)getpid() & 0xfff);
	snprintf(fixture->folder, sizeof(fixture->folder), "%.80s/roost-rt-XXXXXX",
		 temporary != NULL ? temporary : "/tmp");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->workspaces, sizeof(fixture->workspaces), "%s/workspaces", fixture->folder);
	snprintf(fixture->repositories, sizeof(fixture->repositories), "%s/repositories", fixture->folder);
	assert_true(folder_make(fixture->repositories, 0755, &error));
	fixture->settings = (struct runtime_settings){.installation = fixture->installation,
						      .folder = fixture->workspaces,
						      .binary = "",
						      .local_repos = fixture->repositories,
						      .init_program = INIT_PROGRAM,
						      .cpu_percent = 200,
						      .memory_mb = 256,
						      .processes_max = 128,
						      .disk_mb = 64,
						      .clone_timeout_seconds = 60};
	/* Before the adjustment, which may move this process into a mount namespace of its own. */
	start_janitor(fixture);
	if (adjust != NULL)
		adjust(&fixture->settings);
	assert_true(runtime_open(&runtime_driver_oci, &fixture->settings, &fixture->runtime, &error));
	if (!runtime_probe(fixture->runtime, fixture->arena, &fixture->facts, &error))
		fail_msg("%s", error.message);
}

void fixture_close(struct fixture *fixture)
{
	remove_everything(fixture, fixture->runtime);
	runtime_close(fixture->runtime);
	const char *traces = fixture_traces(fixture);
	if (traces[0] != '\0')
		fail_msg("left behind:\n%s", traces);
	folder_remove(fixture->folder, NULL);
	arena_free(fixture->arena);
}

const char *fixture_traces(const struct fixture *fixture)
{
	/* Each line of the script looks in one place; what is no trace (templates, the shared folder that is
	 * shown inside) begins with a dot; a process in a deleted cgroup waits only to be forgotten by its parent. */
	const char *script =
	    arena_printf(fixture->arena,
			 "i=%s; f=%s\n"
			 "grep -hs \"roost/$i\" /proc/[0-9]*/cgroup | grep -v deleted | sed 's/^/process /'\n"
			 "grep -e \"roost/$i\" -e \"$f\" /proc/self/mounts | sed 's/^/mount /'\n"
			 "ip -o link | grep \"roost $i \" | sed 's/^/link /'\n"
			 "nft list tables | grep \"roost_$i\"\n"
			 "find /sys/fs/cgroup -type d -path \"*/roost/$i*\" 2>/dev/null | sed 's/^/cgroup /'\n"
			 "cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep \"$f\" | sed 's/^/loop /'\n"
			 "find /run/roost/$i -mindepth 1 -maxdepth 1 2>/dev/null | sed 's/^/folder /'\n"
			 "find $f -mindepth 1 -maxdepth 1 -not -name '.*' 2>/dev/null | sed 's/^/folder /'\n"
			 "true\n",
			 fixture->installation, fixture->workspaces);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	char *text = arena_alloc(fixture->arena, OUTPUT_BYTES);
	assert_int_equal(process_run(argv, NULL, text, OUTPUT_BYTES), 0);
	return text;
}

struct runtime_workspace fixture_workspace(const char *id)
{
	return (struct runtime_workspace){
	    .id = id, .owner = "alice", .generation = 1, .image = "", .repository = "", .branch = ""};
}

void fixture_start(struct fixture *fixture, const struct runtime_workspace *workspace)
{
	struct runtime_failure failure;
	if (!runtime_start(fixture->runtime, fixture->arena, workspace, NULL, &failure))
		fail_msg("%s: %s: %s\n%s", workspace->id, failure.step, failure.message, failure.detail);
}

const struct runtime_failure *fixture_fails(struct fixture *fixture, const struct runtime_workspace *workspace)
{
	struct runtime_failure *failure = arena_new_of(fixture->arena, struct runtime_failure);
	assert_false(runtime_start(fixture->runtime, fixture->arena, workspace, NULL, failure));
	return failure;
}

static char **command(struct fixture *fixture, const char *id, const char *group, const char *script)
{
	const char *arguments[] = {"/bin/sh", "-c", script, NULL};
	struct runtime_program program = {.workspace_id = id, .group = group, .arguments = arguments, .folder = ""};
	struct error error;
	char **argv = NULL;
	if (!runtime_command(fixture->runtime, fixture->arena, &program, &argv, &error))
		fail_msg("%s", error.message);
	return argv;
}

int fixture_inside(struct fixture *fixture, const char *id, const char *script, const char **output)
{
	char *text = arena_alloc(fixture->arena, OUTPUT_BYTES);
	char **argv = command(fixture, id, "test", script);
	int code = process_run((const char *const *)argv, NULL, text, OUTPUT_BYTES);
	if (output != NULL)
		*output = text;
	return code;
}

pid_t fixture_background(struct fixture *fixture, const char *id, const char *group, const char *script)
{
	char **argv = command(fixture, id, group, script);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

const char *fixture_workspace_folder(const struct fixture *fixture, const char *id)
{
	return arena_printf(fixture->arena, "/run/roost/%s/%s/disk/workspace", fixture->installation, id);
}

void fixture_add_guest(struct fixture *fixture, const char *id)
{
	fixture_shell("install -m 755 %s %s/guest", GUEST_PROGRAM, fixture_workspace_folder(fixture, id));
}

const char *fixture_address(struct fixture *fixture, const char *id)
{
	const char *output;
	assert_int_equal(fixture_inside(fixture, id, "tail -n 1 /etc/hosts", &output), 0);
	char *address = arena_strdup(fixture->arena, output);
	address[strcspn(address, " \n")] = '\0';
	return address;
}

const char *fixture_fetch(struct fixture *fixture, const char *address, uint16_t port)
{
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(port)};
	char text[256] = "";
	assert_int_equal(inet_pton(AF_INET, address, &target.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 3};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	bool connected = connect(fd, (const struct sockaddr *)&target, sizeof(target)) == 0;
	if (connected && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return connected ? arena_strdup(fixture->arena, text) : NULL;
}

const char *fixture_make_repository(struct fixture *fixture, const char *name)
{
	const char *path = arena_printf(fixture->arena, "%s/%s", fixture->repositories, name);
	fixture_shell("export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null HOME=/nonexistent GIT_AUTHOR_NAME=t "
		      "GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org; "
		      "git init -q -b main '%s' && cd '%s' && echo hello >README && git add . && "
		      "git commit -qm first && git checkout -qb other && echo other >README && "
		      "git commit -qam second && git checkout -q main",
		      path, path);
	return path;
}

bool fixture_wait(bool (*condition)(void *context), void *context)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	while (!condition(context)) {
		if (clock_monotonic_ms() > deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void fixture_shell(const char *format, ...)
{
	char script[4096], output[4096];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(script, sizeof(script), format, arguments);
	va_end(arguments);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	if (process_run(argv, NULL, output, sizeof(output)) != 0)
		fail_msg("%s\n%s", script, output);
}
