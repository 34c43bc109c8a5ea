/* External programs. One poll loop watches the program's end (pidfd), its output, the cancel and the
 * clock. Output beyond what is kept is read and forgotten, so a talkative program neither blocks nor
 * fills the memory. */
#include "nodeagent/runtime/external.h"

#include "bus/foundation/clock.h"
#include "nodeagent/runtime/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const minimal_environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					    "LC_ALL=C", NULL};

struct running {
	pid_t pid;
	int pid_fd;
	int output_fd;
	int64_t begun_ms; /* monotonic */
	struct output output;
};

bool external_wait_cancelled(const struct external_wait *wait)
{
	if (wait == NULL || wait->cancel_fd < 0)
		return false;
	struct pollfd poll_fd = {.fd = wait->cancel_fd, .events = POLLIN};
	return poll(&poll_fd, 1, 0) > 0;
}

/* A file that holds `text`, to be read from its beginning; /dev/null for NULL. */
static int open_input(const char *text)
{
	if (text == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t length = strlen(text);
	if (fd >= 0 && (write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int spawn(const struct external_options *options, int input_fd, int output_fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, output_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output_fd, STDERR_FILENO);
	int last = STDERR_FILENO;
	if (options->lock_fd > 0)
		posix_spawn_file_actions_adddup2(&files, options->lock_fd, ++last);
	/* Libraries open files without close-on-exec; a sandbox must inherit none of them. */
	posix_spawn_file_actions_addclosefrom_np(&files, last + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	char *const *environment = options->environment != NULL ? options->environment : minimal_environment;
	int failed = posix_spawnp(pid, options->argv[0], &files, &attributes, options->argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

/* Kills the program and its group when `hard`; returns how it ended, as wait() has it. */
static int reap(pid_t pid, bool hard)
{
	int status = 0;
	if (hard)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool start(const struct external_options *options, struct running *running, struct error *error)
{
	int output[2];
	if (pipe2(output, O_CLOEXEC) != 0)
		return error_errno(error, errno, "pipe for %s", options->argv[0]);
	int input_fd = open_input(options->input);
	int failed = input_fd < 0 ? errno : spawn(options, input_fd, output[1], &running->pid);
	if (input_fd >= 0)
		close(input_fd);
	close(output[1]);
	if (failed != 0) {
		close(output[0]);
		return error_errno(error, failed, "cannot run %s", options->argv[0]);
	}
	running->output_fd = output[0];
	running->begun_ms = clock_monotonic_ms();
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	running->pid_fd = (int)syscall(SYS_pidfd_open, running->pid, 0);
	if (running->pid_fd >= 0)
		return true;
	/* Its end would go unseen until its time is up. */
	failed = errno;
	reap(running->pid, true);
	close(output[0]);
	return error_errno(error, failed, "cannot watch %s", options->argv[0]);
}

/* Takes what is there, but no more than a pipe holds: a program that writes faster than we read must not
 * keep us from the clock. False once the other end is closed. */
static bool read_output(struct running *running)
{
	enum { PIECES_MAX = 64 };
	char buffer[16384];
	for (int piece = 0; piece < PIECES_MAX; piece++) {
		ssize_t size = read(running->output_fd, buffer, sizeof(buffer));
		if (size < 0)
			return errno == EAGAIN || errno == EINTR;
		if (size == 0)
			return false;
		output_take(&running->output, buffer, (size_t)size);
	}
	return true;
}

/* The moment by which something has to happen next; 0 for never. */
static int64_t next_deadline(const struct external_options *options, const struct running *running)
{
	bool must_speak = options->answer_ms > 0 && running->output.seen == 0;
	if (must_speak && (options->timeout_ms == 0 || options->answer_ms < options->timeout_ms))
		return running->begun_ms + options->answer_ms;
	return options->timeout_ms > 0 ? running->begun_ms + options->timeout_ms : 0;
}

static enum external_end watch(const struct external_options *options, struct running *running,
			       const struct external_wait *wait)
{
	struct pollfd watched[3] = {{.fd = running->pid_fd, .events = POLLIN},
				    {.fd = running->output_fd, .events = POLLIN},
				    {.fd = wait != NULL ? wait->cancel_fd : -1, .events = POLLIN}};
	for (;;) {
		int64_t deadline = next_deadline(options, running);
		int64_t left = deadline > 0 ? deadline - clock_monotonic_ms() : -1;
		if (deadline > 0 && left <= 0)
			return EXTERNAL_TIMED_OUT;
		if (poll(watched, 3, (int)left) < 0 && errno != EINTR)
			return EXTERNAL_TIMED_OUT;
		if (watched[2].revents != 0)
			return EXTERNAL_CANCELLED;
		if (watched[1].revents != 0 && !read_output(running))
			watched[1].fd = -1;
		if (watched[0].revents != 0)
			return EXTERNAL_EXITED;
	}
}

bool external_run(const struct external_options *options, const struct external_wait *wait, struct arena *arena,
		  struct external_result *result, struct error *error)
{
	struct running *running = arena_new_of(arena, struct running);
	if (wait != NULL) {
		running->output.tell = wait->output;
		running->output.context = wait->output_context;
	}
	if (!start(options, running, error))
		return false;
	result->end = watch(options, running, wait);
	bool silent = options->answer_ms > 0 && running->output.seen == 0;
	result->exit_code = -1;
	int status = reap(running->pid, result->end != EXTERNAL_EXITED);
	if (result->end == EXTERNAL_EXITED)
		result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	result->hung = result->end == EXTERNAL_TIMED_OUT && (options->must_answer || silent);
	if (result->hung && wait != NULL && wait->hung != NULL)
		*wait->hung = true;
	read_output(running);
	result->output = output_end(&running->output, arena);
	close(running->output_fd);
	close(running->pid_fd);
	return true;
}
