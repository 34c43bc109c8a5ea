/* A clone with --reference borrows objects from the source for ever. Here the source's packs are copied and the
 * loan is ended, which is what git's --dissociate does by packing everything anew, in a tenth of the time. The
 * source is read-only and has nothing but packs. */
#include "nodeagent/runtime/init/steps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 512, NOT_RUN = 127, FAILED = 126 };

static const char pack_folder[] = "/workspace/.git/objects/pack";
static const char alternates[] = "/workspace/.git/objects/info/alternates";

static int run_command(char **arguments)
{
	int status = 0;
	if (arguments[0] == NULL)
		return NOT_RUN;
	pid_t pid = fork();
	if (pid == 0) {
		execvp(arguments[0], arguments);
		dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments[0],
			errno == ENOENT ? "executable file not found" : strerror(errno));
		_exit(NOT_RUN);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool copy_bytes(int from, int to)
{
	struct stat status;
	if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	for (off_t left = status.st_size; left > 0;) {
		ssize_t size = sendfile(to, from, NULL, (size_t)left);
		if (size <= 0)
			return false;
		left -= size;
	}
	return true;
}

static bool copy_pack(int source, int target, const char *name)
{
	int from = openat(source, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to = openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	bool copied = from >= 0 && ((to < 0 && errno == EEXIST) || (to >= 0 && copy_bytes(from, to)));
	if (!copied)
		dprintf(STDERR_FILENO, "cannot copy %s: %s\n", name, strerror(errno));
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return copied;
}

static bool copy_packs(const char *repository)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/objects/pack", repository);
	int source = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int target = open(pack_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = source >= 0 && target >= 0 ? fdopendir(source) : NULL;
	bool copied = folder != NULL;
	const struct dirent *entry;
	while (copied && (entry = readdir(folder)) != NULL)
		copied = strncmp(entry->d_name, "pack-", 5) != 0 || copy_pack(dirfd(folder), target, entry->d_name);
	if (target >= 0)
		close(target);
	if (folder != NULL)
		closedir(folder);
	else if (source >= 0)
		close(source);
	return copied;
}

static int keep_objects(const char *repository)
{
	return copy_packs(repository) && (unlink(alternates) == 0 || errno == ENOENT) ? 0 : FAILED;
}

int steps_run(char **arguments)
{
	const char *repository = arguments[0] != NULL ? *arguments++ : "";
	int code = 0;
	/* Whoever waits learns that the sandbox was entered. */
	dprintf(STDERR_FILENO, "The checkout begins.\n");
	for (bool first = true; code == 0 && *arguments != NULL; first = false) {
		char **command = arguments;
		while (*arguments != NULL && strcmp(*arguments, "\n") != 0)
			arguments++;
		if (*arguments != NULL)
			*arguments++ = NULL;
		code = run_command(command);
		if (code == 0 && first && repository[0] != '\0')
			code = keep_objects(repository);
	}
	return code;
}
