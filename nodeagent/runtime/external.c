/* External programs. One poll loop watches the program's end (pidfd), its output, the cancel and the
 * clock. Output beyond what is kept is read and forgotten, so a talkative program neither blocks nor
 * fills the memory. */
#include "nodeagent/runtime/external.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"

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

/* A running program and what is kept of its output. */
struct running {
	pid_t pid;
	int pid_fd;
	int output_fd;
	int log_fd; /* -1 for none */
	size_t logged;
	size_t seen;			   /* bytes of output so far */
	char tail[STEP_OUTPUT_TAIL_BYTES]; /* a ring */
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
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	running->pid_fd = (int)syscall(SYS_pidfd_open, running->pid, 0);
	running->log_fd = -1;
	if (options->log_path != NULL)
		running->log_fd = open(options->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return true;
}

static void keep(struct running *running, const char *data, size_t size)
{
	size_t loggable = EXTERNAL_LOG_BYTES_MAX - running->logged;
	if (loggable > size)
		loggable = size;
	if (running->log_fd >= 0 && loggable > 0 && write(running->log_fd, data, loggable) > 0)
		running->logged += loggable;
	for (size_t i = 0; i < size; i++)
		running->tail[(running->seen + i) % sizeof(running->tail)] = data[i];
	running->seen += size;
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
		keep(running, buffer, (size_t)size);
	}
	return true;
}

static enum external_end watch(struct running *running, const struct external_wait *wait, uint32_t timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? clock_monotonic_ms() + timeout_ms : 0;
	struct pollfd watched[3] = {{.fd = running->pid_fd, .events = POLLIN},
				    {.fd = running->output_fd, .events = POLLIN},
				    {.fd = wait != NULL ? wait->cancel_fd : -1, .events = POLLIN}};
	for (;;) {
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

/* The kept output as text: what is not printable ASCII, a line end or well-formed UTF-8 becomes '?',
 * since it travels in messages and is shown to people. */
static const char *safe_output(const struct running *running, struct arena *arena)
{
	size_t size = running->seen < sizeof(running->tail) ? running->seen : sizeof(running->tail);
	char *text = arena_alloc(arena, size + 1);
	for (size_t i = 0; i < size; i++)
		text[i] = running->tail[(running->seen - size + i) % sizeof(running->tail)];
	external_text_make_safe(text, size);
	return text;
}

static size_t utf8_length(const unsigned char *text, size_t left)
{
	size_t length = text[0] >= 0xc2 && text[0] < 0xe0   ? 2
			: text[0] >= 0xe0 && text[0] < 0xf0 ? 3
			: text[0] >= 0xf0 && text[0] < 0xf5 ? 4
							    : 0;
	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
	bool surrogate = text[0] == 0xed && text[1] >= 0xa0;
	bool too_high = text[0] == 0xf4 && text[1] >= 0x90;
	return overlong || surrogate || too_high ? 0 : length;
}

void external_text_make_safe(char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		unsigned char byte = (unsigned char)text[i];
		size_t length = 1;
		if (byte == '\r')
			text[i] = '\n';
		else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
			text[i] = '?';
		else if (byte >= 0x80) {
			length = utf8_length((const unsigned char *)text + i, size - i);
			if (length == 0) {
				text[i] = '?';
				length = 1;
			}
		}
		i += length;
	}
}

bool external_run(const struct external_options *options, const struct external_wait *wait, struct arena *arena,
		  struct external_result *result, struct error *error)
{
	struct running *running = arena_new_of(arena, struct running);
	if (!start(options, running, error))
		return false;
	result->end = watch(running, wait, options->timeout_ms);
	result->exit_code = -1;
	if (result->end != EXTERNAL_EXITED)
		kill(-running->pid, SIGKILL);
	int status = 0;
	while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (result->end == EXTERNAL_EXITED)
		result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_output(running);
	result->output = safe_output(running, arena);
	close(running->output_fd);
	if (running->pid_fd >= 0)
		close(running->pid_fd);
	if (running->log_fd >= 0)
		close(running->log_fd);
	return true;
}
