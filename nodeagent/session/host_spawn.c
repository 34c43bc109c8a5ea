/* Starting the program. Two ways (session_client.h): the command itself gets a new pty, or an OCI
 * runtime's command makes the terminal inside the sandbox, hands its master over on the console socket,
 * writes the program's pid into a file and ends; the program then becomes our child, because we are the
 * nearest sub-reaper. Either way what can go wrong ends the session as FAILED with a sentence for users;
 * what the runtime said goes to the log only, since it knows too much. */
#include "nodeagent/session/host.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"
#include "nodeagent/session/session_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPAWN_TIMEOUT_MS = 30 * 1000, EXEC_FAILED_STATUS = 127 };

static const char not_found[] = "The program was not found in the workspace.";
static const char not_executable[] = "The program may not be executed.";
static const char could_not_start[] = SESSION_COULD_NOT_START;

static bool uses_runtime(const Roost__HostSpec *spec)
{
	for (size_t i = 0; i < spec->n_argv; i++)
		if (strcmp(spec->argv[i], SESSION_ARGUMENT_CONSOLE) == 0)
			return true;
	return false;
}

/* The first argument that is exactly `place` becomes the path of that file: absolute and short, wherever
 * the folder is and whatever directory the runtime goes to. Later ones are the user's own words. */
static void fill_in(struct host *host, char **argv, const char *place, const char *name)
{
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, place) != 0)
			continue;
		*argv = arena_printf(host->spec_arena, "/proc/%d/cwd/%s", (int)getpid(), name);
		return;
	}
}

static char **command_of(struct host *host)
{
	const Roost__HostSpec *spec = host->spec;
	char **argv = arena_array_of(host->spec_arena, char *, spec->n_argv + 1);
	for (size_t i = 0; i < spec->n_argv; i++)
		argv[i] = arena_strdup(host->spec_arena, spec->argv[i]);
	fill_in(host, argv, SESSION_ARGUMENT_CONSOLE, FOLDER_CONSOLE);
	fill_in(host, argv, SESSION_ARGUMENT_PID_FILE, FOLDER_PID_FILE);
	return argv;
}

static char **environment_of(struct host *host)
{
	const Roost__HostSpec *spec = host->spec;
	char **env = arena_array_of(host->spec_arena, char *, spec->n_env + 2);
	bool has_term = false;
	for (size_t i = 0; i < spec->n_env; i++) {
		env[i] = arena_strdup(host->spec_arena, spec->env[i]);
		has_term = has_term || strncmp(env[i], "TERM=", 5) == 0;
	}
	if (!has_term)
		env[spec->n_env] = arena_strdup(host->spec_arena, "TERM=xterm-256color");
	return env;
}

/* In the child: everything as a program expects it, then the program. Never returns. */
static void become(struct host *host, char **argv, char **env, int input, int output, int failure)
{
	sigset_t none;
	sigemptyset(&none);
	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	    (host->spec->working_folder == NULL || chdir(host->spec->working_folder) == 0)) {
		environ = env;
		execvp(argv[0], argv);
	}
	int number = errno;
	(void)!write(failure, &number, sizeof(number));
	_exit(EXEC_FAILED_STATUS);
}

static bool spawn_plain(struct host *host, char **argv, char **env, struct error *error)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		return error_errno(error, errno, "make a terminal");
	int failure[2];
	if (!host_terminal_take(host, master, error))
		return false;
	if (pipe2(failure, O_CLOEXEC) != 0)
		return error_errno(error, errno, "make a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(host->terminal_peer, TIOCSCTTY, 0);
		become(host, argv, env, host->terminal_peer, host->terminal_peer, failure[1]);
	}
	close(failure[1]);
	if (pid < 0) {
		close(failure[0]);
		return error_errno(error, errno, "fork");
	}
	host->program = pid;
	host->program_group = pid;
	host->exec_failure = failure[0];
	return true;
}

static bool spawn_by_runtime(struct host *host, char **argv, char **env, struct error *error)
{
	host->console = folder_listen(host->folder, FOLDER_CONSOLE, error);
	if (host->console < 0)
		return false;
	unlinkat(host->folder, FOLDER_PID_FILE, 0);
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int output[2], failure[2];
	if (nothing < 0 || pipe2(output, O_CLOEXEC) != 0 || pipe2(failure, O_CLOEXEC) != 0)
		return error_errno(error, errno, "make a pipe");
	pid_t pid = fork();
	if (pid == 0)
		become(host, argv, env, nothing, output[1], failure[1]);
	close(nothing);
	close(output[1]);
	close(failure[1]);
	host->exec_failure = failure[0];
	host->runtime_output = output[0];
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	if (pid < 0)
		return error_errno(error, errno, "fork");
	host->runtime = pid;
	return true;
}

void host_spawn(struct host *host)
{
	struct error error;
	char **argv = command_of(host);
	char **env = environment_of(host);
	host->by_runtime = uses_runtime(host->spec);
	host->spawn_deadline_ms = clock_monotonic_ms() + SPAWN_TIMEOUT_MS;
	cutpoint(CUTPOINT_HOST_BEFORE_SPAWN);
	bool begun =
	    host->by_runtime ? spawn_by_runtime(host, argv, env, &error) : spawn_plain(host, argv, env, &error);
	if (!begun)
		host_failed(host, could_not_start, error.message);
}

