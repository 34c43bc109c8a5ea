/* statvfs, remembered for a second so that a burst of creates does not pay for it. */
#include "controller/commands/disk_reserve.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/options.h"

#include <stddef.h>
#include <sys/statvfs.h>

enum { REMEMBERED_MS = 1000 };

bool disk_reserve_left(const char *folder, struct error *error)
{
	static int64_t looked_at_ms = -REMEMBERED_MS;
	static uint64_t free_mb;
	struct statvfs disk;
	if (folder == NULL)
		return true;
	if (clock_monotonic_ms() - looked_at_ms >= REMEMBERED_MS) {
		if (statvfs(folder, &disk) != 0)
			return true;
		free_mb = (uint64_t)disk.f_bavail * disk.f_frsize / (1024 * 1024);
		looked_at_ms = clock_monotonic_ms();
	}
	if (free_mb >= (uint64_t)option_number(OPTION_DISK_RESERVE_MB))
		return true;
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "only %llu MiB are free in %s", (unsigned long long)free_mb,
			 folder);
}
