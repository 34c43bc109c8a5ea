/* Two pipes: what the new process says is passed on as it comes; a byte on the other means "ready", its
 * end without one means "failed". */
#include "controller/installation/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1;

static void pass_on(int from)
{
	char buffer[4096];
	ssize_t got;
	while ((got = read(from, buffer, sizeof(buffer))) > 0 || (got < 0 && errno == EINTR))
		for (ssize_t done = 0, step; done < got; done += step)
			if ((step = write(STDOUT_FILENO, buffer + done, (size_t)(got - done))) <= 0)
				return; /* nobody reads: the start goes on all the same */
}

static int watch(int words, int ready)
{
	char byte;
	pass_on(words);
	return read(ready, &byte, 1) == 1 ? 0 : 1;
}

static void go_to_background(int words, int ready)
{
	setsid();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(words, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	close(words);
	close(null);
	ready_pipe = ready;
}

int detach(void)
{
	int words[2];
	int ready[2];
	if (pipe2(words, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
		perror("roost: pipe");
		return 1;
	}
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		perror("roost: fork");
		return 1;
	}
	if (child == 0) {
		close(words[0]);
		close(ready[0]);
		go_to_background(words[1], ready[1]);
		return -1;
	}
	close(words[1]);
	close(ready[1]);
	return watch(words[0], ready[0]);
}

void detach_ready(const char *log_path)
{
	if (ready_pipe < 0)
		return;
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log < 0)
		log = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fflush(NULL);
	if (write(ready_pipe, "", 1) != 1)
		perror("roost: nobody waits");
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	close(log);
	close(ready_pipe);
	ready_pipe = -1;
}
