#include "tests/support/process.h"

#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_TIMEOUT_MS = 60000, EXEC_FAILED = 127 };

static void become(const char *const *argv, const char *const *environment, const char *output, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXEC_FAILED); /* it died before the line above */
	for (; environment != NULL && *environment != NULL; environment++)
		putenv((char *)*environment);
	int fd = output == NULL ? -1 : open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	execvp(argv[0], (char *const *)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(EXEC_FAILED);
}

void process_start(struct process *process, const char *const *argv, const char *const *environment, const char *output)
{
	pid_t parent = getpid();
	*process = (struct process){.pid = fork()};
	if (process->pid < 0)
		fail_msg("fork for %s: %s", argv[0], strerror(errno));
	if (process->pid == 0)
		become(argv, environment, output, parent);
}

void process_signal(const struct process *process, int signal)
{
	if (process->pid > 0)
		kill(process->pid, signal);
}

bool process_ended(struct process *process)
{
	if (process->pid > 0 && waitpid(process->pid, &process->status, WNOHANG) == process->pid)
		process->pid = 0;
	return process->pid == 0;
}

static bool ended(void *context)
{
	return process_ended(context);
}

int process_wait(struct process *process, uint32_t timeout_ms)
{
	wait_until(ended, process, timeout_ms, "the end of a program");
	return WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 128 + WTERMSIG(process->status);
}

void process_kill(struct process *process)
{
	if (process->pid <= 0)
		return;
	kill(process->pid, SIGKILL);
	waitpid(process->pid, &process->status, 0);
	process->pid = 0;
}

int process_run(const char *const *argv, const char *const *environment, char *text, uint32_t size)
{
	static const char *folder;
	char output[4096];
	folder = folder == NULL ? cleanup_folder() : folder;
	snprintf(output, sizeof(output), "%s/output", folder);
	unlink(output);
	struct process process;
	process_start(&process, argv, environment, output);
	int code = process_wait(&process, RUN_TIMEOUT_MS);
	FILE *file = fopen(output, "re");
	size_t length = file == NULL || size == 0 ? 0 : fread(text, 1, size - 1, file);
	if (size > 0)
		text[length] = '\0';
	if (file != NULL)
		fclose(file);
	return code;
}
