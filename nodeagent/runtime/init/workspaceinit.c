/* The first process of every workspace, static and tiny: it is bound into any image. Reaps what is left
 * behind by others; on SIGTERM or SIGINT asks every process of the workspace to end and leaves once none
 * is left. Whoever sent the signal decides how long to wait before SIGKILL. Who leads a terminal is told
 * that it is gone (SIGHUP): interactive shells do not hear SIGTERM.
 *
 * Sessions' programs are not its children, so it cannot wait for them: it looks, at growing intervals,
 * and only while the workspace is ending.
 *
 * The same program, entered as "init steps", runs the commands of a checkout (steps.h). */
#include "nodeagent/runtime/init/steps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Whether the process is the leader of a session with a terminal. In its stat line the name in brackets
 * may hold anything; after the last bracket come state, parent, group, session, terminal. */
static bool leads_terminal(const char *pid)
{
	char path[64];
	char line[512];
	int session = 0;
	int terminal = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return false;
	line[length] = '\0';
	const char *rest = strrchr(line, ')');
	return rest != NULL && sscanf(rest + 1, " %*c %*d %*d %d %d", &session, &terminal) == 2 && terminal != 0 &&
	       session == atoi(pid);
}

static void hang_up_terminals(void)
{
	DIR *folder = opendir("/proc");
	if (folder == NULL)
		return;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && leads_terminal(entry->d_name))
			kill(atoi(entry->d_name), SIGHUP);
	closedir(folder);
}

static void end_all(const sigset_t *watched)
{
	struct timespec pause = {.tv_nsec = 1000 * 1000};
	kill(-1, SIGTERM);
	hang_up_terminals();
	/* A stopped process hears SIGTERM only when it goes on. */
	kill(-1, SIGCONT);
	for (;;) {
		reap();
		if (kill(-1, 0) != 0 && errno == ESRCH)
			return;
		sigtimedwait(watched, NULL, &pause);
		if (pause.tv_nsec < 16 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
}

int main(int argc, char **argv)
{
	sigset_t watched;
	if (argc > 2 && strcmp(argv[1], "steps") == 0)
		return steps_run(argv + 2);
	sigfillset(&watched);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	for (;;) {
		int number = sigwaitinfo(&watched, NULL);
		if (number == SIGCHLD)
			reap();
		if (number == SIGTERM || number == SIGINT) {
			end_all(&watched);
			return 0;
		}
	}
}