static void now_running(struct host *host)
{
	cutpoint(CUTPOINT_HOST_SPAWNED);
	host->phase = ROOST__HOST_STATE__PHASE__RUNNING;
	host->spawn_deadline_ms = 0;
	host_tell_state(host);
	if (host->stop_wanted)
		host_stop(host, host->stop_grace_ms);
}

void host_exec_failure_ready(struct host *host)
{
	int number = 0;
	ssize_t size = read(host->exec_failure, &number, sizeof(number));
	close(host->exec_failure);
	host->exec_failure = -1;
	if (size == sizeof(number)) {
		const char *sentence = could_not_start;
		if (number == ENOENT || number == ENOTDIR)
			sentence = not_found;
		else if (number == EACCES || number == ENOEXEC)
			sentence = not_executable;
		host_failed(host, host->by_runtime ? could_not_start : sentence, strerror(number));
		return;
	}
	if (!host->by_runtime)
		now_running(host);
}

void host_runtime_output_ready(struct host *host)
{
	char piece[HOST_RUNTIME_SAID_MAX];
	ssize_t size = read(host->runtime_output, piece, sizeof(piece));
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		close(host->runtime_output);
		host->runtime_output = -1;
		return;
	}
	size_t kept = host->runtime_said_size;
	size_t over = kept + (size_t)size > HOST_RUNTIME_SAID_MAX ? kept + (size_t)size - HOST_RUNTIME_SAID_MAX : 0;
	memmove(host->runtime_said, host->runtime_said + over, kept - over);
	memcpy(host->runtime_said + kept - over, piece, (size_t)size);
	host->runtime_said_size = kept - over + (size_t)size;
	host->runtime_said[host->runtime_said_size] = '\0';
}

/* The descriptor that comes with the next message; -1 when there is none. */
static int receive_descriptor(int connection)
{
	char name[256];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = name, .iov_len = sizeof(name)};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -1;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	int fd;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void close_console(struct host *host)
{
	if (host->console_connection >= 0)
		close(host->console_connection);
	if (host->console >= 0) {
		close(host->console);
		unlinkat(host->folder, FOLDER_CONSOLE, 0);
	}
	host->console = -1;
	host->console_connection = -1;
}

void host_console_ready(struct host *host)
{
	if (host->console_connection < 0)
		host->console_connection = accept4(host->console, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (host->console_connection < 0)
		return;
	int fd = receive_descriptor(host->console_connection);
	if (fd < 0) {
		if (errno != EAGAIN)
			close_console(host);
		return;
	}
	close_console(host);
	struct error error;
	if (host->terminal >= 0 || !host_terminal_take(host, fd, &error)) {
		log_error("the runtime handed over no terminal: %s",
			  host->terminal >= 0 ? "a second one" : error.message);
		close(fd);
	}
}

static pid_t read_pid_file(const struct host *host)
{
	char text[32];
	int fd = openat(host->folder, FOLDER_PID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, text, sizeof(text) - 1);
	close(fd);
	unlinkat(host->folder, FOLDER_PID_FILE, 0);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	long pid = strtol(text, NULL, 10);
	return pid > 1 ? (pid_t)pid : 0;
}

static bool contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static void runtime_failed(struct host *host)
{
	if (host->runtime_output >= 0)
		host_runtime_output_ready(host);
	const char *said = host->runtime_said;
	const char *sentence = could_not_start;
	if (contains(said, "executable file not found") || contains(said, "no such file"))
		sentence = not_found;
	else if (contains(said, "permission denied"))
		sentence = not_executable;
	else if (contains(said, "container not running") || contains(said, "does not exist") ||
		 contains(said, "stopped container") || contains(said, "is not running"))
		sentence = "The workspace was not running.";
	host_failed(host, sentence, said);
}

/* The runtime's command ended well: by now the terminal waits on the console, the pid in its file. */
static void runtime_done(struct host *host)
{
	if (host->terminal < 0 && host->console >= 0) {
		host_console_ready(host);
		if (host->console_connection >= 0)
			host_console_ready(host);
	}
	close_console(host);
	pid_t program = read_pid_file(host);
	if (host->terminal < 0 || program == 0) {
		host_failed(host, could_not_start, "the runtime left no terminal or no pid");
		return;
	}
	siginfo_t info;
	if (waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
		host_failed(host, could_not_start, "the runtime did not hand the program over");
		return;
	}
	host->program = program;
	host->program_group = program;
	now_running(host);
}

/* The end of an exec that failed is told by its pipe; the pipe of one that did not is closed. */
static void settle_exec_failure(struct host *host)
{
	if (host->exec_failure >= 0)
		host_exec_failure_ready(host);
}

void host_reap(struct host *host)
{
	int status;
	/* the runtime's command first: the program may be ours, and over, before its name is known */
	if (host->runtime > 0) {
		if (waitpid(host->runtime, &status, WNOHANG) != host->runtime)
			return;
		host->runtime = 0;
		settle_exec_failure(host);
		if (host_is_over(host))
			return;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			runtime_done(host);
		else
			runtime_failed(host);
	}
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == host->screen.pid)
			host->screen.pid = 0; /* its socket tells the rest */
		if (pid != host->program)
			continue; /* or orphans of the program, left to us as sub-reaper */
		settle_exec_failure(host);
		host->program = 0;
		if (!host_is_over(host))
			host_ended(host, status);
	}
}
