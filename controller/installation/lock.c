/* run/lock is locked with flock, which ends with its process; its text says who holds it. run/processes
 * names this boot and then a daemon a line: name, pid, start time. */
#include "controller/installation/lock.h"

#include "controller/installation/file.h"
#include "controller/installation/number.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, END_GRACE_MS = 10000 };

static int open_lock(const struct installation *installation, int flags)
{
	struct arena *arena = arena_new();
	int fd = open(installation_path(installation, arena, "run/lock"), flags | O_CLOEXEC, 0600);
	arena_free(arena);
	return fd;
}

/* "<pid> <start time>" */
static bool read_identity(const char *text, struct process_identity *out)
{
	uint64_t pid;
	if (!number_read(&text, INT_MAX, &pid) || !number_read(&text, UINT64_MAX, &out->start_time))
		return false;
	out->pid = (pid_t)pid;
	return true;
}

static bool read_holder(int fd, struct process_identity *holder)
{
	char text[64];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	return read_identity(text, holder);
}

int lock_take(const struct installation *installation, struct error *error)
{
	struct process_identity holder = {0};
	int fd = open_lock(installation, O_RDWR | O_CREAT);
	if (fd < 0) {
		error_errno(error, errno, "%s/run/lock", installation->folder);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		read_holder(fd, &holder);
		error_set(error, ERROR_CONFLICT, "the installation in %s runs already (process %d)",
			  installation->folder, (int)holder.pid);
		close(fd);
		return -1;
	}
	process_identity_of(getpid(), &holder);
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d %" PRIu64 "\n", (int)holder.pid, holder.start_time) < 0) {
		error_errno(error, errno, "%s/run/lock", installation->folder);
		close(fd);
		return -1;
	}
	return fd;
}

bool lock_holder(const struct installation *installation, struct process_identity *holder)
{
	int fd = open_lock(installation, O_RDONLY);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK && read_holder(fd, holder);
	close(fd);
	return held;
}

bool processes_note(const struct installation *installation, const struct noted_process *processes, size_t count,
		    struct error *error)
{
	struct arena *arena = arena_new();
	char boot[64];
	process_boot_id(boot);
	char *text = arena_printf(arena, "%s\n", boot);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(arena, "%s%s %d %" PRIu64 "\n", text, processes[i].name,
				    (int)processes[i].identity.pid, processes[i].identity.start_time);
	bool noted = file_write(installation_path(installation, arena, "run/processes"), text, error);
	arena_free(arena);
	return noted;
}

static size_t read_processes(char *text, struct noted_process processes[PROCESSES_MAX])
{
	char boot[64];
	char *rest = NULL;
	size_t count = 0;
	process_boot_id(boot);
	char *line = strtok_r(text, "\n", &rest);
	if (line == NULL || strcmp(line, boot) != 0)
		return 0;
	while (count < PROCESSES_MAX && (line = strtok_r(NULL, "\n", &rest)) != NULL) {
		struct noted_process *one = &processes[count];
		size_t length = strcspn(line, " ");
		if (length >= sizeof(one->name) || !read_identity(line + length, &one->identity))
			continue;
		memcpy(one->name, line, length);
		one->name[length] = '\0';
		count++;
	}
	return count;
}

bool processes_end(const struct installation *installation, void (*said)(const char *name, int pid),
		   struct error *error)
{
	struct noted_process processes[PROCESSES_MAX];
	struct arena *arena = arena_new();
	char *text = file_read(installation_path(installation, arena, "run/processes"), arena, NULL);
	size_t count = text == NULL ? 0 : read_processes(text, processes);
	arena_free(arena);
	bool ended = true;
	while (count-- > 0) {
		int pidfd = process_identity_open(&processes[count].identity);
		if (pidfd < 0)
			continue;
		close(pidfd);
		said(processes[count].name, (int)processes[count].identity.pid);
		if (!process_identity_end(&processes[count].identity, END_GRACE_MS))
			ended = error_set(error, ERROR_STOP_FAILED, "%s (process %d) does not end",
					  processes[count].name, (int)processes[count].identity.pid);
	}
	return ended;
}
