/* The janitor is started at first use and detached twice, so that it is nobody's child: a test runner
 * that kills the test with all its children leaves it. It reads lines, each with a mark for path or
 * command; at the end of the pipe, which is the end of the program, it runs the commands and becomes
 * `rm -rf`. */
#include "tests/support/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATHS_MAX = 256, MARK_PATH = 'p', MARK_COMMAND = 'c' };

static int janitor_pipe = -1;

static void die(const char *what)
{
	perror(what);
	abort();
}

/* However it ends, the rest is done. */
static void run_command(const char *line)
{
	pid_t shell = fork();
	if (shell == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(1);
	}
	if (shell > 0)
		waitpid(shell, NULL, 0);
}

static void janitor(int input)
{
	char *arguments[PATHS_MAX + 4] = {(char *)"rm", (char *)"-rf", (char *)"--"};
	int count = 3;
	char *line = NULL;
	size_t size = 0;
	FILE *paths = fdopen(input, "r");
	if (paths == NULL)
		_exit(1);
	char *commands[PATHS_MAX];
	int command_count = 0;
	while (getline(&line, &size, paths) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == MARK_PATH && count < PATHS_MAX + 3)
			arguments[count++] = strdup(line + 1);
		else if (line[0] == MARK_COMMAND && command_count < PATHS_MAX)
			commands[command_count++] = strdup(line + 1);
	}
	while (command_count-- > 0)
		run_command(commands[command_count]);
	execvp("rm", arguments);
	_exit(1);
}

static void start_janitor(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		die("pipe for the janitor");
	pid_t middle = fork();
	if (middle < 0)
		die("fork for the janitor");
	if (middle == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		close(ends[1]);
		/* Who waits for the end of the test's output must not wait for the janitor. */
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		janitor(ends[0]);
	}
	waitpid(middle, NULL, 0);
	close(ends[0]);
	janitor_pipe = ends[1];
}

static void tell_janitor(char mark, const char *text)
{
	char line[4096];
	if (janitor_pipe < 0)
		start_janitor();
	int length = snprintf(line, sizeof(line), "%c%s\n", mark, text);
	if (length >= (int)sizeof(line) || write(janitor_pipe, line, (size_t)length) != length)
		die("telling the janitor");
}

void cleanup_path(const char *path)
{
	tell_janitor(MARK_PATH, path);
}

void cleanup_command(const char *command)
{
	tell_janitor(MARK_COMMAND, command);
}

/* The paths handed out, which live as long as the program. */
struct folder {
	struct folder *next;
	char path[4000];
};

const char *cleanup_folder(void)
{
	static struct folder *folders;
	const char *parent = getenv("TMPDIR");
	struct folder *folder = calloc(1, sizeof(*folder));
	if (folder == NULL)
		die("memory");
	snprintf(folder->path, sizeof(folder->path), "%s/roost-test-XXXXXX", parent == NULL ? "/tmp" : parent);
	if (mkdtemp(folder->path) == NULL)
		die("mkdtemp");
	cleanup_path(folder->path);
	folder->next = folders;
	folders = folder;
	return folder->path;
}
