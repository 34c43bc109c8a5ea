/* One statvfs before each transaction, some microseconds. The bounds lie far apart, so that giving the
 * ballast does not at once look like plenty. */
#include "nodeagent/control/ballast.h"

#include "bus/foundation/log.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BALLAST_BYTES = 4 * 1024 * 1024, HARDLY_ANY = BALLAST_BYTES / 4, PLENTY = 8 * BALLAST_BYTES };

static uint64_t room_beside(const char *path)
{
	char folder[4096];
	struct statvfs facts;
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	if (statvfs(slash ? folder : ".", &facts) != 0)
		return 0;
	return (uint64_t)facts.f_bavail * facts.f_frsize;
}

static void take(struct ballast *ballast)
{
	int fd = open(ballast->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ballast->there = fd >= 0 && posix_fallocate(fd, 0, BALLAST_BYTES) == 0;
	if (fd >= 0)
		close(fd);
	if (!ballast->there)
		unlink(ballast->path);
}

void ballast_open(struct ballast *ballast, const char *path)
{
	snprintf(ballast->path, sizeof(ballast->path), "%s.ballast", path);
	ballast->there = access(ballast->path, F_OK) == 0;
	ballast_tend(ballast);
}

void ballast_tend(struct ballast *ballast)
{
	uint64_t room = room_beside(ballast->path);
	if (ballast->there && room < HARDLY_ANY) {
		log_warning("the disk is full: the agent gives up its ballast to be able to go on");
		unlink(ballast->path);
		ballast->there = 0;
	} else if (!ballast->there && room > PLENTY) {
		take(ballast);
	}
}
