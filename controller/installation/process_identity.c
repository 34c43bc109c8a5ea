#include "controller/installation/process_identity.h"

#include "controller/installation/number.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { KILLED_WITHIN_MS = 5000, START_TIME_FIELD = 22, FIRST_FIELD_AFTER_NAME = 3 };

bool process_identity_of(pid_t pid, struct process_identity *out)
{
	char path[64];
	char text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	size_t length = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
	if (file != NULL)
		fclose(file);
	text[length] = '\0';
	/* The name, in parentheses, may hold anything: fields are counted from its end. */
	char *place = strrchr(text, ')');
	/* One that nobody has waited for has ended all the same. */
	if (place != NULL && (strncmp(place, ") Z", 3) == 0 || strncmp(place, ") X", 3) == 0))
		return false;
	for (int field = FIRST_FIELD_AFTER_NAME - 1; place != NULL && field < START_TIME_FIELD; field++)
		place = strchr(place + 1, ' ');
	const char *rest = place;
	uint64_t start;
	if (rest == NULL || !number_read(&rest, UINT64_MAX, &start))
		return false;
	*out = (struct process_identity){.pid = pid, .start_time = start};
	return true;
}

int process_identity_open(const struct process_identity *identity)
{
	struct process_identity present;
	int fd = identity->pid <= 0 ? -1 : pidfd_open(identity->pid, 0);
	/* Compared after opening: the pidfd holds on to whatever process it is. */
	if (fd >= 0 && (!process_identity_of(identity->pid, &present) || present.start_time != identity->start_time)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool gone_within(int pidfd, int timeout_ms)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	int result;
	do
		result = poll(&wait, 1, timeout_ms);
	while (result < 0 && errno == EINTR);
	return result > 0;
}

bool process_identity_end(const struct process_identity *identity, int grace_ms)
{
	int pidfd = process_identity_open(identity);
	if (pidfd < 0)
		return true;
	pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
	bool gone = gone_within(pidfd, grace_ms);
	if (!gone) {
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		gone = gone_within(pidfd, KILLED_WITHIN_MS);
	}
	close(pidfd);
	return gone;
}

void process_boot_id(char id[64])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (file == NULL || fgets(id, 64, file) == NULL)
		id[0] = '\0';
	id[strcspn(id, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
}
