/* fork and exec by hand, because the child must ask for its parent's death before it becomes the
 * program. The parent learns of a failed exec through a pipe that a successful one closes. */
#include "controller/installation/child.h"

#include "controller/installation/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, EXEC_FAILED = 127, POLLS = 2 };

struct child {
	struct process_identity identity;
	int pidfd;
	int output;
	uv_poll_t end;
	uv_poll_t speaks;
	struct log_file log;
	int status;
	int open_polls;
	void (*ended)(void *context, int status);
	void *context;
};

/* In the new process; only what is safe after fork in a process that may have threads. */
static void become(const struct child_settings *settings, char **environment, int output, int failed, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDONLY);
	if (getppid() == parent && setsid() >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0)
		execvpe(settings->argv[0], (char *const *)settings->argv, environment);
	int reason = errno;
	if (write(failed, &reason, sizeof(reason)) < 0)
		_exit(EXEC_FAILED + 1);
	_exit(EXEC_FAILED);
}

static bool same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");
	return strncmp(a, b, length + 1) == 0;
}

/* This process's environment with the additions in place of what has their names. The texts are borrowed. */
static char **merge_environment(char *const *additions)
{
	size_t count = 0;
	size_t more = 0;
	while (environ[count] != NULL)
		count++;
	while (additions[more] != NULL)
		more++;
	char **merged = calloc(count + more + 1, sizeof(*merged));
	if (merged == NULL)
		abort();
	size_t filled = 0;
	for (size_t i = 0; i < count; i++) {
		bool replaced = false;
		for (size_t j = 0; j < more; j++)
			replaced = replaced || same_name(additions[j], environ[i]);
		if (!replaced)
			merged[filled++] = environ[i];
	}
	for (size_t j = 0; j < more; j++)
		merged[filled++] = additions[j];
	return merged;
}

/* The process, or -1 with errno; *output is the end from which its words are read. */
static pid_t spawn(const struct child_settings *settings, int *output)
{
	int words[2];
	int failed[2];
	int reason = 0;
	if (pipe2(words, O_CLOEXEC) != 0)
		return -1;
	if (pipe2(failed, O_CLOEXEC) != 0) {
		close(words[0]);
		close(words[1]);
		return -1;
	}
	char **environment = merge_environment(settings->environment);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		become(settings, environment, words[1], failed[1], parent);
	if (pid < 0)
		reason = errno;
	free(environment);
	close(words[1]);
	close(failed[1]);
	if (pid > 0 && read(failed[0], &reason, sizeof(reason)) == (ssize_t)sizeof(reason)) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(failed[0]);
	if (pid < 0)
		close(words[0]);
	*output = words[0];
	errno = reason;
	return pid;
}

/* Takes what is there; false at the end of the pipe. */
static bool take_words(struct child *child)
{
	static char buffer[READ_BYTES];
	ssize_t got;
	while ((got = read(child->output, buffer, sizeof(buffer))) > 0)
		log_file_append(&child->log, buffer, (size_t)got);
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

static void poll_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;
	if (--child->open_polls > 0)
		return;
	close(child->pidfd);
	close(child->output);
	log_file_close(&child->log);
	child->ended(child->context, child->status);
	free(child);
}

static void on_words(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	if (!take_words(poll->data))
		uv_poll_stop(poll);
}

static void on_end(uv_poll_t *poll, int poll_status, int events)
{
	(void)poll_status;
	(void)events;
	struct child *child = poll->data;
	if (waitpid(child->identity.pid, &child->status, WNOHANG) != child->identity.pid)
		return;
	/* Its own children may hold the pipe open: what is there now is all. */
	take_words(child);
	uv_close((uv_handle_t *)&child->end, poll_closed);
	uv_close((uv_handle_t *)&child->speaks, poll_closed);
}

struct child *child_start(uv_loop_t *loop, const struct child_settings *settings, struct error *error)
{
	int output;
	pid_t pid = spawn(settings, &output);
	if (pid < 0) {
		error_errno(error, errno, "%s", settings->argv[0]);
		return NULL;
	}
	struct child *child = calloc(1, sizeof(*child));
	if (child == NULL)
		abort();
	child->pidfd = pidfd_open(pid, 0);
	child->output = output;
	child->ended = settings->ended;
	child->context = settings->context;
	child->open_polls = POLLS;
	child->end.data = child;
	child->speaks.data = child;
	/* It cannot be gone before it is waited for, so this is its own start time. */
	if (!process_identity_of(pid, &child->identity))
		child->identity.pid = pid;
	log_file_open(&child->log, settings->log_path);
	if (child->pidfd < 0 || fcntl(output, F_SETFL, O_NONBLOCK) != 0 ||
	    uv_poll_init(loop, &child->end, child->pidfd) != 0 ||
	    uv_poll_init(loop, &child->speaks, child->output) != 0)
		abort();
	uv_poll_start(&child->end, UV_READABLE, on_end);
	uv_poll_start(&child->speaks, UV_READABLE, on_words);
	return child;
}

struct process_identity child_identity(const struct child *child)
{
	return child->identity;
}

void child_signal(struct child *child, int signal)
{
	pidfd_send_signal(child->pidfd, signal, NULL, 0);
}
